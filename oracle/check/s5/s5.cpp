// The operations simplified_scan, s5_inner and simplified_state_update, as judges.
#include <fmt/format.h>

#include "oracle/check/exact_values.hpp"
#include "oracle/check/judge_operation.hpp"
#include "oracle/check/s5/judge.hpp"
#include "oracle/numbers/precise.hpp"
#include "spec/decimal.hpp"

namespace exactscan {
namespace s5 {
namespace {

constexpr std::size_t digits = 20;

// No more than these elements need.
Selection selection_of(const Problem& s, const std::vector<Undecided>& elements) {
  Selection pick;
  pick.first_batch = s.N;
  for (const Undecided& e : elements) {
    pick.results[e.result] = true;
    const bool summed = e.result == dA || e.result == dB || e.result == dC || e.result == dD;
    const std::int64_t per_batch =
        std::max<std::int64_t>(1, s.outputs[e.result].size() / std::max<std::int64_t>(s.N, 1));
    const std::int64_t n = summed ? 0 : e.index / per_batch;
    pick.first_batch = std::min(pick.first_batch, n);
    pick.last_batch = std::max(pick.last_batch, summed ? s.N : n + 1);
    pick.steps = std::max(pick.steps, e.result == y ? e.index % s.L + 1 : s.L);
  }
  if (pick.backward()) pick.steps = s.L;
  return pick;
}

template <class M>
void climb(const Problem& s, Judge& judge, std::int64_t Ladder::*rung) {
  std::vector<Undecided> open = std::move(judge.open());
  judge.open().clear();
  if (open.empty()) return;
  const Values<Disc<M>> values = Evaluation<Disc<M>>(s, selection_of(s, open)).run();
  for (const Undecided& e : open) {
    if (!judge.decide(e, exact_disc(values[e.result][static_cast<std::size_t>(e.index)]), rung))
      judge.open().push_back(e);
  }
}

void judge_all(const Problem& s, const Contract& contract, const CheckerSettings& settings, Judge& judge) {
  const Selection pick = all_of(s);
  AllowanceBuilder builder(s, contract, pick);
  std::int64_t done = 0;
  const auto batch_done = [&](std::int64_t n, const Values<Value>& values) {
    builder.batch_done(n, values);
    if (settings.progress) settings.progress(static_cast<double>(++done) / static_cast<double>(s.N));
  };
  const Values<Value> values = Evaluation<Value>(s, pick).run(
      [&](std::int64_t n, std::int64_t p, const Channel<Value>& c) { builder.channel_done(n, p, c); },
      batch_done);
  const Allowances allowed = builder.take(values);
  Values<Dependence> depends;
  const bool finite = settings.finite_inputs();
  if (!finite) depends = Evaluation<Dependence>(s, pick).run();
  for (std::size_t r = 0; r < result_count; ++r) {
    for (std::size_t i = 0; i < values[r].size(); ++i) {
      judge.put(static_cast<Result>(r), static_cast<std::int64_t>(i), values[r][i], allowed[r][i],
                !finite && depends[r][i].special);
    }
  }
  climb<DoubleDouble>(s, judge, &Ladder::double_double);
  climb<Precise<256>>(s, judge, &Ladder::interval);
  climb<Precise<1024>>(s, judge, &Ladder::interval);
  for (const Undecided& e : judge.open()) judge.give_up(e);
}

std::string complex_text(const std::string& re, const std::string& im) {
  return fmt::format("{}{}{}i", re, im.front() == '-' ? "" : "+", im);
}

std::string number_text(double x, ElementType type) {
  if (std::isnan(x)) return "nan";
  return part_type(type) == ElementType::f32 ? fmt::format("{}", static_cast<float>(x))
                                             : fmt::format("{}", x);
}

// 20 digits of a number in [mid - rad, mid + rad]; nothing where that does not determine them, unless `last`.
std::optional<std::string> decimal(const spec::Dyadic& mid, const spec::Dyadic& rad, bool last) {
  const std::string low = spec::to_decimal(mid - rad, digits), high = spec::to_decimal(mid + rad, digits);
  if (low == high || last) return low == high ? low : spec::to_decimal(mid, digits);
  return std::nullopt;
}

Undecided place_of(const Problem& s, const Remarkable& found) {
  const auto result = static_cast<Result>(found.at.output);
  return {result, found.at.row * s.outputs[result].columns + found.at.column, {}};
}

// Fills in the exact values that are still empty, where the enclosures determine their digits (or are the
// last).
template <class M>
void spell_exact(const Problem& s, const std::vector<Undecided>& places, bool last,
                 std::vector<std::string>& texts) {
  std::vector<Undecided> open;
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (texts[i].empty()) open.push_back(places[i]);
  }
  if (open.empty()) return;
  const Values<Disc<M>> values = Evaluation<Disc<M>>(s, selection_of(s, open)).run();
  for (std::size_t i = 0; i < places.size(); ++i) {
    if (!texts[i].empty()) continue;
    const Undecided& e = places[i];
    const auto around = exact_disc(values[e.result][static_cast<std::size_t>(e.index)]);
    if (!around) {
      if (last) texts[i] = "unknown";
      continue;
    }
    const bool complex = is_complex(s.outputs[e.result].tensor->type);
    const auto re = decimal(around->re, around->radius, last), im = decimal(around->im, around->radius, last);
    if (re && (im || !complex)) texts[i] = complex ? complex_text(*re, *im) : *re;
  }
}

Witness witness_of(const Problem& s, const Judge& judge, const Remarkable& found, std::string exact) {
  const Output& output = s.outputs[static_cast<std::size_t>(found.at.output)];
  const Undecided at = place_of(s, found);
  Witness witness;
  std::int64_t rest = at.index;
  for (std::size_t d = output.shape.size(); d-- > 0;) {
    witness.index.insert(witness.index.begin(), rest % output.shape[d]);
    rest /= output.shape[d];
  }
  const std::complex<double> c = judge.candidate(at.result, at.index);
  const ElementType type = output.tensor->type;
  const bool complex = is_complex(type);
  witness.candidate = number_text(c.real(), type);
  witness.candidate_hex = fmt::format("{:a}", c.real());
  if (complex) {
    witness.candidate = complex_text(witness.candidate, number_text(c.imag(), type));
    witness.candidate_hex = complex_text(witness.candidate_hex, fmt::format("{:a}", c.imag()));
  }
  witness.allowance = found.allowance;
  witness.ratio = found.ratio;
  witness.deviation_ulp = found.ulp;
  witness.note = found.note;
  witness.exact = std::move(exact);
  return witness;
}

// The elements that the report spells out: of what is explained, one example is enough.
std::vector<Remarkable> shown(const Findings& found) {
  std::vector<Remarkable> result;
  for (const Remarkable& r : found.remarkable) {
    if (r.verdict == Verdict::explained && !result.empty()) break;
    result.push_back(r);
  }
  return result;
}

void judge_case(const exactscan::Problem& problem, CheckerSettings settings, CaseReport& report) {
  const Problem s(problem.value, problem.dimensions, problem.contract);
  Judge judge(s, settings.keep);
  judge_all(s, problem.contract, settings, judge);
  std::vector<Undecided> places;
  for (std::size_t r = 0; r < result_count; ++r) {
    for (const Remarkable& remarkable : shown(judge.findings(static_cast<Result>(r))))
      places.push_back(place_of(s, remarkable));
  }
  std::vector<std::string> exact(places.size());
  spell_exact<DoubleDouble>(s, places, false, exact);
  spell_exact<Precise<256>>(s, places, true, exact);
  std::size_t next = 0;
  for (std::size_t r = 0; r < result_count; ++r) {
    const Output& output = s.outputs[r];
    if (!output.candidate.present()) continue;
    const Findings& found = judge.findings(static_cast<Result>(r));
    TensorReport tensor = summary_of(output, found);
    for (const Remarkable& remarkable : shown(found))
      tensor.witnesses.push_back(witness_of(s, judge, remarkable, std::move(exact[next++])));
    report.verdict = worst(report.verdict, tensor.verdict);
    report.tensors.push_back(std::move(tensor));
  }
}

// The parts that an enclosure determines; what it does not stays open.
template <class M>
void round_parts(const Problem& s, std::vector<Undecided>& open,
                 std::vector<std::vector<std::complex<double>>>& values) {
  if (open.empty()) return;
  const Values<Disc<M>> discs = Evaluation<Disc<M>>(s, selection_of(s, open)).run();
  std::vector<Undecided> left;
  for (const Undecided& e : open) {
    const auto around = exact_disc(discs[e.result][static_cast<std::size_t>(e.index)]);
    const spec::FloatFormat& format = s.outputs[e.result].rule.format;
    const auto part = [&](const spec::Dyadic& mid) -> std::optional<double> {
      if (!around) return std::nullopt;
      const auto r = rounded_once(std::pair(mid - around->radius, mid + around->radius), format);
      return r && *r == 0 && abs(mid) <= around->radius ? 0.0 : r;  // of a zero whose sign is not known
    };
    const bool complex = is_complex(s.outputs[e.result].tensor->type);
    const auto re = part(around ? around->re : spec::Dyadic());
    const auto im = !complex ? 0.0 : part(around ? around->im : spec::Dyadic());
    if (re && im) {
      values[e.result][static_cast<std::size_t>(e.index)] = {*re, *im};
    } else {
      left.push_back(e);
    }
  }
  open = std::move(left);
}

void exact_case(const exactscan::Problem& problem, const CheckerSettings& settings, Case& result) {
  const Problem s(problem.value, problem.dimensions, problem.contract);
  Values<Dependence> depends;
  const bool finite = settings.finite_inputs();
  if (!finite) depends = Evaluation<Dependence>(s, all_of(s)).run();
  std::vector<std::vector<std::complex<double>>> values;
  std::vector<Undecided> open;
  for (const Output& output : s.outputs) {
    const std::size_t r = values.size();
    values.emplace_back(static_cast<std::size_t>(output.size()), std::nan(""));
    if (!output.candidate.present()) continue;
    for (std::size_t i = 0; i < values.back().size(); ++i) {
      if (finite || !depends[r][i].special)
        open.push_back({static_cast<Result>(r), static_cast<std::int64_t>(i), {}});
    }
  }
  round_parts<DoubleDouble>(s, open, values);
  round_parts<Precise<256>>(s, open, values);
  round_parts<Precise<1024>>(s, open, values);
  if (!open.empty()) {
    throw CaseError(fmt::format(
        "{}: {} of the exact values have no bounded enclosure, or lie too near the middle between "
        "two numbers",
        problem.value.file, open.size()));
  }
  for (std::size_t r = 0; r < values.size(); ++r) {
    const Output& output = s.outputs[r];
    if (!output.candidate.present()) continue;
    if (is_complex(output.tensor->type)) {
      result.outputs[output.name] = Tensor::of_complex(output.tensor->type, output.shape, values[r]);
    } else {
      std::vector<double> reals;
      for (const std::complex<double>& z : values[r]) reals.push_back(z.real());
      result.outputs[output.name] = Tensor::of(output.tensor->type, output.shape, reals);
    }
  }
}

}  // namespace
}  // namespace s5

const OperationJudge simplified_scan_judge{"simplified_scan", &s5::judge_case, &s5::exact_case};
const OperationJudge s5_inner_judge{"s5_inner", &s5::judge_case, &s5::exact_case};
const OperationJudge simplified_state_update_judge{"simplified_state_update", &s5::judge_case,
                                                   &s5::exact_case};

}  // namespace exactscan
