// ssd: enclosures and allowances of the gradients, column by column of each head.
//
// Kernels in stages keep, for each chunk, the state E that enters it and the gradient G of the state that
// leaves it; all else is a sum over pairs (l, j) of the chunk's steps, or over one step and E or G, of
// products with one decay. With M and D the majorants of a state (or of a gradient of it) and what errors add
// to them, the chunk's own recurrence "Chunks" started from (|E|, e_E) and (|G|, e_G) bounds all those terms
// at once; a term's further roundings are in phi (ChunkRules::gradient).
#include <algorithm>

#include "oracle/check/ssd_backward_trace.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;
using Sum = Calculus<Bound>::Sum;

// What a chunked kernel adds to a sum of terms weight * (majorant, with phi for the roundings).
template <class M>
Bound term_error(const Product& weight, const M& m, Bound phi) {
  return up(Bound(weight.magnitude() * (m.excess * (1 + phi) + phi * m.size) +
                  weight.error() * (m.size + m.excess) * (1 + phi)));
}

std::size_t at(std::int64_t index) { return static_cast<std::size_t>(index); }

}  // namespace

void SsdBackward::enclose(std::int64_t group, CarefulSink& sink) const {
  const std::int64_t shared = in_.heads / in_.groups;
  Totals totals;
  totals.B.resize(at(in_.batch * in_.steps * in_.states)), totals.C.resize(totals.B.size());
  totals.A.resize(at(shared)), totals.A_steps.resize(at(shared)), totals.bias.resize(at(shared));
  totals.D.resize(at(in_.D.rank() == 2 ? shared * in_.width : shared));
  for (std::int64_t h = group * shared; h < (group + 1) * shared; ++h) {
    for (std::int64_t b = 0; b < in_.batch; ++b) {
      Head head = head_of(b, h);
      totals.tiny = std::max(totals.tiny, head.tiny);
      enclose_head(head, totals, sink);
    }
  }
  give_totals(group, totals, sink);
}

SsdBackward::Head SsdBackward::head_of(std::int64_t b, std::int64_t h) const {
  Head head;
  head.b = b, head.h = h, head.steps = ssd_steps(rules_, chunks_, in_, b, h);
  const auto Q = static_cast<Bound>(in_.chunk), N = static_cast<Bound>(in_.states),
             P = static_cast<Bound>(in_.width), shared = static_cast<Bound>(in_.heads / in_.groups);
  // The sums that one term goes through: over states, columns, both ends of a decay, heads.
  const Bound additions = N + P + 2 * Q + shared + 8;
  Bound before = 0;
  for (const SsdStep& step : head.steps) {
    head.one_end.push_back(chunks_.gradient(additions, step.reach));
    head.both_ends.push_back(chunks_.gradient(additions, up(Bound(step.reach + before))));
    before = step.last ? 0 : step.reach;
    head.overflow = head.overflow || step.overflow;
  }
  head.passing = chunks_.gradient(additions, 0);
  const Bound reach = reach_of(head), operations = 16 * (Q + 2) * (Q + 2) * (N + 1) * (P + 1) * shared;
  head.tiny = chunks_.underflow(operations, reach);
  head.overflow = head.overflow || chunks_.may_overflow(operations, reach);
  head.direct.resize(head.steps.size()), head.rate.resize(head.steps.size()),
      head.both.resize(head.steps.size());
  return head;
}

// The product of max(1, largest) over all factors that a term can have.
Bound SsdBackward::reach_of(const Head& head) const {
  Bound largest[10] = {1, 1, 1, 1, 1, 1, 1, 1, 1, 1};
  const auto meet = [&](int i, Bound value) { largest[i] = std::max(largest[i], std::fabs(value)); };
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    const SsdStep& step = head.steps[at(t)];
    for (std::int64_t p = 0; p < in_.width; ++p) {
      meet(0, in_.x(head.b, t, head.h, p)), meet(1, in_.dy(head.b, t, head.h, p));
      meet(2, in_.z(head.b, t, head.h, p)), meet(3, in_.skip(head.h, p));
    }
    for (std::int64_t n = 0; n < in_.states; ++n) {
      meet(4, in_.B(head.b, t, in_.group_of(head.h), n));
      meet(5, in_.C(head.b, t, in_.group_of(head.h), n));
    }
    meet(6, step.size.bound.bound()), meet(7, step.growth);
  }
  for (std::int64_t p = 0; p < in_.width; ++p) {
    for (std::int64_t n = 0; n < in_.states; ++n)
      meet(8, in_.initial(head.b, head.h, p, n)), meet(9, in_.dfinal(head.b, head.h, p, n));
  }
  Bound reach = std::max<Bound>(1, std::fabs(in_.A(head.h)));
  for (const Bound value : largest) reach = up(Bound(reach * value));
  return reach;
}

void SsdBackward::enclose_head(Head& head, Totals& totals, CarefulSink& sink) const {
  for (std::int64_t p = 0; p < in_.width; ++p) {
    Column column;
    column.p = p;
    forward(head, column);
    backward(head, column, totals, sink);
  }
  put_steps(head, totals, sink);
}

void SsdBackward::forward(Head& head, Column& column) const {
  for (std::int64_t n = 0; n < in_.states; ++n) {
    const double start = in_.initial(head.b, head.h, column.p, n);
    const Inexact e = rules_.input(start, in_.initial.fits());
    column.h.push_back(Number::exactly(start)), column.stepwise.push_back(e);
    column.scans.emplace_back(rules_.arithmetic(), e.magnitude, e.error);
    column.carried.push_back({e.magnitude, e.error});
  }
  for (std::int64_t t = 0; t < in_.steps; ++t) advance(head, column, t);
  for (const auto& scan : column.scans) column.overflow = column.overflow || scan.overflow_possible();
}

// One step of all states. `carried` holds the majorants that the next step starts from.
void SsdBackward::advance(const Head& head, Column& column, std::int64_t t) const {
  const SsdStep& step = head.steps[at(t)];
  const double x = in_.x(head.b, t, head.h, column.p), D = in_.skip(head.h, column.p);
  const Inexact xx = rules_.input(x, in_.x.fits());
  const Bound a = step.decay_bound.magnitude, end = expm1_up(step.reach);
  Number readout(0);
  for (std::int64_t n = 0; n < in_.states; ++n) {
    const double B = in_.B(head.b, t, in_.group_of(head.h), n);
    const Number value = spec::ssd_step(step.decay, step.size.value, Number::exactly(B), Number::exactly(x),
                                        column.h[at(t * in_.states + n)]);
    readout = readout + Number::exactly(in_.C(head.b, t, in_.group_of(head.h), n)) * value;
    const Product leaf = Product(step.size.bound).times(rules_.input(B, in_.B.fits())).times(xx);
    Majorant& m = column.carried[at(n)];
    column.before.push_back(m);
    m.excess = up(Bound(a * (1 + step.across) * m.excess + a * step.across * m.size + leaf.error() +
                        end * (leaf.magnitude() + leaf.error())));
    m.size = up(Bound(a * m.size + leaf.magnitude()));
    column.after.push_back(m);
    if (step.last) {
      // From here on the chunk's state is a number that the kernel holds.
      const Bound phi = head.one_end[at(t)];
      m = {most(value), up(Bound(m.excess * (1 + phi) + phi * m.size + head.tiny))};
    }
    const Inexact b = rules_.rounded(leaf, 2);
    ScanAllowance<Bound>& scan = column.scans[at(n)];
    scan.step<false>({step.decay_bound.magnitude, step.decay_bound.error, b.magnitude, b.error, false});
    column.h.push_back(value);
    column.stepwise.push_back({std::min(most(value), scan.majorant()), scan.allowance()});
  }
  column.readout.push_back(readout + Number::exactly(D) * Number::exactly(x));
}

void SsdBackward::backward(Head& head, Column& column, Totals& totals, CarefulSink& sink) const {
  column.carry.clear(), column.carried.clear();
  for (std::int64_t n = 0; n < in_.states; ++n) {
    const double F = in_.dfinal(head.b, head.h, column.p, n);
    const Inexact e = rules_.input(F, in_.dfinal.fits());
    column.carry.push_back(Number::exactly(F)), column.carried.push_back({e.magnitude, e.error});
    column.back.emplace_back(rules_.arithmetic(), e.magnitude, e.error);
  }
  for (std::int64_t t = in_.steps; t-- > 0;) step_back(head, column, t, totals, sink);
  for (std::int64_t n = 0; n < in_.states && sink.wants(dinitial_states); ++n) {
    Inexact e{most(column.carry[at(n)]), column.carried[at(n)].excess};
    if (in_.steps > 0) {
      const ScanAllowance<Bound>& scan = column.back[at(n)];
      const Inexact lambda{std::min(most(column.step.lambda[at(n)]), scan.majorant()), scan.allowance()};
      e.error = std::max(e.error, rules_.calculus().rounded_product(head.steps[0].decay_bound, lambda).error);
    }
    sink.put(dinitial_states, (head.b * in_.heads + head.h) * in_.width + column.p, n, column.carry[at(n)],
             e.error, head.overflow || column.overflow || rules_.may_overflow(e));
  }
}

void SsdBackward::step_back(Head& head, Column& column, std::int64_t t, Totals& totals,
                            CarefulSink& sink) const {
  const SsdStep& step = head.steps[at(t)];
  const auto states = in_.states;
  const auto slice = [&](const std::vector<Number>& all, std::int64_t from) {
    return std::vector<Number>(all.begin() + from * states, all.begin() + (from + 1) * states);
  };
  const std::vector<Number> before = slice(column.h, t), after = slice(column.h, t + 1);
  std::vector<Number> B, C;
  for (std::int64_t n = 0; n < states; ++n) {
    B.push_back(Number::exactly(in_.B(head.b, t, in_.group_of(head.h), n)));
    C.push_back(Number::exactly(in_.C(head.b, t, in_.group_of(head.h), n)));
  }
  const Number z = Number::exactly(in_.z(head.b, t, head.h, column.p));
  spec::SsdAdjointInput<Number> in{step.size.value,
                                   step.decay,
                                   Number::exactly(in_.x(head.b, t, head.h, column.p)),
                                   Number::exactly(in_.skip(head.h, column.p)),
                                   Number::exactly(in_.dy(head.b, t, head.h, column.p)),
                                   column.readout[at(t)]};
  in.z = in_.z.present() ? &z : nullptr;
  in.B = &B, in.C = &C, in.before = &before, in.after = &after;
  column.step = spec::ssd_adjoint_step(in, column.carry);
  column.g = gate(head, column, t, sink);
  column.overflow = column.overflow || rules_.may_overflow(column.g);
  column.dx_terms.emplace(), column.dx_error = 0;
  for (std::int64_t n = 0; n < states; ++n) meet_state(head, column, t, n, totals);
  head.direct[at(t)].value = head.direct[at(t)].value + column.step.direct;
  head.rate[at(t)].value = head.rate[at(t)].value + column.step.rate;
  put_input_gradient(head, column, t, sink);
  const Inexact x = rules_.input(in_.x(head.b, t, head.h, column.p), in_.x.fits());
  const std::int64_t local = head.h % (in_.heads / in_.groups);
  totals.D[at(in_.D.rank() == 2 ? local * in_.width + column.p : local)].add(
      column.step.dD, rules_.calculus().rounded_product(column.g, x), 0, head.overflow || column.overflow);
  carry_back(head, column, t);
}

// One state at one step: its gradient's bounds, and what it adds to every sum.
void SsdBackward::meet_state(Head& head, Column& column, std::int64_t t, std::int64_t n,
                             Totals& totals) const {
  const SsdStep& step = head.steps[at(t)];
  const std::int64_t group = in_.group_of(head.h);
  const Inexact B = rules_.input(in_.B(head.b, t, group, n), in_.B.fits()),
                C = rules_.input(in_.C(head.b, t, group, n), in_.C.fits()),
                x = rules_.input(in_.x(head.b, t, head.h, column.p), in_.x.fits()),
                A = rules_.input(in_.A(head.h), in_.A.fits());
  const Product source = Product(C).times(column.g);
  const Inexact leaf = rules_.rounded(source, 1);
  ScanAllowance<Bound>& scan = column.back[at(n)];
  const Inexact a = t + 1 == in_.steps ? Inexact{1, 0} : head.steps[at(t + 1)].decay_bound;
  scan.step<false>({a.magnitude, a.error, leaf.magnitude, leaf.error, t + 1 == in_.steps});
  const Inexact l{std::min(most(column.step.lambda[at(n)]), scan.majorant()), scan.allowance()};
  Majorant& m = column.carried[at(n)];
  const Bound end = expm1_up(step.reach);
  if (step.last) m.excess = up(Bound(m.excess * (1 + end) + end * m.size));
  m.size = up(Bound(m.size + source.magnitude()));
  m.excess = up(Bound(m.excess + source.error() + end * (source.magnitude() + source.error())));
  column.overflow = column.overflow || scan.overflow_possible();
  const bool over = head.overflow || column.overflow;

  const std::size_t state = at(t * in_.states + n), now = at((t + 1) * in_.states + n);
  const Bound phi = head.one_end[at(t)], both = head.both_ends[at(t)];
  const std::size_t place = at((head.b * in_.steps + t) * in_.states + n);
  totals.B[place].add(column.step.dB[at(n)], rules_.rounded(Product(l).times(step.size.bound).times(x), 2),
                      term_error(Product(step.size.bound).times(x), m, phi), over);
  totals.C[place].add(column.step.dC[at(n)],
                      rules_.calculus().rounded_product(column.g, column.stepwise[now]),
                      term_error(Product(column.g), column.after[state], phi), over);
  column.dx_terms->add(rules_.rounded(Product(l).times(step.size.bound).times(B), 2));
  column.dx_error = up(Bound(column.dx_error + term_error(Product(step.size.bound).times(B), m, phi)));
  const Inexact direct = rules_.rounded(Product(l).times(B).times(x), 2);
  head.direct[at(t)].add(Number(0), direct, term_error(Product(B).times(x), m, phi), over);
  head.both[at(t)].add(direct);

  // l a S: pairs of a step that a state comes from and one whose output it reaches.
  const Inexact aS = rules_.calculus().rounded_product(step.decay_bound, column.stepwise[state]);
  const Majorant& S = column.before[state];
  const Bound cross = up(Bound(m.excess * S.size + m.size * S.excess + m.excess * S.excess)),
              psi = up(Bound(step.across * (1 + both) + both));
  const Bound pairs = up(Bound(step.decay_bound.magnitude * (cross * (1 + psi) + psi * m.size * S.size)));
  head.rate[at(t)].add(Number(0), rules_.calculus().rounded_product(l, aS), pairs, over);
  head.both[at(t)].add(rules_.rounded(Product(l).times(aS).times(A), 3));
  totals.A[at(head.h % (in_.heads / in_.groups))].add(
      Number(0), rules_.rounded(Product(l).times(aS).times(step.size.bound), 3), 0, over);
}

// To the step before: the decay, and where a chunk begins the gradient of its first state, which the kernel
// holds.
void SsdBackward::carry_back(const Head& head, Column& column, std::int64_t t) const {
  const SsdStep& step = head.steps[at(t)];
  const Bound a = step.decay_bound.magnitude;
  for (std::int64_t n = 0; n < in_.states; ++n) {
    Majorant& m = column.carried[at(n)];
    m.excess = up(Bound(a * (1 + step.across) * m.excess + a * step.across * m.size));
    m.size = up(Bound(a * m.size));
    if (t % in_.chunk == 0) {
      m = {most(column.step.carry[at(n)]),
           up(Bound(m.excess * (1 + head.passing) + head.passing * m.size + head.tiny))};
    }
  }
  column.carry = column.step.carry;
}

void SsdBackward::put_input_gradient(const Head& head, const Column& column, std::int64_t t,
                                     CarefulSink& sink) const {
  if (!sink.wants(dx)) return;
  const Inexact D = rules_.input(in_.skip(head.h, column.p), in_.D.fits());
  const Inexact skip = rules_.calculus().rounded_product(D, column.g);
  Sum terms = *column.dx_terms;
  if (in_.D.present()) terms.add(skip);
  const Inexact staged =
      chunks_.output(most(column.step.dx), up(Bound(column.dx_error + skip.error + head.tiny)), skip.bound());
  const Inexact e{most(column.step.dx), std::max(staged.error, terms.result(rules_.calculus()).error)};
  sink.put(dx, (head.b * in_.steps + t) * in_.heads + head.h, column.p, column.step.dx, e.error,
           head.overflow || column.overflow || rules_.may_overflow(e));
}

// What a kernel may hold of the readout before the gate.
Inexact SsdBackward::readout_bound(const Head& head, const Column& column, std::int64_t t) const {
  const Inexact x = rules_.input(in_.x(head.b, t, head.h, column.p), in_.x.fits()),
                skip = rules_.calculus().rounded_product(
                    rules_.input(in_.skip(head.h, column.p), in_.D.fits()), x);
  Sum terms;
  Bound error = up(Bound(head.tiny + skip.error));
  for (std::int64_t n = 0; n < in_.states; ++n) {
    const Inexact C = rules_.input(in_.C(head.b, t, in_.group_of(head.h), n), in_.C.fits());
    terms.add(rules_.calculus().rounded_product(C, column.stepwise[at((t + 1) * in_.states + n)]));
    error =
        up(Bound(error + term_error(Product(C), column.after[at(t * in_.states + n)], head.one_end[at(t)])));
  }
  if (in_.D.present()) terms.add(skip);
  const Bound value = most(column.readout[at(t)]);
  Inexact w{value, std::max(terms.result(rules_.calculus()).error,
                            chunks_.output(value, error, skip.bound()).error)};
  w.error = up(Bound(w.error + chunks_.stored_between() * w.bound()));
  return w;
}

// The gradient before the gate, and that of the gate.
Inexact SsdBackward::gate(const Head& head, const Column& column, std::int64_t t, CarefulSink& sink) const {
  const Inexact dy = rules_.input(in_.dy(head.b, t, head.h, column.p), in_.dy.fits());
  if (!in_.z.present()) return dy;
  const Number z = Number::exactly(in_.z(head.b, t, head.h, column.p));
  const Inexact zx = rules_.input(z.mid, in_.z.fits()), sigma = rules_.sigmoid(z, zx);
  if (sink.wants(dz)) {
    const Inexact w = readout_bound(head, column, t),
                  e = rules_.rounded(
                      Product(dy).times(w).times(sigma).times(rules_.silu_factor(z, zx, sigma)), 4);
    sink.put(dz, (head.b * in_.steps + t) * in_.heads + head.h, column.p, column.step.dz, e.error,
             head.overflow || column.overflow || rules_.may_overflow(e));
  }
  Inexact g = rules_.rounded(Product(dy).times(zx).times(sigma), 3);
  g.error = up(Bound(g.error + chunks_.stored_between() * g.bound()));
  g.magnitude = std::min(g.magnitude, most(column.step.g));
  return g;
}

}  // namespace exactscan
