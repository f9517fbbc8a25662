#include "oracle/check/ssd.hpp"

#include <algorithm>

#include "oracle/check/outputs.hpp"
#include "oracle/check/unit_judge.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;

}  // namespace

// What all columns and states of a head share at one step.
struct Ssd::Step {
  Number delta, decay;
  Inexact delta_bound, decay_bound;      // of the step's own factor, for kernels that go step by step
  Bound across, end, intra, state, row;  // e^rho - 1, e^gamma - 1, phi of y and of the chunk's state, F1
  Bound passing;                         // relative error of exp(L_l) on its own
  Bound so_far;                          // upper bound of exp(L_l)
  bool starts, entered, last;  // a sequence begins; the chunk's first state still counts; the chunk ends
  bool overflow;
};

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
  std::vector<Step> steps;
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

std::vector<Ssd::Step> Ssd::steps_of(std::int64_t b, std::int64_t h) const {
  const auto additions = static_cast<Bound>(in_.states), Q = static_cast<Bound>(in_.chunk);
  const auto sequence_of = [&](std::int64_t t) {
    return in_.sequence.empty() ? 0 : in_.sequence[static_cast<std::size_t>(b)][static_cast<std::size_t>(t)];
  };
  const Inexact A = rules_.input(in_.A(h), in_.A.fits());
  std::vector<Step> steps;
  std::vector<Inexact> x;
  Number L(0);
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    const StepSize size = enclose_step_size(rules_, in_.rule, in_.dt(b, t, h), in_.dt.fits(), in_.bias(h),
                                            in_.bias.fits(), in_.bias.present());
    Step step{};
    const Number exponent = size.value * Number::exactly(in_.A(h));
    const Inexact z = rules_.calculus().rounded_product(size.bound, A);
    const bool first = t % in_.chunk == 0;
    if (first) x.clear(), L = Number(0);
    x.push_back(z);
    L = L + exponent;
    step.delta = size.value, step.delta_bound = size.bound;
    step.starts = t > 0 && sequence_of(t) != sequence_of(t - 1);
    step.entered = sequence_of(t) == sequence_of(std::max<std::int64_t>(t - t % in_.chunk - 1, 0));
    step.last = t + 1 == in_.steps || (t + 1) % in_.chunk == 0;
    step.decay = step.starts ? Number(0) : spec::exponential(exponent);
    step.decay_bound = rules_.exp(most(spec::exponential(exponent)), z);
    if (step.starts) step.decay_bound = {0, 0};
    step.so_far = most(spec::exponential(L));
    step.overflow = size.overflow || rules_.may_overflow(z) || rules_.may_overflow(step.decay_bound);
    steps.push_back(step);
    if (!step.last) continue;
    const ChunkRules::Steps chunk = chunks_.steps(x);
    for (std::size_t l = 0; l < x.size(); ++l) {
      Step& s = steps[steps.size() - x.size() + l];
      const Bound gamma = chunk.gamma[l], position = static_cast<Bound>(l);
      s.across = expm1_up(chunk.rho[l]), s.end = expm1_up(gamma);
      s.intra = chunks_.factor(ChunkRules::Way::intra, additions + position + 3, gamma);
      s.state = chunks_.factor(ChunkRules::Way::state, Q, gamma);
      s.passing = up(Bound(expm1_up(chunk.row[l]) * (1 + rules_.exp_error()) + rules_.exp_error()));
      s.row = chunks_.factor(ChunkRules::Way::entering, additions + Q + 3, chunk.row[l]);
    }
  }
  return steps;
}

Ssd::Unit Ssd::unit_of(std::int64_t b, std::int64_t h) const {
  Unit unit{b, h, steps_of(b, h), 1, 0, false};
  Bound largest[6] = {1, 1, 1, 1, 1, 1};  // of x, B, C, D, initial states, steps and decays
  const auto meet = [&](int i, Bound value) { largest[i] = std::max(largest[i], value); };
  const std::int64_t group = in_.group_of(h);
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    const Step& step = unit.steps[static_cast<std::size_t>(t)];
    for (std::int64_t p = 0; p < in_.width; ++p) meet(0, std::fabs(in_.x(b, t, h, p)));
    for (std::int64_t n = 0; n < in_.states; ++n) {
      meet(1, std::fabs(in_.B(b, t, group, n)));
      meet(2, std::fabs(in_.C(b, t, group, n)));
    }
    meet(5, step.delta_bound.bound() * std::max(step.decay_bound.bound(), step.so_far));
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
  const Step& step = unit.steps[static_cast<std::size_t>(t)];
  const double x = in_.x(unit.b, t, unit.h, p);
  const Inexact xx = rules_.input(x, in_.x.fits());
  const Bound a = t % in_.chunk == 0 ? 0 : step.decay_bound.magnitude;
  for (std::int64_t n = 0; n < in_.states; ++n) {
    State& s = states[static_cast<std::size_t>(n)];
    const double B = in_.B(unit.b, t, in_.group_of(unit.h), n);
    s.value = spec::ssd_step(step.decay, step.delta, Number::exactly(B), Number::exactly(x), s.value);
    const Product leaf = Product(step.delta_bound).times(rules_.input(B, in_.B.fits())).times(xx);
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
  const Step& step = unit.steps[static_cast<std::size_t>(t)];
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
  const Step& step = unit.steps[static_cast<std::size_t>(t)];
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
  const Step& step = unit.steps[static_cast<std::size_t>(t)];
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

const OperationJudge ssd_judge = make_unit_judge<Ssd>("ssd");

}  // namespace exactscan
