#include "oracle/check/ssd.hpp"

#include <algorithm>

#include "oracle/check/outputs.hpp"
#include "oracle/check/ssd_backward.hpp"
#include "oracle/check/ssd_steps.hpp"
#include "oracle/check/unit_judge.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;

}  // namespace

// One state of one column.
struct Ssd::State {
  Number value;
  Bound majorant = 0, excess = 0;   // of the chunk's own part: M and V - M
  ScanAllowance<Bound> passing;     // from chunk to chunk
  Inexact entering;                 // E with its error
  ScanAllowance<Bound> recurrence;  // step by step
};

struct Ssd::Unit {
  std::int64_t b, h;
  std::vector<SsdStep> steps;
  Bound reach, operations;
  bool overflow;
};

Ssd::Ssd(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : rules_(contract),
      in_(value, dimensions, rules_),
      chunks_(rules_, contract, in_.operand_types(), in_.fits()),
      outputs_{make_output(value, contract, "y", {in_.batch, in_.steps, in_.heads, in_.width}),
               make_output(value, contract, "final_states", {in_.batch, in_.heads, in_.width, in_.states}),
               make_output(value, contract, "varlen_states",
                           {std::max<std::int64_t>(static_cast<std::int64_t>(in_.ends.size()) - 1, 0),
                            in_.heads, in_.width, in_.states})} {
  const auto sequences = dimensions.find("R");
  if (outputs_[varlen_states].candidate.present() &&
      sequences->second + 1 != static_cast<std::int64_t>(in_.ends.size()))
    throw CaseError(value.file +
                    ": out.varlen_states must hold one state for each sequence of in.cu_seqlens");
}

Ssd::Unit Ssd::unit_of(std::int64_t b, std::int64_t h) const {
  Unit unit{b, h, ssd_steps(rules_, chunks_, in_, b, h), 1, 0, false};
  Bound largest[6] = {1, 1, 1, 1, 1, 1};  // of x, B, C, D, initial states, steps and decays
  const auto meet = [&](int i, Bound value) { largest[i] = std::max(largest[i], value); };
  const std::int64_t group = in_.group_of(h);
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    const SsdStep& step = unit.steps[static_cast<std::size_t>(t)];
    for (std::int64_t p = 0; p < in_.width; ++p) meet(0, std::fabs(in_.x(b, t, h, p)));
    for (std::int64_t n = 0; n < in_.states; ++n) {
      meet(1, std::fabs(in_.B(b, t, group, n)));
      meet(2, std::fabs(in_.C(b, t, group, n)));
    }
    meet(5, step.size.bound.bound() * std::max(step.decay_bound.bound(), step.so_far));
    unit.overflow = unit.overflow || step.overflow;
  }
  for (std::int64_t p = 0; p < in_.width; ++p) {
    meet(3, std::fabs(in_.skip(h, p)));
    for (std::int64_t n = 0; n < in_.states; ++n) meet(4, std::fabs(in_.initial(b, h, p, n)));
  }
  for (const Bound value : largest) unit.reach = up(Bound(unit.reach * value));
  unit.operations = 6 * (static_cast<Bound>(in_.chunk) + 2) * (static_cast<Bound>(in_.states) + 1) +
                    3 * static_cast<Bound>(in_.chunks);
  unit.overflow = unit.overflow || chunks_.may_overflow(unit.operations, unit.reach);
  return unit;
}

void Ssd::enclose(std::int64_t number, CarefulSink& sink) const {
  const Unit unit = unit_of(number / in_.heads, number % in_.heads);
  for (std::int64_t p = 0; p < in_.width; ++p) enclose_column(unit, p, sink);
}

void Ssd::enclose_column(const Unit& unit, std::int64_t p, CarefulSink& sink) const {
  std::vector<State> states;
  for (std::int64_t n = 0; n < in_.states; ++n) {
    const double start = in_.initial(unit.b, unit.h, p, n);
    const Inexact x = rules_.input(start, in_.initial.fits());
    const ScanAllowance<Bound> bound(rules_.arithmetic(), x.magnitude, x.error);
    states.push_back({Number::exactly(start), 0, 0, bound, x, bound});
  }
  std::size_t sequence = 1;
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    advance(unit, p, t, states);
    if (sink.wants(y)) put_output(unit, p, t, states, sink);
    if (sink.wants(varlen_states) && sequence < in_.ends.size() && in_.ends[sequence] == t + 1) {
      put_sequence_end(unit, p, static_cast<std::int64_t>(sequence++) - 1, states, sink);
    }
    if (unit.steps[static_cast<std::size_t>(t)].last) end_chunk(unit, t, states);
  }
  for (std::int64_t n = 0; n < in_.states && sink.wants(final_states); ++n) {
    const State& s = states[static_cast<std::size_t>(n)];
    const Bound e = std::max(s.entering.error, s.recurrence.allowance());
    sink.put(final_states, (unit.b * in_.heads + unit.h) * in_.width + p, n, s.value, e,
             unit.overflow || s.passing.overflow_possible() || s.recurrence.overflow_possible());
  }
}

// One step of all states: values, the chunk's own part, and the recurrence.
void Ssd::advance(const Unit& unit, std::int64_t p, std::int64_t t, std::vector<State>& states) const {
  const SsdStep& step = unit.steps[static_cast<std::size_t>(t)];
  const double x = in_.x(unit.b, t, unit.h, p);
  const Inexact xx = rules_.input(x, in_.x.fits());
  const Bound a = t % in_.chunk == 0 ? 0 : step.decay_bound.magnitude;
  for (std::int64_t n = 0; n < in_.states; ++n) {
    State& s = states[static_cast<std::size_t>(n)];
    const double B = in_.B(unit.b, t, in_.group_of(unit.h), n);
    s.value = spec::ssd_step(step.decay, step.size.value, Number::exactly(B), Number::exactly(x), s.value);
    const Product leaf = Product(step.size.bound).times(rules_.input(B, in_.B.fits())).times(xx);
    const Bound grown = up(Bound(leaf.magnitude() + leaf.error()));
    s.excess = up(Bound(a * (1 + step.across) * s.excess + a * step.across * s.majorant + leaf.error() +
                        step.end * grown));
    s.majorant = up(Bound(a * s.majorant + leaf.magnitude()));
    const Inexact b = rules_.rounded(leaf, 2);
    s.recurrence.step<false>(
        {step.decay_bound.magnitude, step.decay_bound.error, b.magnitude, b.error, false});
  }
}

void Ssd::put_output(const Unit& unit, std::int64_t p, std::int64_t t, const std::vector<State>& states,
                     CarefulSink& sink) const {
  const SsdStep& step = unit.steps[static_cast<std::size_t>(t)];
  const double x = in_.x(unit.b, t, unit.h, p), D = in_.skip(unit.h, p);
  const Inexact xx = rules_.input(x, in_.x.fits()),
                dx = rules_.calculus().rounded_product(rules_.input(D, in_.D.fits()), xx);
  Bound error = 0;
  Number value(0);
  Calculus<Bound>::Sum terms;
  bool over = unit.overflow;
  for (std::int64_t n = 0; n < in_.states; ++n) {
    const State& s = states[static_cast<std::size_t>(n)];
    const double C = in_.C(unit.b, t, in_.group_of(unit.h), n);
    const Bound c = std::fabs(Bound(C));
    value = value + Number::exactly(C) * s.value;
    error = up(Bound(error + c * (s.excess * (1 + step.intra) + step.intra * s.majorant)));
    if (step.entered)
      error = up(Bound(error + c * step.so_far *
                                   (s.entering.magnitude * step.row + s.entering.error * (1 + step.row))));
    const Inexact state{std::min(most(s.value), s.recurrence.majorant()), s.recurrence.allowance()};
    terms.add(rules_.calculus().rounded_product(rules_.input(C, in_.C.fits()), state));
    over = over || s.recurrence.overflow_possible() || s.passing.overflow_possible();
  }
  value = value + Number::exactly(D) * Number::exactly(x);
  if (in_.D.present()) terms.add(dx);
  const Inexact chunked = chunks_.output(
      most(value), up(Bound(error + chunks_.underflow(unit.operations, unit.reach))), dx.bound());
  const Inexact either{most(value), std::max(chunked.error, terms.result(rules_.calculus()).error)};
  const std::int64_t row = (unit.b * in_.steps + t) * in_.heads + unit.h;
  if (!in_.z.present()) return sink.put(y, row, p, value, either.error, over || rules_.may_overflow(either));
  const Number z = Number::exactly(in_.z(unit.b, t, unit.h, p));
  const Inexact zx = rules_.input(z.mid, in_.z.fits()), e = rules_.gated(either, zx, rules_.sigmoid(z, zx));
  sink.put(y, row, p, spec::gated(value, z), e.error, over || rules_.may_overflow(e));
}

void Ssd::put_sequence_end(const Unit& unit, std::int64_t p, std::int64_t sequence,
                           const std::vector<State>& states, CarefulSink& sink) const {
  const std::int64_t t = in_.ends[static_cast<std::size_t>(sequence) + 1] - 1;
  const SsdStep& step = unit.steps[static_cast<std::size_t>(t)];
  for (std::int64_t n = 0; n < in_.states; ++n) {
    const State& s = states[static_cast<std::size_t>(n)];
    Bound error = up(Bound(s.excess * (1 + step.state) + step.state * s.majorant));
    if (step.entered)
      error = up(
          Bound(error + step.so_far * (s.entering.magnitude * step.row + s.entering.error * (1 + step.row))));
    const Bound chunked =
        chunks_.output(most(s.value), up(Bound(error + chunks_.underflow(unit.operations, unit.reach))), 0)
            .error;
    sink.put(varlen_states, (sequence * in_.heads + unit.h) * in_.width + p, n, s.value,
             std::max(chunked, s.recurrence.allowance()), unit.overflow || s.recurrence.overflow_possible());
  }
}

// From chunk to chunk: the chunk's own state becomes a leaf of the scan over chunks.
void Ssd::end_chunk(const Unit& unit, std::int64_t t, std::vector<State>& states) const {
  const SsdStep& step = unit.steps[static_cast<std::size_t>(t)];
  const Bound decay = step.entered ? step.so_far : 0;
  // The factor of the state that enters, without any dot's additions or conversions.
  const Bound alpha = decay == 0 ? 0 : up(Bound(decay * step.passing));
  const Bound tiny = chunks_.underflow(unit.operations, unit.reach);
  for (State& s : states) {
    const Bound own = up(Bound(s.excess * (1 + step.state) + step.state * s.majorant + tiny));
    s.passing.step<false>({decay, alpha, s.majorant, own, false});
    s.entering = {most(s.value), s.passing.allowance()};
    s.majorant = s.excess = 0;
  }
}

namespace {

// The outputs by one class, their gradients by another.
void judge_ssd(const Problem& problem, CheckerSettings settings, CaseReport& report) {
  judge_units<Ssd>(problem, settings, report);
  if (problem.value.inputs.count("dy") != 0) judge_ssd_gradients(problem, std::move(settings), report);
}

void exact_ssd(const Problem& problem, const CheckerSettings& settings, Case& result) {
  exact_units<Ssd>(problem, settings, result);
  if (problem.value.inputs.count("dy") != 0) exact_ssd_gradients(problem, settings, result);
}

}  // namespace

const OperationJudge ssd_judge{"ssd", &judge_ssd, &exact_ssd};

}  // namespace exactscan
