// The scan between its projections: a block of time steps of one sequence at a time.
#include <Eigen/Core>
#include <algorithm>
#include <vector>

#include "impl/s5_scratch.hpp"
#include "impl/s5_tile.hpp"
#include "impl/ssm_tile.hpp"

namespace exactscan::impl::s5 {
namespace {

// States that are worked at together, so that they stay in a second-level cache.
constexpr std::int64_t kBlockElements = std::int64_t{1} << 13;

template <class T>
using ByTime = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;  // a column is a time step
template <class T>
using Rows = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// to = a b. One product for all of them: each form costs seconds to compile.
template <class Z>
void multiply(const Eigen::Ref<const ByTime<Z>>& a, const Eigen::Ref<const ByTime<Z>>& b,
              Eigen::Ref<ByTime<Z>> to, bool add = false) {
  if (!add) to.setZero();
  to.noalias() += a * b;
}

template <class T>
auto matrix(const T* data, std::int64_t rows, std::int64_t columns) {
  return Eigen::Map<const Rows<T>>(data, rows, columns);
}
// [rows, count], from a tensor [..., rows, length] on.
template <class T>
auto piece(const T* data, std::int64_t rows, std::int64_t count, std::int64_t length) {
  return Eigen::Map<const Rows<T>, 0, Eigen::OuterStride<>>(data, rows, count, Eigen::OuterStride<>(length));
}
template <class T>
auto piece(T* data, std::int64_t rows, std::int64_t count, std::int64_t length) {
  return Eigen::Map<Rows<T>, 0, Eigen::OuterStride<>>(data, rows, count, Eigen::OuterStride<>(length));
}

template <class S>
void require_system(const SimplifiedScan<S>& s, const void* output) {
  require(s.batch >= 0 && s.inputs >= 0 && s.states >= 0 && s.length >= 0, "a size is negative");
  const std::int64_t signal = s.batch * s.inputs * s.length, steps = s.batch * s.states * s.length;
  require(present(s.u, signal) && present(s.delta, steps) && present(s.A, s.states) &&
              present(s.B, s.inputs * s.states) && present(s.C, s.inputs * s.states) &&
              present(output, signal),
          "a tensor is missing");
}

// One sequence, a block at a time.
template <class S>
class Sequence {
 public:
  using Z = std::complex<S>;

  explicit Sequence(const SimplifiedScan<S>& s)
      : s_(s),
        width_(std::max((s.states + kTileGrain - 1) / kTileGrain, std::int64_t{1}) * kTileGrain),
        steps_(std::max(kBlockElements / width_, std::int64_t{8})),
        A_(zeros<Z>(width_)),
        state_(zeros<Z>(width_)),
        delta_(zeros<S>(width_ * steps_)),
        deltaA_(delta_) {
    copy_row(s.A, s.states, A_);
    B_ = matrix(s.B, s.states, s.inputs);
    C_ = matrix(s.C, s.inputs, s.states);
    b_ = x_ = ByTime<Z>::Zero(width_, steps_);
  }

  std::int64_t steps() const { return steps_; }
  std::int64_t width() const { return width_; }
  std::vector<Z>& state() { return state_; }
  const std::vector<Z>& A() const { return A_; }
  const S* delta() const { return delta_.data(); }
  const S* deltaA() const { return s_.deltaA == nullptr ? nullptr : deltaA_.data(); }
  const ByTime<Z>& B() const { return B_; }
  const ByTime<Z>& C() const { return C_; }
  const ByTime<Z>& b() const { return b_; }
  const ByTime<Z>& x() const { return x_; }
  const ByTime<Z>& u() const { return u_; }

  void start(std::int64_t n) {
    if (s_.initial == nullptr) {
      std::fill(state_.begin(), state_.end(), Z(0));
    } else {
      copy_row(s_.initial + n * s_.states, s_.states, state_);
    }
  }
  // b and x of the steps [t, t + count); moves the state on.
  void advance(std::int64_t n, std::int64_t t, std::int64_t count) {
    u_ = piece(s_.u + n * s_.inputs * s_.length + t, s_.inputs, count, s_.length);
    multiply<Z>(B_, u_, b_.topLeftCorner(s_.states, count));
    const std::int64_t from = n * s_.states * s_.length + t;
    to_time_major(s_.delta + from, s_.length, s_.states, count, width_, delta_.data());
    if (s_.deltaA != nullptr)
      to_time_major(s_.deltaA + from, s_.length, s_.states, count, width_, deltaA_.data());
    x_.leftCols(count) = b_.leftCols(count);
    run(ForwardTile<S>{count, width_, s_.method, A_.data(), delta_.data(), deltaA(), x_.data(),
                       state_.data()});
  }

 private:
  const SimplifiedScan<S>& s_;
  std::int64_t width_, steps_;
  std::vector<Z> A_, state_;
  std::vector<S> delta_, deltaA_;
  ByTime<Z> B_, C_, u_, b_, x_;
};

// Calls emit(n, t, y) for the outputs of each block.
template <class S, class Emit>
void run_system(const SimplifiedScan<S>& s, const Emit& emit) {
  Sequence<S> sequence(s);
  ByTime<std::complex<S>> y;
  for (std::int64_t n = 0; n < s.batch; ++n) {
    sequence.start(n);
    for (std::int64_t t = 0; t < s.length; t += sequence.steps()) {
      const std::int64_t count = std::min(sequence.steps(), s.length - t);
      sequence.advance(n, t, count);
      y.resize(s.inputs, count);
      multiply<std::complex<S>>(sequence.C(), sequence.x().topLeftCorner(s.states, count), y);
      emit(n, t, y);
    }
    if (s.last != nullptr) std::copy_n(sequence.state().begin(), s.states, s.last + n * s.states);
  }
}

// The adjoint of one block after another, from the last one down.
template <class S>
class Reverse {
 public:
  using Z = std::complex<S>;

  explicit Reverse(const SimplifiedScanBackward<S>& back)
      : back_(back),
        s_(back.forward),
        sequence_(s_),
        B_adjoint_(sequence_.B().adjoint()),
        C_adjoint_(sequence_.C().adjoint()),
        carry_(zeros<Z>(sequence_.width())),
        sum_A_(carry_),
        ddelta_(zeros<S>(sequence_.width() * sequence_.steps())),
        ddeltaA_(ddelta_),
        gb_(ByTime<Z>::Zero(sequence_.width(), sequence_.steps())),
        dB_(ByTime<Z>::Zero(s_.states, s_.inputs)),
        dC_(ByTime<Z>::Zero(s_.inputs, s_.states)) {}

  // gradient(n, t, count): of y, [inputs, count]. emit(n, t, du).
  template <class Gradient, class Emit>
  void run_all(const Gradient& gradient, const Emit& emit) {
    for (std::int64_t n = 0; n < s_.batch; ++n) {
      keep_starts(n);
      if (back_.d_last == nullptr) {
        std::fill(carry_.begin(), carry_.end(), Z(0));
      } else {
        copy_row(back_.d_last + n * s_.states, s_.states, carry_);
      }
      for (auto block = static_cast<std::int64_t>(starts_.size()); block-- > 0;)
        reverse_block(n, block, gradient, emit);
      if (back_.d_initial != nullptr) std::copy_n(carry_.begin(), s_.states, back_.d_initial + n * s_.states);
    }
    if (back_.dA != nullptr) std::copy_n(sum_A_.begin(), s_.states, back_.dA);
    if (back_.dB != nullptr) piece(back_.dB, s_.states, s_.inputs, s_.inputs) = dB_;
    if (back_.dC != nullptr) piece(back_.dC, s_.inputs, s_.states, s_.states) = dC_;
  }

 private:
  void keep_starts(std::int64_t n) {
    sequence_.start(n);
    starts_.clear();
    for (std::int64_t t = 0; t < s_.length; t += sequence_.steps()) {
      starts_.push_back(sequence_.state());
      if (t + sequence_.steps() < s_.length) sequence_.advance(n, t, sequence_.steps());
    }
  }

  template <class Gradient, class Emit>
  void reverse_block(std::int64_t n, std::int64_t block, const Gradient& gradient, const Emit& emit) {
    const std::int64_t t = block * sequence_.steps(), count = std::min(sequence_.steps(), s_.length - t);
    const std::vector<Z>& start = starts_[static_cast<std::size_t>(block)];
    sequence_.state() = start;
    sequence_.advance(n, t, count);
    const ByTime<Z> g = gradient(n, t, count);
    multiply<Z>(C_adjoint_, g, gb_.topLeftCorner(s_.states, count));
    const bool two_steps = s_.deltaA != nullptr;
    run(ReverseTile<S>{count, sequence_.width(), s_.method, sequence_.A().data(), sequence_.delta(),
                       sequence_.deltaA(), sequence_.b().data(), sequence_.x().data(), start.data(),
                       gb_.data(), carry_.data(), sum_A_.data(), ddelta_.data(),
                       two_steps ? ddeltaA_.data() : nullptr});
    const auto gb = gb_.topLeftCorner(s_.states, count);
    if (back_.dB != nullptr) multiply<Z>(gb, ByTime<Z>(sequence_.u().adjoint()), dB_, true);
    if (back_.dC != nullptr)
      multiply<Z>(g, ByTime<Z>(sequence_.x().topLeftCorner(s_.states, count).adjoint()), dC_, true);
    ByTime<Z> du(s_.inputs, count);
    multiply<Z>(B_adjoint_, gb, du);
    emit(n, t, du);
    const std::int64_t from = n * s_.states * s_.length + t;
    const auto put = [&](const std::vector<S>& tile, S* to) {
      if (to != nullptr)
        to_state_major(tile.data(), sequence_.width(), s_.states, count, s_.length, to + from);
    };
    put(ddelta_, back_.ddelta);
    if (two_steps) put(ddeltaA_, back_.ddeltaA);
  }

  const SimplifiedScanBackward<S>& back_;
  const SimplifiedScan<S>& s_;
  Sequence<S> sequence_;
  ByTime<Z> B_adjoint_, C_adjoint_;
  std::vector<Z> carry_, sum_A_;
  std::vector<std::vector<Z>> starts_;
  std::vector<S> ddelta_, ddeltaA_;
  ByTime<Z> gb_, dB_, dC_;
};

template <class S>
S scale_of(bool conj_sym) {
  return conj_sym ? S(2) : S(1);
}

}  // namespace

template <class S>
void simplified_scan(const SimplifiedScan<S>& s) {
  require_system(s, s.y);
  run_system(s, [&](std::int64_t n, std::int64_t t, const auto& y) {
    piece(s.y + n * s.inputs * s.length + t, s.inputs, y.cols(), s.length) = y;
  });
}

template <class S>
void simplified_scan_backward(const SimplifiedScanBackward<S>& back) {
  const SimplifiedScan<S>& s = back.forward;
  require_system(s, back.dy);
  const auto at = [&s](std::int64_t n, std::int64_t t) { return n * s.inputs * s.length + t; };
  Reverse<S>(back).run_all(
      [&](std::int64_t n, std::int64_t t, std::int64_t count) {
        return ByTime<std::complex<S>>(piece(back.dy + at(n, t), s.inputs, count, s.length));
      },
      [&](std::int64_t n, std::int64_t t, const auto& du) {
        if (back.du != nullptr) piece(back.du + at(n, t), s.inputs, du.cols(), s.length) = du;
      });
}

template <class S>
void inner(const Inner<S>& inner) {
  const SimplifiedScan<S>& s = inner.scan;
  require_system(s, inner.out);
  require(present(inner.D, s.inputs), "a tensor is missing");
  const S scale = scale_of<S>(inner.conj_sym);
  run_system(s, [&](std::int64_t n, std::int64_t t, const auto& y) {
    const std::int64_t at = n * s.inputs * s.length + t;
    for (std::int64_t h = 0; h < s.inputs; ++h) {
      const std::int64_t row = at + h * s.length;
      for (std::int64_t i = 0; i < y.cols(); ++i)
        inner.out[row + i] = scale * y(h, i).real() + inner.D[h] * s.u[row + i].real();
    }
  });
}

template <class S>
void inner_backward(const InnerBackward<S>& inner) {
  const SimplifiedScanBackward<S>& back = inner.scan;
  const SimplifiedScan<S>& s = back.forward;
  require_system(s, inner.dout);
  require(present(inner.D, s.inputs), "a tensor is missing");
  const S scale = scale_of<S>(inner.conj_sym);
  const auto at = [&s](std::int64_t n, std::int64_t t) { return n * s.inputs * s.length + t; };
  Reverse<S>(back).run_all(
      [&](std::int64_t n, std::int64_t t, std::int64_t count) {
        return ByTime<std::complex<S>>((scale * piece(inner.dout + at(n, t), s.inputs, count, s.length))
                                           .template cast<std::complex<S>>());
      },
      [&](std::int64_t n, std::int64_t t, const auto& du) {
        if (back.du == nullptr) return;
        for (std::int64_t h = 0; h < s.inputs; ++h) {
          const std::int64_t row = at(n, t) + h * s.length;
          for (std::int64_t i = 0; i < du.cols(); ++i)
            back.du[row + i] = du(h, i) + inner.D[h] * inner.dout[row + i];
        }
      });
  for (std::int64_t h = 0; h < s.inputs && inner.dD != nullptr; ++h) {
    inner.dD[h] = 0;
    for (std::int64_t n = 0; n < s.batch; ++n) {
      const std::int64_t row = (n * s.inputs + h) * s.length;
      for (std::int64_t t = 0; t < s.length; ++t) inner.dD[h] += inner.dout[row + t] * s.u[row + t].real();
    }
  }
}

template <class S>
void state_update(const StateUpdate<S>& s) {
  using Z = std::complex<S>;
  require(s.batch >= 0 && s.inputs >= 0 && s.states >= 0, "a size is negative");
  const std::int64_t signal = s.batch * s.inputs, weights = s.inputs * s.states;
  require(present(s.u, signal) && present(s.out, signal) && present(s.A, s.states) &&
              present(s.state, s.batch * s.states) && present(s.B, weights) && present(s.C, weights) &&
              present(s.delta, (s.steps_by_batch ? s.batch : 1) * s.states),
          "a tensor is missing");
  const std::int64_t width = (s.states + kTileGrain - 1) / kTileGrain * kTileGrain;
  std::vector<Z> A = zeros<Z>(width), state = A;
  std::vector<S> delta = zeros<S>(width), deltaA = delta;
  if (s.states > 0) copy_row(s.A, s.states, A);
  ByTime<Z> x = ByTime<Z>::Zero(width, s.batch);
  const auto u = matrix(s.u, s.batch, s.inputs);
  multiply<Z>(ByTime<Z>(matrix(s.B, s.states, s.inputs)), ByTime<Z>(u.transpose().template cast<Z>()),
              x.topRows(s.states));
  for (std::int64_t n = 0; n < s.batch && s.states > 0; ++n) {
    const std::int64_t steps = s.steps_by_batch ? n * s.states : 0;
    copy_row(s.delta + steps, s.states, delta);
    if (s.deltaA != nullptr) copy_row(s.deltaA + steps, s.states, deltaA);
    copy_row(s.state + n * s.states, s.states, state);
    run(ForwardTile<S>{1, width, s.method, A.data(), delta.data(),
                       s.deltaA == nullptr ? nullptr : deltaA.data(), x.data() + n * width, state.data()});
    std::copy_n(state.begin(), s.states, s.state + n * s.states);
  }
  ByTime<Z> y(s.inputs, s.batch);
  multiply<Z>(ByTime<Z>(matrix(s.C, s.inputs, s.states)), x.topRows(s.states), y);
  const S scale = scale_of<S>(s.conj_sym);
  for (std::int64_t n = 0; n < s.batch; ++n) {
    for (std::int64_t h = 0; h < s.inputs; ++h) {
      S skip = 0;
      for (std::int64_t j = 0; j < s.inputs && s.D != nullptr; ++j) skip += s.D[h * s.inputs + j] * u(n, j);
      s.out[n * s.inputs + h] = scale * y(h, n).real() + skip;
    }
  }
}

#define EXACTSCAN_INSTANTIATE(S)                                               \
  template void simplified_scan<S>(const SimplifiedScan<S>&);                  \
  template void simplified_scan_backward<S>(const SimplifiedScanBackward<S>&); \
  template void inner<S>(const Inner<S>&);                                     \
  template void inner_backward<S>(const InnerBackward<S>&);                    \
  template void state_update<S>(const StateUpdate<S>&)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
#undef EXACTSCAN_INSTANTIATE

}  // namespace exactscan::impl::s5
