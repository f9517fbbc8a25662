// ssd: the gradients that are sums over columns, steps, heads or batches.
#include <algorithm>

#include "oracle/check/ssd_backward_trace.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;
using Sum = Calculus<Bound>::Sum;

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

}  // namespace

// The gradients of the step sizes, which sum over all columns, and with them those of A and the bias.
void SsdBackward::put_steps(const Head& head, Totals& totals, CarefulSink& sink) const {
  const Number A = Number::exactly(in_.A(head.h));
  const Inexact Ax = rules_.input(in_.A(head.h), in_.A.fits());
  const std::size_t local = at(head.h % (in_.heads / in_.groups));
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    const Total &direct = head.direct[at(t)], &rate = head.rate[at(t)];
    const SsdStep& step = head.steps[at(t)];
    const auto bounded = [&](const Total& total) {
      return Inexact{most(total.value), std::max(up(Bound(total.staged + head.tiny)),
                                                 total.stepwise.result(rules_.calculus()).error)};
    };
    const Inexact rate_bound = bounded(rate);
    Sum parts;
    parts.add(bounded(direct)), parts.add(rules_.calculus().rounded_product(Ax, rate_bound));
    const Number value = direct.value + A * rate.value;
    const Inexact gradient{most(value), std::max(parts.result(rules_.calculus()).error,
                                                 head.both[at(t)].result(rules_.calculus()).error)};
    const bool over =
        head.overflow || direct.overflow || rules_.may_overflow(gradient) || rules_.may_overflow(rate_bound);
    const Number slope = spec::step_size_slope(Number::exactly(in_.dt(head.b, t, head.h)),
                                               Number::exactly(in_.bias(head.h)), in_.rule.rule);
    const Inexact e = through_the_rule(head, t, value, gradient);
    if (sink.wants(ddt))
      sink.put(ddt, head.b * in_.steps + t, head.h, value * slope, e.error, over || rules_.may_overflow(e));
    totals.bias[local].add(value * slope, e, 0, over);
    totals.A[local].value = totals.A[local].value + step.size.value * rate.value;
    totals.A_steps[local].add(rules_.calculus().rounded_product(step.size.bound, rate_bound));
    totals.A[local].overflow = totals.A[local].overflow || over;
  }
}

// The gradient of a step size as that of its raw number: the slope of softplus, and 0 beyond the limits.
// Where the step size may lie on either side of a limit a kernel may give either.
Inexact SsdBackward::through_the_rule(const Head& head, std::int64_t t, const Number& value,
                                      const Inexact& gradient) const {
  const StepSize& size = head.steps[at(t)].size;
  const spec::StepRule& rule = in_.rule.rule;
  Inexact e = gradient;
  if (rule.softplus)
    e = rules_.rounded(
        Product(gradient).times(rules_.softplus_slope(size.argument, size.x, in_.rule.threshold)), 2);
  const Number free = rule.softplus ? spec::soft_plus(size.argument) : size.argument;
  const Bound middle = free.mid, off = up(Bound(free.rad + size.bound.error));
  // Softplus is never below 0, however it is computed.
  const bool low_matters = !(rule.softplus && rule.low <= 0);
  const bool beyond = (low_matters && middle + off < rule.low) || middle - off > rule.high;
  if (beyond) return {0, 0};
  const bool near = (low_matters && middle - off <= rule.low) || middle + off >= rule.high;
  if (near) e.error = up(Bound(e.error + e.magnitude + most(value)));
  return e;
}

void SsdBackward::give_totals(std::int64_t group, const Totals& totals, CarefulSink& sink) const {
  const std::int64_t shared = in_.heads / in_.groups;
  const auto give = [&](int output, std::int64_t row, std::int64_t column, const Total& total, Bound staged) {
    Inexact e = total.stepwise.result(rules_.calculus());
    e.error = std::max(e.error, staged);
    sink.put(output, row, column, total.value, e.error, total.overflow || rules_.may_overflow(e));
  };
  for (std::size_t i = 0; i < totals.B.size(); ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const std::int64_t row = index / in_.states * in_.groups + group, n = index % in_.states;
    if (sink.wants(dB)) give(dB, row, n, totals.B[i], up(Bound(totals.B[i].staged + totals.tiny)));
    if (sink.wants(dC)) give(dC, row, n, totals.C[i], up(Bound(totals.C[i].staged + totals.tiny)));
  }
  for (std::int64_t i = 0; i < shared; ++i) {
    const std::int64_t h = group * shared + i;
    if (sink.wants(dA))
      give(dA, 0, h, totals.A[at(i)], totals.A_steps[at(i)].result(rules_.calculus()).error);
    if (sink.wants(ddt_bias)) give(ddt_bias, 0, h, totals.bias[at(i)], 0);
    for (std::int64_t p = 0; p < (in_.D.rank() == 2 ? in_.width : 1) && sink.wants(dD); ++p)
      give(dD, in_.D.rank() == 2 ? h : 0, in_.D.rank() == 2 ? p : h,
           totals.D[at(in_.D.rank() == 2 ? i * in_.width + p : i)], 0);
  }
}

}  // namespace exactscan
