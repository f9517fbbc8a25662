// The scan alone: rows of time are turned into rows of states, some states and steps at a time.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "impl/s5_scratch.hpp"
#include "impl/s5_tile.hpp"
#include "impl/ssm_tile.hpp"
#include "impl/threads.hpp"

namespace exactscan::impl::s5 {
namespace {

// Of time: forward what stays in a first-level cache; backward, with twice as many tensors, longer pieces of
// each row are worth more.
constexpr std::int64_t kForwardSteps = 64, kReverseSteps = 256, kWidth = kTileGrain;
// Elements from which another thread pays.
constexpr std::int64_t kThreadGrain = std::int64_t{1} << 14;
// So few states over so many steps are scanned in segments of time side by side: three passes over each, so
// there must be more than three of them.
constexpr std::int64_t kFewStates = 2, kManySteps = 4096;

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

// Scratch of one thread, for so many steps at a time.
template <class S>
struct Scratch {
  using Z = std::complex<S>;
  explicit Scratch(std::int64_t count)
      : steps(count), x(zeros<Z>(count * kWidth)), delta(zeros<S>(count * kWidth)), deltaA(delta) {}

  std::int64_t steps;
  std::vector<Z> A = zeros<Z>(kWidth), state = A, x;
  std::vector<S> delta, deltaA;

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
  for (std::int64_t t = 0; t < s.length; t += scratch.steps) {
    const std::int64_t count = std::min(scratch.steps, s.length - t);
    scratch.advance(s, block, t, count);
    if (s.x != nullptr)
      to_state_major(scratch.x.data(), kWidth, block.count, count, s.length, s.x + block.row * s.length + t);
  }
  if (s.last != nullptr) std::copy_n(scratch.state.begin(), block.count, s.last + block.row);
}

// One sequence of few states: lane g P + p is segment g of state p. A segment maps its first state x to
// product x + end; the products come from a pass with x = 1 and no input. Where one is not finite nothing is
// written, and the result is false.
template <class S>
class SegmentedScan {
  using Z = std::complex<S>;

 public:
  SegmentedScan(const Scan<S>& s, std::int64_t n)
      : s_(s), n_(n), segments_(kWidth / s.states), steps_((s.length + segments_ - 1) / segments_) {
    for (std::int64_t lane = 0; lane < segments_ * s.states; ++lane)
      r_.A[static_cast<std::size_t>(lane)] = s.A[lane % s.states];
  }

  bool run_all() {
    const auto lanes = static_cast<std::size_t>(segments_ * s_.states),
               P = static_cast<std::size_t>(s_.states);
    pass<true, false>();
    const std::vector<Z> end = r_.state;
    r_.state.assign(r_.state.size(), Z(1));
    pass<false, false>();
    const std::vector<Z> product = r_.state;
    std::vector<Z> start(r_.state.size());
    if (s_.initial != nullptr) std::copy_n(s_.initial + n_ * s_.states, P, start.begin());
    for (std::size_t i = P; i < lanes; ++i) {
      const Z before = product[i - P];
      if (!std::isfinite(before.real()) || !std::isfinite(before.imag())) return false;
      start[i] = before * start[i - P] + end[i - P];
    }
    r_.state = start;
    pass<true, true>();
    if (s_.last != nullptr)
      std::copy_n(r_.state.begin() + (segments_ - 1) * s_.states, P, s_.last + n_ * s_.states);
    return true;
  }

 private:
  // Steps beyond the end are of size 0 and without input: they change nothing.
  template <bool kInput, bool kOutput>
  void pass() {
    for (std::int64_t t = 0; t < steps_; t += kForwardSteps) {
      const std::int64_t count = std::min(kForwardSteps, steps_ - t);
      for (auto* tile : {&r_.delta, &r_.deltaA}) std::fill(tile->begin(), tile->end(), S(0));
      std::fill(r_.x.begin(), r_.x.end(), Z(0));
      for_each_segment(t, count, [&](std::int64_t from, std::int64_t steps, std::int64_t lane) {
        to_time_major(s_.delta + from, s_.length, s_.states, steps, kWidth, r_.delta.data() + lane);
        if (s_.deltaA != nullptr)
          to_time_major(s_.deltaA + from, s_.length, s_.states, steps, kWidth, r_.deltaA.data() + lane);
        if (kInput) to_time_major(s_.b + from, s_.length, s_.states, steps, kWidth, r_.x.data() + lane);
      });
      run(ForwardTile<S>{count, kWidth, s_.method, r_.A.data(), r_.delta.data(),
                         s_.deltaA == nullptr ? nullptr : r_.deltaA.data(), r_.x.data(), r_.state.data()});
      if (!kOutput || s_.x == nullptr) continue;
      for_each_segment(t, count, [&](std::int64_t from, std::int64_t steps, std::int64_t lane) {
        to_state_major(r_.x.data() + lane, kWidth, s_.states, steps, s_.length, s_.x + from);
      });
    }
  }
  // body(first element, steps, first lane) for the steps [t, t + count) of each segment, as far as it goes.
  template <class Body>
  void for_each_segment(std::int64_t t, std::int64_t count, const Body& body) {
    for (std::int64_t g = 0; g < segments_; ++g) {
      const std::int64_t first = g * steps_ + t, steps = std::min(count, s_.length - first);
      if (steps > 0) body(n_ * s_.states * s_.length + first, steps, g * s_.states);
    }
  }

  const Scan<S>& s_;
  std::int64_t n_, segments_, steps_;
  Scratch<S> r_{kForwardSteps};
};

template <class S>
struct ReverseScratch : Scratch<S> {
  using Z = std::complex<S>;
  ReverseScratch() : Scratch<S>(kReverseSteps) {}

  std::vector<Z> b = this->x, g = b, carry = this->state, sum_A = carry;
  std::vector<S> ddelta = this->delta, ddeltaA = ddelta;
  std::vector<Z> starts;  // the state before each tile; without stored states
};

template <class S>
void keep_starts(const Scan<S>& s, const Block& block, ReverseScratch<S>& r) {
  r.start(s, block);
  r.starts.clear();
  if (s.x != nullptr) return;
  for (std::int64_t t = 0; t < s.length; t += kReverseSteps) {
    r.starts.insert(r.starts.end(), r.state.begin(), r.state.end());
    if (t + kReverseSteps < s.length) r.advance(s, block, t, kReverseSteps);
  }
}

// state: before the tile; x: in it.
template <class S>
void states_of_tile(const Scan<S>& s, const Block& block, std::int64_t t, std::int64_t count,
                    ReverseScratch<S>& r) {
  if (s.x == nullptr) {
    const auto start = r.starts.begin() + t / kReverseSteps * kWidth;
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
  for (std::int64_t t = s.length == 0 ? -1 : (s.length - 1) / kReverseSteps * kReverseSteps; t >= 0;
       t -= kReverseSteps) {
    const std::int64_t count = std::min(kReverseSteps, s.length - t), from = block.row * s.length + t;
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
    Scratch<S> scratch(kForwardSteps);
    for (std::int64_t i = units * thread / threads; i < units * (thread + 1) / threads; ++i) {
      const bool segments = s.states <= kFewStates && s.length >= kManySteps;
      if (!segments || !SegmentedScan<S>(s, i).run_all())
        scan_block(s, block_of(s, i / blocks, i % blocks), scratch);
    }
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
