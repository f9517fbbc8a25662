// selective_scan: enclosures and allowances of the gradients.
#include "oracle/check/selective_scan_trace.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;

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
    const Inexact& w = trace.readout_bound[static_cast<std::size_t>(t)];
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
  const auto states = static_cast<std::size_t>(states_);
  const std::int64_t local = d % (channels_ / groups_), row = b * channels_ + d;
  const spec::SelectiveChannel<Number> values = channel<Number>(b, d);
  std::vector<Number> carry(states, Number(0));
  std::vector<ScanAllowance<Bound>> bounds;
  const auto total = [&](std::vector<Total>& sums, const Array& w, std::size_t n, std::int64_t t) -> Total& {
    const auto i = static_cast<std::int64_t>(n);
    return sums[static_cast<std::size_t>(w.rank() == 2 ? local * states_ + i
                                                       : (b * states_ + i) * length_ + t)];
  };
  for (std::int64_t t = length_; t-- > 0;) {
    const auto at = static_cast<std::size_t>(t);
    const StepSize& size = trace.sizes[at];
    const std::vector<Number> after(trace.h.begin() + static_cast<std::ptrdiff_t>(at * states),
                                    trace.h.begin() + static_cast<std::ptrdiff_t>((at + 1) * states));
    const std::vector<Number> before =
        t == 0 ? trace.h0
               : std::vector<Number>(trace.h.begin() + static_cast<std::ptrdiff_t>((at - 1) * states),
                                     trace.h.begin() + static_cast<std::ptrdiff_t>(at * states));
    const Number raw = Number::exactly(delta_(b, d, t)), bias = Number::exactly(bias_(d));
    spec::SelectiveAdjointInput<Number> in{values.delta[at],
                                           spec::step_size_slope(raw, bias, rule_.rule),
                                           values.u[at],
                                           values.D,
                                           Number::exactly(dy_(b, d, t)),
                                           trace.readout[at]};
    in.z = values.z.empty() ? nullptr : &values.z[at];
    in.A = &values.A, in.B = &values.B[at], in.C = &values.C[at], in.before = &before, in.after = &after;
    const spec::SelectiveAdjointStep<Number> step = spec::selective_adjoint_step(in, carry);
    Inexact g = enclose_gate(trace, b, d, t, step.dz, sink);
    g.magnitude = std::min(g.magnitude, most(step.g));
    const Inexact u = rules_.input(u_(b, d, t), u_.fits());
    bool over = trace.overflow[at] != 0 || rules_.may_overflow(g);
    Calculus<Bound>::Sum du_terms, delta_terms;
    for (std::size_t n = 0; n < states; ++n) {
      const auto i = static_cast<std::int64_t>(n);
      const Inexact A = rules_.input(A_(d, i), A_.fits()), B = rules_.input(B_at(b, d, i, t), B_.fits()),
                    C = rules_.input(C_at(b, d, i, t), C_.fits());
      const Inexact source = rules_.rounded(Product(C).times(g), C_.rank() == 2 ? 2 : 1);
      if (bounds.size() <= n) {
        bounds.emplace_back(rules_.arithmetic(), source.magnitude, source.error);
      } else {
        const Inexact& a = trace.ax[(at + 1) * states + n];
        bounds[n].step<false>({a.magnitude, a.error, source.magnitude, source.error, false});
      }
      over = over || bounds[n].overflow_possible();
      const Inexact lambda{std::min(most(step.lambda[n]), bounds[n].majorant()), bounds[n].allowance()};
      const Number decayed = spec::exponential(Number(size.value * values.A[n])) * before[n];
      const Inexact ah = decayed_state(trace, t, n, decayed);
      // Constant B and C may be multiplied into what they are summed with, or out of it: one rounding more.
      const int more_b = B_.rank() == 2 ? 1 : 0, more_c = C_.rank() == 2 ? 1 : 0;
      total(totals.C, C_, n, t)
          .add(step.dC[n], rules_.rounded(Product(g).times(trace.hx[at * states + n]), 1 + more_b + more_c),
               over);
      total(totals.B, B_, n, t)
          .add(step.dB[n], rules_.rounded(Product(lambda).times(size.bound).times(u), 2 + more_b), over);
      totals.A[static_cast<std::size_t>(local * states_ + i)].add(
          step.dA[n], rules_.rounded(Product(lambda).times(size.bound).times(ah), 2), over);
      du_terms.add(rules_.rounded(Product(lambda).times(size.bound).times(B), 2 + more_b));
      delta_terms.add(rules_.rounded(Product(lambda).times(B).times(u), 2 + more_b));
      delta_terms.add(rules_.rounded(Product(lambda).times(A).times(ah), 2));
    }
    const Inexact D = rules_.input(D_(d), D_.fits());
    if (D_.present()) du_terms.add(rules_.calculus().rounded_product(D, g));
    const Inexact du_bound = du_terms.result(rules_.calculus()),
                  step_bound = delta_terms.result(rules_.calculus());
    Inexact delta_bound = step_bound;
    if (rule_.rule.softplus)
      delta_bound = rules_.rounded(
          Product(step_bound).times(rules_.softplus_slope(size.argument, size.x, rule_.threshold)), 2);
    over = over || rules_.may_overflow(du_bound) || rules_.may_overflow(step_bound);
    if (sink.wants(du)) sink.put(du, row, t, step.du, du_bound.error, over);
    if (sink.wants(ddelta)) sink.put(ddelta, row, t, step.ddelta, delta_bound.error, over);
    totals.D[static_cast<std::size_t>(local)].add(step.dD, rules_.calculus().rounded_product(g, u), over);
    totals.bias[static_cast<std::size_t>(local)].add(step.ddelta, delta_bound, over);
    carry = step.carry;
  }
}

}  // namespace exactscan
