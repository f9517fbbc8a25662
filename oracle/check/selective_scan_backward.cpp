// selective_scan: enclosures and allowances of the gradients.
#include "oracle/check/selective_scan_trace.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;

// What storing a number in a 16-bit type may take from it, relatively (a number below its normal ones
// decides little: its gate's gradient is smaller still).
Bound stored_error(ElementType type) {
  return type == ElementType::bf16 ? 0x1p-8L : type == ElementType::f16 ? 0x1p-11L : 0;
}

}  // namespace

void SelectiveScan::enclose_gradients(std::int64_t group, CarefulSink& sink) const {
  const std::int64_t shared = channels_ / groups_;
  const auto count = [&](const Array& w) {
    return static_cast<std::size_t>(w.rank() == 2 ? shared * states_ : batch_ * states_ * length_);
  };
  Totals totals;
  totals.A.resize(static_cast<std::size_t>(shared * states_));
  totals.B.resize(count(B_)), totals.C.resize(count(C_));
  totals.D.resize(static_cast<std::size_t>(shared)), totals.bias.resize(static_cast<std::size_t>(shared));
  for (std::int64_t d = group * shared; d < (group + 1) * shared; ++d) {
    for (std::int64_t b = 0; b < batch_; ++b)
      enclose_backward(b, d, enclose_channel(b, d, true, sink), totals, sink);
  }
  give_totals(group, totals, sink);
}

void SelectiveScan::give_totals(std::int64_t group, const Totals& totals, CarefulSink& sink) const {
  const auto give = [&](int output, std::int64_t row, std::int64_t column, const Total& total) {
    const Inexact e = total.bound.result(rules_.calculus());
    sink.put(output, row, column, total.value, e.error, total.overflow || rules_.may_overflow(e));
  };
  const std::int64_t shared = channels_ / groups_;
  for (std::int64_t i = 0; i < shared; ++i) {
    const std::int64_t d = group * shared + i;
    const auto local = static_cast<std::size_t>(i);
    if (sink.wants(dD)) give(dD, 0, d, totals.D[local]);
    if (sink.wants(ddelta_bias)) give(ddelta_bias, 0, d, totals.bias[local]);
    for (std::int64_t n = 0; n < states_ && sink.wants(dA); ++n)
      give(dA, d, n, totals.A[static_cast<std::size_t>(i * states_ + n)]);
  }
  const auto give_weights = [&](int output, const Array& w, const std::vector<Total>& sums) {
    if (!sink.wants(output)) return;
    for (std::size_t i = 0; i < sums.size(); ++i) {
      const auto at = static_cast<std::int64_t>(i);
      if (w.rank() == 2) {
        give(output, group * shared + at / states_, at % states_, sums[i]);
        continue;
      }
      // Not by `place`: without channels a group has weights nevertheless, and gradients of 0.
      const std::int64_t b = at / length_ / states_, n = at / length_ % states_;
      give(output, (w.rank() == 3 ? b : b * groups_ + group) * states_ + n, at % length_, sums[i]);
    }
  };
  give_weights(dB, B_, totals.B);
  give_weights(dC, C_, totals.C);
}

// The gradient before the gate, and that of the gate.
Inexact SelectiveScan::enclose_gate(const Trace& trace, std::int64_t b, std::int64_t d, std::int64_t t,
                                    const Number& gate_gradient, CarefulSink& sink) const {
  const Inexact dy = rules_.input(dy_(b, d, t), dy_.fits());
  if (!z_.present()) return dy;
  const Number z = Number::exactly(z_(b, d, t));
  const Inexact zx = rules_.input(z.mid, z_.fits()), sigma = rules_.sigmoid(z, zx);
  if (sink.wants(dz)) {
    Inexact w = trace.readout_bound[static_cast<std::size_t>(t)];
    // A kernel that recovers what it did not keep reads the output again, as it was stored.
    if (previous_ == Previous::recovered) w.error = up(Bound(w.error + stored_error(u_.type()) * w.bound()));
    const Inexact e =
        rules_.rounded(Product(dy).times(w).times(sigma).times(rules_.silu_factor(z, zx, sigma)), 4);
    sink.put(dz, b * channels_ + d, t, gate_gradient, e.error,
             trace.overflow[static_cast<std::size_t>(t)] != 0 || rules_.may_overflow(e));
  }
  return rules_.rounded(Product(dy).times(zx).times(sigma), 3);
}

// exp(delta A) h_{t-1}, computed, or recovered from h_t where the contract has it so.
Inexact SelectiveScan::decayed_state(const Trace& trace, std::int64_t t, std::size_t n,
                                     const Number& value) const {
  const std::size_t states = static_cast<std::size_t>(states_), at = static_cast<std::size_t>(t) * states + n;
  const Inexact& before = t == 0 ? trace.h0x[n] : trace.hx[at - states];
  Inexact stored = rules_.calculus().rounded_product(trace.ax[at], before);
  stored.magnitude = std::min(stored.magnitude, most(value));
  if (previous_ == Previous::stored) return stored;
  const Inexact recovered =
      rules_.calculus().rounded({most(value), up(Bound(trace.hx[at].error + trace.bx[at].error))});
  return {stored.magnitude, std::max(stored.error, recovered.error)};
}

void SelectiveScan::enclose_backward(std::int64_t b, std::int64_t d, const Trace& trace, Totals& totals,
                                     CarefulSink& sink) const {
  Adjoint now;
  now.b = b, now.d = d, now.values = channel<Number>(b, d);
  for (std::int64_t n = 0; n < states_; ++n) {
    const double last = dlast_(b, d, n);
    const Inexact e = rules_.input(last, dlast_.fits());
    now.carry.push_back(Number::exactly(last)), now.lambda.push_back(e);
    if (dlast_.present()) now.bounds.emplace_back(rules_.arithmetic(), e.magnitude, e.error);
  }
  for (std::int64_t t = length_; t-- > 0;) step_back(trace, t, now, totals, sink);
  put_initial(trace, now, sink);
}

// The gradient of the initial state: the first decay times the first step's gradient.
void SelectiveScan::put_initial(const Trace& trace, const Adjoint& now, CarefulSink& sink) const {
  for (std::int64_t n = 0; n < states_ && sink.wants(dinitial_state); ++n) {
    const auto i = static_cast<std::size_t>(n);
    const Inexact e =
        length_ == 0 ? now.lambda[i] : rules_.calculus().rounded_product(trace.ax[i], now.lambda[i]);
    sink.put(dinitial_state, now.b * channels_ + now.d, n, now.carry[i], e.error,
             now.over || rules_.may_overflow(e));
  }
}

spec::SelectiveAdjointStep<Number> SelectiveScan::adjoint_values(const Trace& trace, std::int64_t t,
                                                                 const Adjoint& now) const {
  const auto at = static_cast<std::size_t>(t), states = static_cast<std::size_t>(states_);
  const auto slice = [&](std::size_t step) {
    const auto from = trace.h.begin() + static_cast<std::ptrdiff_t>(step * states);
    return std::vector<Number>(from, from + static_cast<std::ptrdiff_t>(states));
  };
  const std::vector<Number> after = slice(at), before = t == 0 ? trace.h0 : slice(at - 1);
  const spec::SelectiveChannel<Number>& values = now.values;
  const Number raw = Number::exactly(delta_(now.b, now.d, t)), bias = Number::exactly(bias_(now.d));
  spec::SelectiveAdjointInput<Number> in{
      values.delta[at], spec::step_size_slope(raw, bias, rule_.rule), values.u[at],
      values.D,         Number::exactly(dy_(now.b, now.d, t)),        trace.readout[at]};
  in.z = values.z.empty() ? nullptr : &values.z[at];
  in.A = &values.A, in.B = &values.B[at], in.C = &values.C[at], in.before = &before, in.after = &after;
  return spec::selective_adjoint_step(in, now.carry);
}

// The reverse scan, one state: its multiplier is the next step's decay, and 1 on what comes in at the end.
Inexact SelectiveScan::enclose_lambda(const Trace& trace, std::int64_t t, std::size_t n, const Inexact& g,
                                      const Number& value, Adjoint& now) const {
  const Inexact C = rules_.input(C_at(now.b, now.d, static_cast<std::int64_t>(n), t), C_.fits());
  const Inexact source = rules_.rounded(Product(C).times(g), C_.rank() == 2 ? 2 : 1);
  const bool last = t + 1 == length_;
  if (now.bounds.size() <= n) {
    now.bounds.emplace_back(rules_.arithmetic(), source.magnitude, source.error);
  } else {
    const Inexact a = last ? Inexact{1, 0} : trace.ax[static_cast<std::size_t>((t + 1) * states_) + n];
    now.bounds[n].step<false>({a.magnitude, a.error, source.magnitude, source.error, last});
  }
  const ScanAllowance<Bound>& scan = now.bounds[n];
  now.lambda[n] = {std::min(most(value), scan.majorant()), scan.allowance()};
  return now.lambda[n];
}

void SelectiveScan::step_back(const Trace& trace, std::int64_t t, Adjoint& now, Totals& totals,
                              CarefulSink& sink) const {
  const auto at = static_cast<std::size_t>(t);
  const std::int64_t row = now.b * channels_ + now.d;
  const auto local = static_cast<std::size_t>(now.d % (channels_ / groups_));
  const StepSize& size = trace.sizes[at];
  spec::SelectiveAdjointStep<Number> step = adjoint_values(trace, t, now);
  Inexact g = enclose_gate(trace, now.b, now.d, t, step.dz, sink);
  g.magnitude = std::min(g.magnitude, most(step.g));
  now.over = trace.overflow[at] != 0 || rules_.may_overflow(g);
  now.du_terms.emplace(), now.delta_terms.emplace();
  for (std::size_t n = 0; n < now.carry.size(); ++n) meet_state(trace, t, n, g, step, now, totals);
  const Inexact u = rules_.input(u_(now.b, now.d, t), u_.fits()), D = rules_.input(D_(now.d), D_.fits());
  if (D_.present()) now.du_terms->add(rules_.calculus().rounded_product(D, g));
  const Inexact du_bound = now.du_terms->result(rules_.calculus()),
                step_bound = now.delta_terms->result(rules_.calculus());
  Inexact delta_bound = step_bound;
  if (rule_.rule.softplus)
    delta_bound = rules_.rounded(
        Product(step_bound).times(rules_.softplus_slope(size.argument, size.x, rule_.threshold)), 2);
  const bool over = now.over || rules_.may_overflow(du_bound) || rules_.may_overflow(step_bound);
  if (sink.wants(du)) sink.put(du, row, t, step.du, du_bound.error, over);
  if (sink.wants(ddelta)) sink.put(ddelta, row, t, step.ddelta, delta_bound.error, over);
  totals.D[local].add(step.dD, rules_.calculus().rounded_product(g, u), over);
  totals.bias[local].add(step.ddelta, delta_bound, over);
  now.carry = std::move(step.carry);
}

// One state at one step: its gradient's bounds, and what it adds to every sum.
void SelectiveScan::meet_state(const Trace& trace, std::int64_t t, std::size_t n, const Inexact& g,
                               const spec::SelectiveAdjointStep<Number>& step, Adjoint& now,
                               Totals& totals) const {
  const auto at = static_cast<std::size_t>(t), states = static_cast<std::size_t>(states_);
  const auto i = static_cast<std::int64_t>(n);
  const std::int64_t b = now.b, d = now.d, local = d % (channels_ / groups_);
  const auto total = [&](std::vector<Total>& sums, const Array& w) -> Total& {
    return sums[static_cast<std::size_t>(w.rank() == 2 ? local * states_ + i
                                                       : (b * states_ + i) * length_ + t)];
  };
  // Constant B and C may be multiplied into what they are summed with, or out of it: one rounding more.
  const int more_b = B_.rank() == 2 ? 1 : 0, more_c = C_.rank() == 2 ? 1 : 0;
  const Inexact A = rules_.input(A_(d, i), A_.fits()), B = rules_.input(B_at(b, d, i, t), B_.fits()),
                u = rules_.input(u_(b, d, t), u_.fits());
  const Inexact& delta = trace.sizes[at].bound;
  const Inexact lambda = enclose_lambda(trace, t, n, g, step.lambda[n], now);
  now.over = now.over || now.bounds[n].overflow_possible();
  const Number before = t == 0 ? trace.h0[n] : trace.h[(at - 1) * states + n];
  const Inexact ah =
      decayed_state(trace, t, n, spec::exponential(Number(trace.sizes[at].value * now.values.A[n])) * before);
  total(totals.C, C_)
      .add(step.dC[n], rules_.rounded(Product(g).times(trace.hx[at * states + n]), 1 + more_b + more_c),
           now.over);
  total(totals.B, B_)
      .add(step.dB[n], rules_.rounded(Product(lambda).times(delta).times(u), 2 + more_b), now.over);
  totals.A[static_cast<std::size_t>(local * states_ + i)].add(
      step.dA[n], rules_.rounded(Product(lambda).times(delta).times(ah), 2), now.over);
  now.du_terms->add(rules_.rounded(Product(lambda).times(delta).times(B), 2 + more_b));
  now.delta_terms->add(rules_.rounded(Product(lambda).times(B).times(u), 2 + more_b));
  now.delta_terms->add(rules_.rounded(Product(lambda).times(A).times(ah), 2));
}

}  // namespace exactscan
