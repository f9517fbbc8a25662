#include "impl/diagonal_backward.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "impl/ssm_tile.hpp"
#include "impl/threads.hpp"

namespace exactscan::impl {
namespace {

// Channels and steps that are worked at together: ten such blocks of float32 fit a second-level cache.
constexpr std::int64_t kWidth = 64, kSteps = 64;
static_assert(kWidth % kTileGrain == 0);

void require(bool condition, const char* what) {
  if (!condition) throw ArgumentError(std::string("diagonal gradient: ") + what);
}

// A block of scratch memory; what is not filled is zero.
template <class S>
using Block = std::vector<S>;

// The channels [first, first + count) of all tensors, `kSteps` steps at a time, in scratch memory.
template <class T>
class ChannelTile {
 public:
  using S = State<T>;

  ChannelTile(const BackwardInputs<T>& in, const BackwardOutputs<T>& out, std::int64_t length,
              std::int64_t first, std::int64_t count)
      : in_(in), out_(out), length_(length), first_(first), count_(count) {
    for (Block<S>* block : {&a_, &b_, &x_, &dh_, &before_, &da_, &db_, &dx_})
      block->resize(static_cast<std::size_t>(kSteps * kWidth));
    for (Block<S>* row : {&state_, &g_, &next_a_, &sum_a_, &sum_b_})
      row->resize(static_cast<std::size_t>(kWidth));
  }

  void run_all() {
    if (in_.initial != nullptr) std::copy_n(in_.initial + first_, count_, state_.begin());
    initial_ = state_;
    if (in_.states.data == nullptr) keep_states();
    for (std::int64_t chunk = (length_ + kSteps - 1) / kSteps; chunk-- > 0;) reverse(chunk * kSteps);
    finish();
  }

 private:
  std::int64_t steps_from(std::int64_t t) const { return std::min(kSteps, length_ - t); }

  template <class U>
  void read(const View<const U>& view, std::int64_t t, Block<S>& block) const {
    for (std::int64_t i = 0; i < steps_from(t); ++i) {
      const U* from = view.offset(t + i, first_).data;
      S* const to = block.data() + i * kWidth;
      for (std::int64_t c = 0; c < count_; ++c, from += view.channel_stride) to[c] = to_state(*from);
    }
  }
  void write(const Block<S>& block, std::int64_t t, const View<T>& view) const {
    if (view.data == nullptr) return;
    for (std::int64_t i = 0; i < steps_from(t); ++i) {
      const S* const from = block.data() + i * kWidth;
      T* to = view.offset(t + i, first_).data;
      for (std::int64_t c = 0; c < count_; ++c, to += view.channel_stride) *to = from_state<T>(from[c]);
    }
  }

  // The state before every kSteps-th step.
  void keep_states() {
    for (std::int64_t t = 0; t < length_; t += kSteps) {
      kept_.insert(kept_.end(), state_.begin(), state_.end());
      if (t + kSteps >= length_) break;
      read_operands(t);
      run(ForwardTile<S>{kSteps, kWidth, a_.data(), b_.data(), x_.data(), nullptr, state_.data()});
    }
  }
  void read_operands(std::int64_t t) {
    read(in_.A, t, a_);
    read(in_.B, t, b_);
    read(in_.x, t, x_);
  }

  // before_[i]: the state before step t + i.
  void find_states(std::int64_t t) {
    if (in_.states.data == nullptr) {
      std::copy_n(kept_.begin() + t / kSteps * kWidth, kWidth, state_.begin());
      run(ForwardTile<S>{steps_from(t), kWidth, a_.data(), b_.data(), x_.data(), before_.data(),
                         state_.data()});
      return;
    }
    for (std::int64_t i = 0; i < steps_from(t); ++i) {
      S* const to = before_.data() + i * kWidth;
      if (t + i == 0) {
        std::copy(initial_.begin(), initial_.end(), to);
        continue;
      }
      for (std::int64_t c = 0; c < count_; ++c) to[c] = *in_.states.offset(t + i - 1, first_ + c).data;
    }
  }

  void reverse(std::int64_t t) {
    read_operands(t);
    read(in_.dh, t, dh_);
    find_states(t);
    run(ReverseTile<S>{steps_from(t), kWidth, a_.data(), b_.data(), x_.data(), dh_.data(), before_.data(),
                       da_.data(), db_.data(), dx_.data(), g_.data(), next_a_.data(), sum_a_.data(),
                       sum_b_.data()});
    write(da_, t, out_.dA.each);
    write(db_, t, out_.dB.each);
    write(dx_, t, out_.dx);
  }

  void finish() const {
    for (std::int64_t c = 0; c < count_; ++c) {
      const auto i = static_cast<std::size_t>(c);
      if (out_.dA.sum != nullptr) out_.dA.sum[first_ + c] = sum_a_[i];
      if (out_.dB.sum != nullptr) out_.dB.sum[first_ + c] = sum_b_[i];
      if (out_.dh0 != nullptr) out_.dh0[first_ + c] = length_ == 0 ? S(0) : S(next_a_[i] * g_[i]);
    }
  }

  const BackwardInputs<T>& in_;
  const BackwardOutputs<T>& out_;
  std::int64_t length_, first_, count_;
  Block<S> a_, b_, x_, dh_, before_, da_, db_, dx_;
  Block<S> initial_, state_, g_, next_a_, sum_a_, sum_b_, kept_;
};

}  // namespace

template <class T>
void diagonal_ssm_backward(const ScanShape& shape, const BackwardInputs<T>& in, const BackwardOutputs<T>& out,
                           const ScanOptions& options) {
  const auto [length, channels] = shape;
  require(length >= 0 && channels >= 0, "a size is negative");
  require(options.threads >= 0, "the number of threads is negative");
  require(options.grain > 0, "the grain is not positive");
  const bool empty = length == 0 || channels == 0;
  require(empty ||
              (in.A.data != nullptr && in.B.data != nullptr && in.x.data != nullptr && in.dh.data != nullptr),
          "a tensor is missing");
  const std::int64_t tiles = (channels + kWidth - 1) / kWidth;
  const int threads = static_cast<int>(
      std::clamp<std::int64_t>(tiles, 1, usable_threads(options.threads, length * channels, options.grain)));
  in_threads(threads, [&, total = channels, steps = length](int i) {
    for (std::int64_t k = tiles * i / threads; k < tiles * (i + 1) / threads; ++k) {
      const std::int64_t first = k * kWidth;
      ChannelTile<T>(in, out, steps, first, std::min(kWidth, total - first)).run_all();
    }
  });
}

#define EXACTSCAN_INSTANTIATE(T)                                                     \
  template void diagonal_ssm_backward<T>(const ScanShape&, const BackwardInputs<T>&, \
                                         const BackwardOutputs<T>&, const ScanOptions&)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE

}  // namespace exactscan::impl
