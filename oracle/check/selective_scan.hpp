// The operation selective_scan: Mamba's scan with token-dependent step size, B and C, and its gradients.
#pragma once

#include <algorithm>
#include <map>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "oracle/bounds/state_allowance.hpp"
#include "oracle/check/array.hpp"
#include "oracle/check/careful_sink.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/check/step_sizes.hpp"
#include "spec/selective_scan_adjoint.hpp"

namespace exactscan {

class SelectiveScan {
 public:
  static constexpr bool algebraic = false;
  enum : int { y, last_state, du, ddelta, dA, dB, dC, dD, dz, ddelta_bias, dinitial_state, output_count };

  SelectiveScan(const Case& value, const Dimensions& dimensions, const Contract& contract);

  const std::vector<Output>& outputs() const { return outputs_; }
  // Forward: a channel of one batch. Backward: the channels that share B and C, in all batches.
  bool exact_affordable() const { return false; }
  std::int64_t units() const { return backward_ ? groups_ : batch_ * channels_; }

  // Theorems (proofs-notes/elementary-rules.md, "Selective scan"): the affine scan's with leaves (exp(delta
  // A), delta B u), inexact as the rules say; readouts and gradients by "Calculus".
  void enclose(std::int64_t unit, CarefulSink& sink) const;

  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  struct Trace;
  struct Progress;
  struct Readout;
  struct Total;
  struct Totals;
  struct Adjoint;

  Trace enclose_channel(std::int64_t b, std::int64_t d, bool keep, CarefulSink& sink) const;
  Readout advance(std::int64_t b, std::int64_t d, std::int64_t t, const StepSize& size, Progress& now) const;
  void put_output(std::int64_t row, std::int64_t t, const Readout& readout, bool over,
                  CarefulSink& sink) const;
  void enclose_gradients(std::int64_t group, CarefulSink& sink) const;
  void enclose_backward(std::int64_t b, std::int64_t d, const Trace& trace, Totals& totals,
                        CarefulSink& sink) const;
  void step_back(const Trace& trace, std::int64_t t, Adjoint& now, Totals& totals, CarefulSink& sink) const;
  void meet_state(const Trace& trace, std::int64_t t, std::size_t n, const Inexact& g,
                  const spec::SelectiveAdjointStep<Ball<double>>& step, Adjoint& now, Totals& totals) const;
  spec::SelectiveAdjointStep<Ball<double>> adjoint_values(const Trace& trace, std::int64_t t,
                                                          const Adjoint& now) const;
  Inexact enclose_lambda(const Trace& trace, std::int64_t t, std::size_t n, const Inexact& g,
                         const Ball<double>& value, Adjoint& now) const;
  void put_initial(const Trace& trace, const Adjoint& now, CarefulSink& sink) const;
  Inexact enclose_gate(const Trace& trace, std::int64_t b, std::int64_t d, std::int64_t t,
                       const Ball<double>& gate_gradient, CarefulSink& sink) const;
  Inexact decayed_state(const Trace& trace, std::int64_t t, std::size_t n, const Ball<double>& value) const;
  void give_totals(std::int64_t group, const Totals& totals, CarefulSink& sink) const;

  double B_at(std::int64_t b, std::int64_t d, std::int64_t n, std::int64_t t) const {
    return weight(B_, b, d, n, t);
  }
  double C_at(std::int64_t b, std::int64_t d, std::int64_t n, std::int64_t t) const {
    return weight(C_, b, d, n, t);
  }
  double weight(const Array& w, std::int64_t b, std::int64_t d, std::int64_t n, std::int64_t t) const {
    return w.rank() == 2 ? w(d, n) : w.rank() == 3 ? w(b, n, t) : w(b, group_of(d), n, t);
  }
  // Consecutive channels share a group.
  std::int64_t group_of(std::int64_t d) const { return d / (channels_ / groups_); }
  // Marks the channels (row b D + d) that a gradient sums over.
  void want(const Request& r, std::vector<bool>& channels) const;
  // Where the gradient of B or C at (b, d, n, t) stands: row and column of its output.
  std::pair<std::int64_t, std::int64_t> place(const Array& w, std::int64_t b, std::int64_t d, std::int64_t n,
                                              std::int64_t t) const {
    if (w.rank() == 2) return {d, n};
    return {w.rank() == 3 ? b * states_ + n : (b * groups_ + group_of(d)) * states_ + n, t};
  }

  template <class T>
  spec::SelectiveChannel<T> channel(std::int64_t b, std::int64_t d) const;
  template <class T>
  spec::SelectiveRun<T> run(const spec::SelectiveChannel<T>& channel) const;
  spec::SelectiveRun<ValueClass> possible_run(const spec::SelectiveChannel<ValueClass>& channel) const;
  template <class T>
  bool gradients_open(const spec::SelectiveChannel<T>& channel) const;
  template <class T, class Put>
  void gradients(std::int64_t b, std::int64_t d, Put&& put) const;

  std::int64_t batch_, channels_, length_, states_, groups_ = 1;
  bool backward_;
  ElementaryRules rules_;
  StateType state_type_;
  Previous previous_;
  StepSizeRule rule_;
  Array u_, delta_, A_, B_, C_, D_, z_, bias_, initial_, dy_, dlast_;
  std::vector<Output> outputs_;
};

template <class T>
spec::SelectiveChannel<T> SelectiveScan::channel(std::int64_t b, std::int64_t d) const {
  const auto number = [](double x) { return FromDouble<T>::make(x); };
  spec::SelectiveChannel<T> c;
  for (std::int64_t n = 0; n < states_; ++n) {
    c.A.push_back(number(A_(d, n)));
    c.h0.push_back(number(initial_(b, d, n)));
  }
  for (std::int64_t t = 0; t < length_; ++t) {
    c.delta.push_back(spec::step_size(number(delta_(b, d, t)), number(bias_(d)), rule_.rule));
    c.u.push_back(number(u_(b, d, t)));
    if (z_.present()) c.z.push_back(number(z_(b, d, t)));
    std::vector<T>& B = c.B.emplace_back();
    std::vector<T>& C = c.C.emplace_back();
    for (std::int64_t n = 0; n < states_; ++n) {
      B.push_back(number(B_at(b, d, n, t)));
      C.push_back(number(C_at(b, d, n, t)));
    }
  }
  c.D = number(D_(d));
  return c;
}

// spec::selective_scan, and of classes what kernels may make of it.
template <class T>
spec::SelectiveRun<T> SelectiveScan::run(const spec::SelectiveChannel<T>& channel) const {
  if constexpr (std::is_same_v<T, ValueClass>)
    return possible_run(channel);
  else
    return spec::selective_scan(channel);
}

// What a gradient of a channel may hold. A rate or a step size that is not finite reaches what kernels
// multiply by nothing (the empty state, the gradient beyond the end); one that recovers states takes
// differences of them.
template <class T>
bool SelectiveScan::gradients_open(const spec::SelectiveChannel<T>& channel) const {
  if constexpr (std::is_same_v<T, ValueClass>) {
    const auto finite = [](const std::vector<T>& v) {
      return std::all_of(v.begin(), v.end(), [](const T& x) { return x.finite(); });
    };
    if (!finite(channel.A) || !finite(channel.delta)) return true;
    return previous_ == Previous::recovered &&
           !(finite(channel.u) && std::all_of(channel.B.begin(), channel.B.end(), finite));
  } else {
    return false;
  }
}

template <class T, class Put>
void SelectiveScan::gradients(std::int64_t b, std::int64_t d, Put&& emit) const {
  const spec::SelectiveChannel<T> c = channel<T>(b, d);
  const bool open = gradients_open(c);
  const auto put = [&](int output, std::int64_t row, std::int64_t column, const T& value) {
    if constexpr (std::is_same_v<T, ValueClass>)
      emit(output, row, column, open ? ValueClass::any() : left_open(value));
    else
      emit(output, row, column, value);
  };
  const spec::SelectiveRun<T> r = run(c);
  std::vector<T> carry;
  for (std::int64_t n = 0; n < states_; ++n) carry.push_back(FromDouble<T>::make(dlast_(b, d, n)));
  for (std::int64_t t = length_; t-- > 0;) {
    const auto at = static_cast<std::size_t>(t);
    const T raw = FromDouble<T>::make(delta_(b, d, t)), bias = FromDouble<T>::make(bias_(d));
    spec::SelectiveAdjointInput<T> in{c.delta[at],
                                      spec::step_size_slope(raw, bias, rule_.rule),
                                      c.u[at],
                                      c.D,
                                      FromDouble<T>::make(dy_(b, d, t)),
                                      r.readout[at]};
    in.z = c.z.empty() ? nullptr : &c.z[at];
    in.A = &c.A, in.B = &c.B[at], in.C = &c.C[at];
    in.before = t == 0 ? &c.h0 : &r.states[at - 1];
    in.after = &r.states[at];
    spec::SelectiveAdjointStep<T> step = spec::selective_adjoint_step(in, carry);
    const std::int64_t row = b * channels_ + d;
    put(du, row, t, step.du), put(ddelta, row, t, step.ddelta), put(dz, row, t, step.dz);
    put(dD, 0, d, step.dD), put(ddelta_bias, 0, d, step.ddelta);
    for (std::int64_t n = 0; n < states_; ++n) {
      const auto i = static_cast<std::size_t>(n);
      const auto [b_row, b_column] = place(B_, b, d, n, t);
      const auto [c_row, c_column] = place(C_, b, d, n, t);
      put(dA, d, n, step.dA[i]), put(dB, b_row, b_column, step.dB[i]), put(dC, c_row, c_column, step.dC[i]);
    }
    carry = std::move(step.carry);
  }
  for (std::int64_t n = 0; n < states_; ++n)
    put(dinitial_state, b * channels_ + d, n, carry[static_cast<std::size_t>(n)]);
}

template <class T, class Emit>
void SelectiveScan::evaluate(std::span<const Request> requests, Emit&& emit) const {
  std::map<std::int64_t, std::vector<std::size_t>> forward;  // by channel of a batch
  std::map<std::tuple<int, std::int64_t, std::int64_t>, T> totals;
  std::vector<bool> wanted(static_cast<std::size_t>(batch_ * channels_), false);
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const Request& r = requests[i];
    if (r.output == y || r.output == last_state) {
      forward[r.row].push_back(i);
    } else {
      totals.emplace(std::tuple(r.output, r.row, r.column), spec::zero<T>());
      want(r, wanted);
    }
  }
  for (const auto& [row, indices] : forward) {
    const spec::SelectiveChannel<T> c = channel<T>(row / channels_, row % channels_);
    const spec::SelectiveRun<T> r = run(c);
    for (const std::size_t i : indices) {
      const auto column = static_cast<std::size_t>(requests[i].column);
      emit(i, requests[i].output == y ? r.y[column] : length_ == 0 ? c.h0[column] : r.states.back()[column]);
    }
  }
  if (totals.empty()) return;
  for (std::size_t row = 0; row < wanted.size(); ++row) {
    if (!wanted[row]) continue;
    const auto at = static_cast<std::int64_t>(row);
    gradients<T>(at / channels_, at % channels_,
                 [&](int output, std::int64_t r, std::int64_t column, const T& value) {
                   const auto place = totals.find({output, r, column});
                   if (place != totals.end()) place->second = place->second + value;
                 });
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    const auto place = totals.find({requests[i].output, requests[i].row, requests[i].column});
    if (place != totals.end()) emit(i, place->second);
  }
}

}  // namespace exactscan
