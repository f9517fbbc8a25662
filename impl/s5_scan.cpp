// The scan alone: rows of time are turned into rows of states, some states and steps at a time.
#include <algorithm>
#include <string>
#include <vector>

#include "impl/s5_scratch.hpp"
#include "impl/s5_tile.hpp"
#include "impl/ssm_tile.hpp"
#include "impl/threads.hpp"

namespace exactscan::impl::s5 {
namespace {

constexpr std::int64_t kSteps = 64, kWidth = kTileGrain;
// Elements from which another thread pays.
constexpr std::int64_t kThreadGrain = std::int64_t{1} << 14;

template <class S>
void require_scan(const Scan<S>& s) {
  require(s.batch >= 0 && s.states >= 0 && s.length >= 0, "a size is negative");
  require(s.threads >= 0, "the number of threads is negative");
  const std::int64_t rows = s.batch * s.states;
  require(present(s.b, rows * s.length) && present(s.delta, rows * s.length) && present(s.A, rows),
          "a tensor is missing");
}

// A block of states: kWidth of them, or what is left, of one sequence.
struct Block {
  std::int64_t row, count;  // its first row of [batch * states], and how many
  std::int64_t state;
};
template <class S>
Block block_of(const Scan<S>& s, std::int64_t n, std::int64_t index) {
  const std::int64_t p = index * kWidth;
  return {n * s.states + p, std::min(kWidth, s.states - p), p};
}

// Scratch of one thread.
template <class S>
struct Scratch {
  using Z = std::complex<S>;
  std::vector<Z> A = zeros<Z>(kWidth), state = zeros<Z>(kWidth), x = zeros<Z>(kSteps * kWidth);
  std::vector<S> delta = zeros<S>(kSteps * kWidth), deltaA = zeros<S>(kSteps * kWidth);

  void start(const Scan<S>& s, const Block& block) {
    copy_row(s.A + block.state, block.count, A);
    if (s.initial == nullptr) {
      std::fill(state.begin(), state.end(), Z(0));
    } else {
      copy_row(s.initial + block.row, block.count, state);
    }
  }
  // x becomes the states of the steps [t, t + count), which state is moved on by.
  void advance(const Scan<S>& s, const Block& block, std::int64_t t, std::int64_t count) {
    const auto [row, states, state_index] = block;
    const std::int64_t from = row * s.length + t;
    to_time_major(s.b + from, s.length, states, count, kWidth, x.data());
    to_time_major(s.delta + from, s.length, states, count, kWidth, delta.data());
    if (s.deltaA != nullptr) to_time_major(s.deltaA + from, s.length, states, count, kWidth, deltaA.data());
    run(ForwardTile<S>{count, kWidth, s.method, A.data(), delta.data(),
                       s.deltaA == nullptr ? nullptr : deltaA.data(), x.data(), state.data()});
  }
};

template <class S>
void scan_block(const Scan<S>& s, const Block& block, Scratch<S>& scratch) {
  scratch.start(s, block);
  for (std::int64_t t = 0; t < s.length; t += kSteps) {
    const std::int64_t count = std::min(kSteps, s.length - t);
    scratch.advance(s, block, t, count);
    if (s.x != nullptr)
      to_state_major(scratch.x.data(), kWidth, block.count, count, s.length, s.x + block.row * s.length + t);
  }
  if (s.last != nullptr) std::copy_n(scratch.state.begin(), block.count, s.last + block.row);
}

template <class S>
struct ReverseScratch : Scratch<S> {
  using Z = std::complex<S>;
  std::vector<Z> b = zeros<Z>(kSteps * kWidth), g = b, carry = zeros<Z>(kWidth), sum_A = carry;
  std::vector<S> ddelta = zeros<S>(kSteps * kWidth), ddeltaA = ddelta;
  std::vector<Z> starts;  // the state before each tile; without stored states
};

template <class S>
void keep_starts(const Scan<S>& s, const Block& block, ReverseScratch<S>& r) {
  r.start(s, block);
  r.starts.clear();
  if (s.x != nullptr) return;
  for (std::int64_t t = 0; t < s.length; t += kSteps) {
    r.starts.insert(r.starts.end(), r.state.begin(), r.state.end());
    if (t + kSteps < s.length) r.advance(s, block, t, kSteps);
  }
}

// state: before the tile; x: in it.
template <class S>
void states_of_tile(const Scan<S>& s, const Block& block, std::int64_t t, std::int64_t count,
                    ReverseScratch<S>& r) {
  if (s.x == nullptr) {
    const auto start = r.starts.begin() + t / kSteps * kWidth;
    std::copy_n(start, kWidth, r.state.begin());
    r.advance(s, block, t, count);
    std::copy_n(start, kWidth, r.state.begin());
    return;
  }
  r.start(s, block);
  const std::int64_t from = block.row * s.length + t;
  for (std::int64_t i = 0; i < block.count && t > 0; ++i)
    r.state[static_cast<std::size_t>(i)] = s.x[from + i * s.length - 1];
  to_time_major(s.x + from, s.length, block.count, count, kWidth, r.x.data());
  to_time_major(s.delta + from, s.length, block.count, count, kWidth, r.delta.data());
  if (s.deltaA != nullptr)
    to_time_major(s.deltaA + from, s.length, block.count, count, kWidth, r.deltaA.data());
}

template <class S>
void reverse_block(const ScanBackward<S>& back, const Block& block, ReverseScratch<S>& r) {
  const Scan<S>& s = back.forward;
  keep_starts(s, block, r);
  if (back.g_last == nullptr) {
    std::fill(r.carry.begin(), r.carry.end(), std::complex<S>(0));
  } else {
    copy_row(back.g_last + block.row, block.count, r.carry);
  }
  const bool two_steps = s.deltaA != nullptr;
  for (std::int64_t t = s.length == 0 ? -1 : (s.length - 1) / kSteps * kSteps; t >= 0; t -= kSteps) {
    const std::int64_t count = std::min(kSteps, s.length - t), from = block.row * s.length + t;
    states_of_tile(s, block, t, count, r);
    to_time_major(s.b + from, s.length, block.count, count, kWidth, r.b.data());
    to_time_major(back.g + from, s.length, block.count, count, kWidth, r.g.data());
    run(ReverseTile<S>{count, kWidth, s.method, r.A.data(), r.delta.data(),
                       two_steps ? r.deltaA.data() : nullptr, r.b.data(), r.x.data(), r.state.data(),
                       r.g.data(), r.carry.data(), r.sum_A.data(), r.ddelta.data(),
                       two_steps ? r.ddeltaA.data() : nullptr});
    const auto put = [&](const auto& tile, auto* to) {
      if (to != nullptr) to_state_major(tile.data(), kWidth, block.count, count, s.length, to + from);
    };
    put(r.g, back.gb);
    put(r.ddelta, back.ddelta);
    if (two_steps) put(r.ddeltaA, back.ddeltaA);
  }
  if (back.d_initial != nullptr) std::copy_n(r.carry.begin(), block.count, back.d_initial + block.row);
}

std::int64_t blocks_of(std::int64_t states) { return (states + kWidth - 1) / kWidth; }

}  // namespace

template <class S>
void scan(const Scan<S>& s) {
  require_scan(s);
  const std::int64_t blocks = blocks_of(s.states), units = s.batch * blocks;
  if (units == 0) return;
  const int threads =
      usable_threads(s.threads, std::min(s.batch * s.states * s.length, units * kThreadGrain), kThreadGrain);
  in_threads(threads, [&](int thread) {
    Scratch<S> scratch;
    for (std::int64_t i = units * thread / threads; i < units * (thread + 1) / threads; ++i)
      scan_block(s, block_of(s, i / blocks, i % blocks), scratch);
  });
}

template <class S>
void scan_backward(const ScanBackward<S>& back) {
  const Scan<S>& s = back.forward;
  require_scan(s);
  require(present(back.g, s.batch * s.states * s.length), "the gradient of x is missing");
  const std::int64_t blocks = blocks_of(s.states);
  if (blocks == 0) return;
  const int threads =
      usable_threads(s.threads, std::min(s.batch * s.states * s.length, blocks * kThreadGrain), kThreadGrain);
  in_threads(threads, [&](int thread) {
    ReverseScratch<S> scratch;
    for (std::int64_t i = blocks * thread / threads; i < blocks * (thread + 1) / threads; ++i) {
      std::fill(scratch.sum_A.begin(), scratch.sum_A.end(), std::complex<S>(0));
      for (std::int64_t n = 0; n < s.batch; ++n) reverse_block(back, block_of(s, n, i), scratch);
      const Block block = block_of(s, 0, i);
      if (back.dA != nullptr) std::copy_n(scratch.sum_A.begin(), block.count, back.dA + block.state);
    }
  });
}

template void scan<float>(const Scan<float>&);
template void scan<double>(const Scan<double>&);
template void scan_backward<float>(const ScanBackward<float>&);
template void scan_backward<double>(const ScanBackward<double>&);

}  // namespace exactscan::impl::s5
