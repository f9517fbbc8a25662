// The operation affine_scan: h_t = a_t h_{t-1} + b_t, channel by channel.
#pragma once

#include <memory>
#include <span>
#include <vector>

#include "oracle/bounds/approximate.hpp"
#include "oracle/bounds/scan_allowance.hpp"
#include "oracle/check/affine_screen.hpp"
#include "oracle/check/by_column.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/operation.hpp"
#include "spec/scalar_affine.hpp"

namespace exactscan {

class AffineScan {
 public:
  enum : int { h, h_last, summary_a, summary_b, output_count };
  static constexpr bool channelwise = true;

  AffineScan(const Case& value, const Dimensions& dimensions, const Contract& contract);

  const std::vector<Output>& outputs() const { return outputs_; }
  std::int64_t channels() const { return n_; }
  bool exact_affordable() const { return l_ <= 300'000; }
  // Errors: CaseError unless every channel is a lattice.
  void verify_lattice(const std::string& file) const;

  // Enclosure and allowance of every output of the channels from n on (eight for lanes, one for a scalar), as
  // sink.put(output, row, n, ball, allowance, overflow_possible).
  template <class B, class V, class Sink>
  void enclose(std::int64_t n, Sink& sink) const;

  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

  // A first look at the output `screened_output`, where it is the only one and there is a quick way; else
  // null.
  static constexpr int screened_output = h;
  std::unique_ptr<AffineScreen> screen(int threads) const;

 private:
  // Theorem: oracle/bounds/scan_allowance.hpp.
  template <bool ExactLeaves, class B, class V, class Sink>
  void enclose_states(std::int64_t n, Sink& sink) const;

  std::int64_t l_, n_;
  TensorView a_, b_, h0_;
  std::vector<Output> outputs_;
  Arithmetic arithmetic_;
  bool a_fits_, b_fits_, h0_fits_;  // every value of the tensor's type is a number of the working format
};

template <class B, class V, class Sink>
void AffineScan::enclose(std::int64_t n, Sink& sink) const {
  if (a_fits_ && b_fits_ && !arithmetic_.flush) {
    enclose_states<true, B, V>(n, sink);
  } else {
    enclose_states<false, B, V>(n, sink);
  }
}

template <bool ExactLeaves, class B, class V, class Sink>
void AffineScan::enclose_states(std::int64_t n, Sink& sink) const {
  using Number = Ball<B>;
  const Calculus<V> calculus(arithmetic_);
  const B first = h0_.load<B>(0, n);
  const Approximate<V> start = calculus.input(magnitude_as<V>(first), h0_fits_);
  Number state = Number::exactly(first);
  spec::ScalarAffineTransition<Number> summary{Number(1), Number(0)};
  ScanAllowance<V> bound(arithmetic_, start.magnitude, start.error);
  ScanAllowance<V> bound_a(arithmetic_, broadcast<V>(1), broadcast<V>(0)),
      bound_b(arithmetic_, broadcast<V>(0), broadcast<V>(0));
  const bool states = sink.wants(h), summaries = sink.wants(summary_a) || sink.wants(summary_b);
  for (std::int64_t t = 0; t < l_; ++t) {
    const B a = a_.load<B>(t, n), b = b_.load<B>(t, n);
    const Approximate<V> ax = ExactLeaves ? Approximate<V>{magnitude_as<V>(a), broadcast<V>(0)}
                                          : calculus.input(magnitude_as<V>(a), a_fits_);
    const Approximate<V> bx = ExactLeaves ? Approximate<V>{magnitude_as<V>(b), broadcast<V>(0)}
                                          : calculus.input(magnitude_as<V>(b), b_fits_);
    const LeafMagnitudes<V> leaf = make_leaf(a, ax, bx, a_fits_);
    const spec::ScalarAffineTransition<Number> transition{Number::exactly(a), Number::exactly(b)};
    state = spec::apply(transition, state);
    bound.template step<ExactLeaves>(leaf);
    if (states) sink.put(h, t, n, state, bound.allowance(), bound.overflow_possible());
    if (summaries) {
      summary = spec::compose(transition, summary);
      bound_b.template step<ExactLeaves>(leaf);
      // The product of the multipliers is the scan of 1 without summands.
      bound_a.template step<ExactLeaves>(
          {leaf.a, leaf.alpha, broadcast<V>(0), broadcast<V>(0), leaf.exact_multiplier});
    }
  }
  if (sink.wants(h_last)) sink.put(h_last, 0, n, state, bound.allowance(), bound.overflow_possible());
  if (sink.wants(summary_a))
    sink.put(summary_a, 0, n, summary.a, bound_a.allowance(), bound_a.overflow_possible());
  if (sink.wants(summary_b))
    sink.put(summary_b, 0, n, summary.b, bound_b.allowance(), bound_b.overflow_possible());
}

template <class T, class Emit>
void AffineScan::evaluate(std::span<const Request> requests, Emit&& emit) const {
  by_column(requests, [&](std::int64_t n, std::span<const std::size_t> order) {
    std::vector<std::size_t> at_end;
    std::size_t next = 0;
    bool summaries = false;
    std::int64_t steps = 0;
    std::vector<std::size_t> states;
    for (const std::size_t i : order) {
      const Request& r = requests[i];
      (r.output == h ? states : at_end).push_back(i);
      summaries = summaries || r.output == summary_a || r.output == summary_b;
      steps = std::max(steps, r.output == h ? r.row + 1 : l_);
    }
    T state = FromDouble<T>::make(h0_.load<double>(0, n));
    auto summary = spec::ScalarAffineTransition<T>::identity();
    for (std::int64_t t = 0; t < steps; ++t) {
      const spec::ScalarAffineTransition<T> transition{FromDouble<T>::make(a_.load<double>(t, n)),
                                                       FromDouble<T>::make(b_.load<double>(t, n))};
      state = spec::apply(transition, std::move(state));
      if (summaries) summary = spec::compose(transition, summary);
      if (t == 0) {
        if (!h0_.present()) state = first_state(std::move(state), transition.b);
        if (summaries) summary.b = first_state(std::move(summary.b), transition.b);
      }
      for (; next < states.size() && requests[states[next]].row == t; ++next) emit(states[next], state);
    }
    for (const std::size_t i : at_end) {
      emit(i, requests[i].output == h_last ? state : requests[i].output == summary_a ? summary.a : summary.b);
    }
  });
}

}  // namespace exactscan
