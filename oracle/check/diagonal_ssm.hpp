// The operation diagonal_ssm: h_t = A h_{t-1} + B x_t, and its gradients.
#pragma once

#include <span>
#include <vector>

#include "oracle/bounds/approximate.hpp"
#include "oracle/bounds/scan_allowance.hpp"
#include "oracle/check/by_column.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/operation.hpp"
#include "spec/diagonal_ssm_adjoint.hpp"

namespace exactscan {

class DiagonalSsm {
 public:
  enum : int { h, dA, dB, dx, dh0, output_count };
  static constexpr bool channelwise = true;

  DiagonalSsm(const Case& value, const Dimensions& dimensions, const Contract& contract);

  const std::vector<Output>& outputs() const { return outputs_; }
  std::int64_t channels() const { return n_; }
  bool exact_affordable() const { return l_ <= (backward_ ? 20'000 : 300'000); }
  void verify_lattice(const std::string& file) const;

  // See AffineScan::enclose. Theorem for h: the affine scan's, with leaves B x rounded once; for the
  // gradients: "Calculus" over the reverse scan of (A_{t+1}, dh_t).
  template <class B, class V, class Sink>
  void enclose(std::int64_t n, Sink& sink) const;

  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  // One state of the forward scan, as the backward pass reads it.
  template <class B, class V>
  struct alignas(alignment_for<V>) State {
    Ball<B> value;
    Approximate<V> bound;
    Mask<V> overflow;
  };

  template <class B, class V, class Sink>
  std::vector<State<B, V>> enclose_forward(std::int64_t n, bool keep, Sink& sink) const;
  template <class B, class V, class Sink>
  void enclose_backward(std::int64_t n, const std::vector<State<B, V>>& states, Sink& sink) const;
  template <class B, class V>
  Approximate<V> leaf_product(const Calculus<V>& calculus, const B& b, const B& x) const;
  template <class T, class Emit>
  void evaluate_channel(std::int64_t n, std::span<const Request> requests, std::span<const std::size_t> order,
                        Emit&& emit) const;

  std::int64_t l_, n_;
  TensorView a_, b_, x_, h0_, dh_;
  bool backward_;
  std::vector<Output> outputs_;
  Arithmetic arithmetic_;
  bool a_fits_, b_fits_, x_fits_, h0_fits_,
      dh_fits_;  // every value of the type is a number of the working format
};

// The leaf B x_t. A kernel may round the product, or multiply B into a product of multipliers before x: one
// rounding more for the term either way, unless a factor is zero or a power of two.
template <class B, class V>
Approximate<V> DiagonalSsm::leaf_product(const Calculus<V>& calculus, const B& b, const B& x) const {
  const Approximate<V> bx = calculus.input(magnitude_as<V>(b), b_fits_),
                       xx = calculus.input(magnitude_as<V>(x), x_fits_);
  const bool all_fit = a_fits_ && b_fits_ && x_fits_ && !arithmetic_.flush;
  const Approximate<V> rounded = calculus.rounded_product(bx, xx);
  if (!all_fit) return rounded;
  const Mask<V> exact = either(zero_or_power_of_two(b), zero_or_power_of_two(x));
  return {rounded.magnitude, select(exact, calculus.underflow_of(rounded.magnitude), rounded.error)};
}

template <class B, class V, class Sink>
void DiagonalSsm::enclose(std::int64_t n, Sink& sink) const {
  const bool keep = sink.wants(dA);
  const std::vector<State<B, V>> states = enclose_forward<B, V>(n, keep, sink);
  if (keep || sink.wants(dB) || sink.wants(dx) || sink.wants(dh0)) enclose_backward<B, V>(n, states, sink);
}

template <class B, class V, class Sink>
std::vector<DiagonalSsm::State<B, V>> DiagonalSsm::enclose_forward(std::int64_t n, bool keep,
                                                                   Sink& sink) const {
  const Calculus<V> calculus(arithmetic_);
  const B first = h0_.load<B>(0, n);
  const Approximate<V> start = calculus.input(magnitude_as<V>(first), h0_fits_);
  ScanAllowance<V> bound(arithmetic_, start.magnitude, start.error);
  Ball<B> state = Ball<B>::exactly(first);
  std::vector<State<B, V>> states;
  if (keep) states.push_back({state, start, bound.overflow_possible()});
  const bool wanted = sink.wants(h);
  if (!keep && !wanted) return states;
  Mask<V>
      reading{};  // some B or x so far may overflow when read; the scan's own bound sees their product alone
  for (std::int64_t t = 0; t < l_; ++t) {
    const B a = a_.load<B>(t, n), b = b_.load<B>(t, n), x = x_.load<B>(t, n);
    const Approximate<V> ax = calculus.input(magnitude_as<V>(a), a_fits_),
                         bx = leaf_product<B, V>(calculus, b, x);
    state = spec::ssm_step(Ball<B>::exactly(a), Ball<B>::exactly(b), state, Ball<B>::exactly(x));
    bound.template step<false>(make_leaf(a, ax, bx, a_fits_));
    reading = reading | calculus.reading_may_overflow(magnitude_as<V>(b), b_fits_) |
              calculus.reading_may_overflow(magnitude_as<V>(x), x_fits_);
    const Mask<V> over = reading | bound.overflow_possible();
    const V e = bound.allowance();
    if (wanted) sink.put(h, t, n, state, e, over);
    if (keep) states.push_back({state, {magnitude_of<V>(state, bound.majorant()), e}, over});
  }
  return states;
}

template <class B, class V, class Sink>
void DiagonalSsm::enclose_backward(std::int64_t n, const std::vector<State<B, V>>& states, Sink& sink) const {
  using Number = Ball<B>;
  const Calculus<V> calculus(arithmetic_);
  const bool sum_a = outputs_[dA].rows == 1 && outputs_[dA].shape.size() == 1,
             sum_b = outputs_[dB].shape.size() == 1;
  Number total_a(0), total_b(0), carry(0);
  typename Calculus<V>::Sum terms_a, terms_b;
  Mask<V> over_a{}, over_b{};
  Approximate<V> carried{broadcast<V>(0), broadcast<V>(0)};
  Mask<V> carry_over{};
  const Approximate<V> none{broadcast<V>(0), broadcast<V>(0)};
  std::optional<ScanAllowance<V>> bound;
  const auto give = [&](int output, std::int64_t row, const Number& value, const Approximate<V>& e,
                        const Mask<V>& over) {
    sink.put(output, row, n, value, e.error, Mask<V>(over | calculus.may_overflow(e)));
  };
  for (std::int64_t t = l_; t-- > 0;) {
    const B a = a_.load<B>(t, n), b = b_.load<B>(t, n), x = x_.load<B>(t, n), dy = dh_.load<B>(t, n);
    const Approximate<V> source = calculus.input(magnitude_as<V>(dy), dh_fits_);
    if (!bound) {
      bound.emplace(arithmetic_, source.magnitude, source.error);
    } else {
      const B after = a_.load<B>(t + 1, n);
      const Approximate<V> ax = calculus.input(magnitude_as<V>(after), a_fits_);
      bound->template step<false>(make_leaf(after, ax, source, a_fits_));
    }
    const bool have_state = !states.empty();
    const State<B, V>* before = have_state ? &states[static_cast<std::size_t>(t)] : nullptr;
    const auto step =
        spec::ssm_adjoint_step(Number::exactly(a), Number::exactly(b), have_state ? before->value : Number(0),
                               Number::exactly(x), Number::exactly(dy), carry);
    carry = step.carry;
    const Approximate<V> g{magnitude_of<V>(step.g, bound->majorant()), bound->allowance()};
    const Mask<V> over = bound->overflow_possible();
    const auto reading = [&](const B& value, bool fits) {
      return Mask<V>(over | calculus.reading_may_overflow(magnitude_as<V>(value), fits));
    };
    if (sink.wants(dx))
      give(dx, t, step.dx, calculus.rounded_product(g, calculus.input(magnitude_as<V>(b), b_fits_)),
           reading(b, b_fits_));
    if (have_state) {
      const Approximate<V> p = calculus.rounded_product(g, before->bound);
      const Mask<V> possible = over | before->overflow | calculus.may_overflow(p);
      if (sum_a) {
        total_a = total_a + step.dA;
        terms_a.add(p);
        over_a = over_a | possible;
      } else {
        give(dA, t, step.dA, p, possible);
      }
    }
    if (sink.wants(dB)) {
      const Approximate<V> p = calculus.rounded_product(g, calculus.input(magnitude_as<V>(x), x_fits_));
      const Mask<V> possible = reading(x, x_fits_) | calculus.may_overflow(p);
      if (sum_b) {
        total_b = total_b + step.dB;
        terms_b.add(p);
        over_b = over_b | possible;
      } else {
        give(dB, t, step.dB, p, possible);
      }
    }
    carried = calculus.rounded_product(g, calculus.input(magnitude_as<V>(a), a_fits_));
    carry_over = reading(a, a_fits_);
  }
  if (sink.wants(dh0)) give(dh0, 0, carry, l_ == 0 ? none : carried, carry_over);
  if (sink.wants(dA) && sum_a) give(dA, 0, total_a, terms_a.result(calculus), over_a);
  if (sink.wants(dB) && sum_b) give(dB, 0, total_b, terms_b.result(calculus), over_b);
}

template <class T, class Emit>
void DiagonalSsm::evaluate(std::span<const Request> requests, Emit&& emit) const {
  by_column(requests, [&](std::int64_t n, std::span<const std::size_t> order) {
    evaluate_channel<T>(n, requests, order, emit);
  });
}

template <class T, class Emit>
void DiagonalSsm::evaluate_channel(std::int64_t n, std::span<const Request> requests,
                                   std::span<const std::size_t> order, Emit&& emit) const {
  const auto at = [&](const TensorView& view, std::int64_t t) {
    return FromDouble<T>::make(view.load<double>(t, n));
  };
  bool gradients = false;
  std::int64_t steps = 0;
  std::vector<std::vector<std::size_t>> by_row(static_cast<std::size_t>(l_));
  for (const std::size_t i : order) {
    const Request& r = requests[i];
    gradients = gradients || r.output != h;
    steps = std::max(steps, r.output == h ? r.row + 1 : l_);
    if (outputs_[static_cast<std::size_t>(r.output)].shape.size() == 2)
      by_row[static_cast<std::size_t>(r.row)].push_back(i);
  }
  std::vector<T> states;
  T state = at(h0_, 0);
  for (std::int64_t t = 0; t < steps; ++t) {
    if (gradients) states.push_back(state);
    state = spec::ssm_step(at(a_, t), at(b_, t), std::move(state), at(x_, t));
    if (t == 0 && !h0_.present()) state = first_state(std::move(state), T(at(b_, t) * at(x_, t)));
    for (const std::size_t i : by_row[static_cast<std::size_t>(t)]) {
      if (requests[i].output == h) emit(i, state);
    }
  }
  if (!gradients) return;
  T total_a = spec::zero<T>(), total_b = spec::zero<T>(), carry = spec::zero<T>();
  for (std::int64_t t = l_; t-- > 0;) {
    auto step = spec::ssm_adjoint_step(at(a_, t), at(b_, t), states[static_cast<std::size_t>(t)], at(x_, t),
                                       at(dh_, t), carry);
    if (t == 0 && !h0_.present()) step.dA = first_state(std::move(step.dA), spec::zero<T>());
    for (const std::size_t i : by_row[static_cast<std::size_t>(t)]) {
      const int output = requests[i].output;
      if (output != h) emit(i, output == dA ? step.dA : output == dB ? step.dB : step.dx);
    }
    total_a = std::move(total_a) + step.dA;
    total_b = std::move(total_b) + step.dB;
    carry = std::move(step.carry);
  }
  for (const std::size_t i : order) {
    const int output = requests[i].output;
    if (outputs_[static_cast<std::size_t>(output)].shape.size() == 2) continue;
    emit(i, output == dA ? total_a : output == dB ? total_b : carry);
  }
}

}  // namespace exactscan
