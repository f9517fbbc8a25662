// selective_scan: enclosures and allowances of a channel's states and outputs.
#include "oracle/check/selective_scan_trace.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;

}  // namespace

SelectiveScan::Trace SelectiveScan::enclose_channel(std::int64_t b, std::int64_t d, bool keep,
                                                    CarefulSink& sink) const {
  Trace trace;
  Progress now;
  for (std::int64_t n = 0; n < states_; ++n) {
    const double start = initial_(b, d, n);
    trace.h0.push_back(Number::exactly(start));
    trace.h0x.push_back(rules_.input(start, initial_.fits()));
    now.A.push_back(Number::exactly(A_(d, n)));
    now.Ax.push_back(rules_.input(A_(d, n), A_.fits()));
    now.bounds.emplace_back(rules_, state_type_, trace.h0x.back());
  }
  now.state = trace.h0, now.hx = now.ax = now.bx = trace.h0x;
  const std::int64_t row = b * channels_ + d;
  for (std::int64_t t = 0; t < length_; ++t) {
    const StepSize size = enclose_step_size(rules_, rule_, delta_(b, d, t), delta_.fits(), bias_(d),
                                            bias_.fits(), bias_.present());
    const Readout readout = advance(b, d, t, size, now);
    put_output(row, t, readout, now.overflow, sink);
    if (!keep) continue;
    trace.sizes.push_back(size);
    trace.readout.push_back(readout.value), trace.readout_bound.push_back(readout.bound);
    trace.overflow.push_back(now.overflow ? 1 : 0);
    trace.h.insert(trace.h.end(), now.state.begin(), now.state.end());
    trace.hx.insert(trace.hx.end(), now.hx.begin(), now.hx.end());
    trace.ax.insert(trace.ax.end(), now.ax.begin(), now.ax.end());
    trace.bx.insert(trace.bx.end(), now.bx.begin(), now.bx.end());
  }
  for (std::int64_t n = 0; n < states_ && sink.wants(last_state); ++n) {
    const auto i = static_cast<std::size_t>(n);
    sink.put(last_state, row, n, now.state[i], now.hx[i].error, now.overflow);
  }
  return trace;
}

// One step of all states, and the readout.
SelectiveScan::Readout SelectiveScan::advance(std::int64_t b, std::int64_t d, std::int64_t t,
                                              const StepSize& size, Progress& now) const {
  const double u = u_(b, d, t);
  const Number exact_u = Number::exactly(u), D = Number::exactly(D_(d));
  const Inexact ux = rules_.input(u, u_.fits());
  Calculus<Bound>::Sum terms;
  now.overflow = now.overflow || size.overflow;
  for (std::size_t i = 0; i < now.state.size(); ++i) {
    const auto n = static_cast<std::int64_t>(i);
    const double B = B_at(b, d, n, t), C = C_at(b, d, n, t);
    const auto transition = spec::selective_transition(size.value, now.A[i], Number::exactly(B), exact_u);
    now.state[i] = spec::apply(transition, now.state[i]);
    const Inexact z = rules_.calculus().rounded_product(size.bound, now.Ax[i]);
    now.ax[i] = rules_.exp(most(transition.a), z);
    now.bx[i] = rules_.rounded(Product(size.bound).times(rules_.input(B, B_.fits())).times(ux), 2);
    const Bound bound = most(now.state[i]);
    now.bounds[i].step(now.ax[i], now.bx[i], bound);
    now.hx[i] = now.bounds[i].state(bound);
    now.overflow = now.overflow || now.bounds[i].overflow_possible() || rules_.may_overflow(now.ax[i]);
    // A constant B may be multiplied into C instead of the state's summand: one rounding more.
    terms.add(rules_.rounded(Product(rules_.input(C, C_.fits())).times(now.hx[i]), B_.rank() == 2 ? 2 : 1));
  }
  const auto c = [&](std::size_t n) { return Number::exactly(C_at(b, d, static_cast<std::int64_t>(n), t)); };
  const auto s = [&](std::size_t n) -> const Number& { return now.state[n]; };
  const Number value = spec::selective_readout(now.state.size(), c, s, D, exact_u);
  if (D_.present()) terms.add(rules_.calculus().rounded_product(rules_.input(D_(d), D_.fits()), ux));
  const Inexact sum = terms.result(rules_.calculus());
  now.overflow = now.overflow || rules_.may_overflow(sum);
  return {value, {std::min(sum.magnitude, most(value)), sum.error}};
}

void SelectiveScan::put_output(std::int64_t row, std::int64_t t, const Readout& readout, bool over,
                               CarefulSink& sink) const {
  if (!sink.wants(y)) return;
  if (!z_.present()) return sink.put(y, row, t, readout.value, readout.bound.error, over);
  const Number z = Number::exactly(z_(row / channels_, row % channels_, t));
  const Inexact zx = rules_.input(z.mid, z_.fits());
  const Inexact e = rules_.gated(readout.bound, zx, rules_.sigmoid(z, zx));
  sink.put(y, row, t, spec::gated(readout.value, z), e.error, over || rules_.may_overflow(e));
}

}  // namespace exactscan
