// The judgement of operations whose definitions call functions (exp, softplus): unit by unit, each in balls
// of doubles with bounds in long double; what that leaves open climbs to double-double and to intervals of
// 256 and 1024 bits.
//
// Such an operation has
//   algebraic = false, exact_affordable() = false
//   outputs(), units()            a unit is what is judged at once; its elements are its own
//   enclose(unit, sink)           puts value, allowance and possible overflow of each element of the unit
//   evaluate<T>(requests, emit)   the definition over the number T
// An allowance that is not finite decides nothing: a finite candidate is explained, another undecided.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "oracle/check/careful_sink.hpp"
#include "oracle/check/checker_settings.hpp"
#include "oracle/check/exact_values.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/make_report.hpp"
#include "oracle/check/operation_judge.hpp"
#include "oracle/check/parallel.hpp"
#include "oracle/check/spell_out.hpp"
#include "oracle/numbers/clamp.hpp"
#include "oracle/numbers/elementary.hpp"

namespace exactscan {

// The elements of a unit whose candidates are there.
template <class Op>
std::vector<Request> elements_of(const Op& op, std::int64_t unit) {
  std::vector<Request> requests;
  std::vector<Findings> none(op.outputs().size());
  CarefulSink collector(
      op.outputs(), none,
      [&](const Request& at) {
        requests.push_back(at);
        return false;
      },
      {}, 1, false);
  op.enclose(unit, collector);
  return requests;
}

template <class Op>
class UnitJudge {
 public:
  UnitJudge(const Op& op, CheckerSettings settings) : op_(op), settings_(std::move(settings)) {}

  std::vector<Findings> run() const {
    std::vector<std::int64_t> units(static_cast<std::size_t>(op_.units()));
    std::iota(units.begin(), units.end(), std::int64_t{0});
    std::vector<Findings> total(op_.outputs().size());
    judge_all(units, total);
    return total;
  }

  // The same report, but that accepted units are not judged: see Screened. `note`: what its reader should
  // know.
  std::vector<Findings> run_screened(const Screened& screened, std::string& note) const {
    std::vector<std::int64_t> suspects, accepted;
    for (std::int64_t unit = 0; unit < op_.units(); ++unit)
      (screened.suspect[static_cast<std::size_t>(unit)] != 0 ? suspects : accepted).push_back(unit);
    std::vector<Findings> total(op_.outputs().size());
    judge_all(suspects, total);
    const auto bound = [&](std::int64_t unit) {
      return static_cast<double>(screened.ratio[static_cast<std::size_t>(unit)]);
    };
    std::stable_sort(accepted.begin(), accepted.end(),
                     [&](std::int64_t x, std::int64_t y) { return bound(x) > bound(y); });
    // A bound is one of all outputs together: none may have a larger ratio in a unit that is left.
    const auto least = [&] {
      double ratio = std::numeric_limits<double>::infinity();
      for (std::size_t i = 0; i < total.size(); ++i)
        if (op_.outputs()[i].candidate.present()) ratio = std::min(ratio, total[i].max_ratio);
      return ratio;
    };
    std::size_t judged = 0;
    const auto left = [&] { return judged < accepted.size() && !(bound(accepted[judged]) < least()); };
    while (left() && judged < most_judged_again) judge_all({accepted[judged++]}, total);
    accept(static_cast<std::int64_t>(accepted.size() - judged), left() ? bound(accepted[judged]) : 0, total);
    if (judged < accepted.size()) {
      note = fmt::format(
          "{} of {} channels were accepted by the screen: their deviations are not in max_ulp{}",
          accepted.size() - judged, op_.units(), left() ? ", and max_ratio is an upper bound" : "");
    }
    return total;
  }

 private:
  void judge_all(const std::vector<std::int64_t>& units, std::vector<Findings>& total) const {
    std::mutex mutex;
    std::size_t done = 0;
    parallel_for(static_cast<std::int64_t>(units.size()), settings_.threads, [&](std::int64_t i) {
      const std::vector<Findings> found = judge(units[static_cast<std::size_t>(i)]);
      const std::scoped_lock lock(mutex);
      for (std::size_t k = 0; k < total.size(); ++k) total[k].merge(found[k], settings_.keep);
      if (settings_.progress)
        settings_.progress(static_cast<double>(++done) / static_cast<double>(units.size()));
    });
  }

  // Counts whole units as explained. Requires: an output's elements are spread evenly over the units.
  void accept(std::int64_t units, double ratio, std::vector<Findings>& total) const {
    for (std::size_t i = 0; i < total.size() && op_.units() > 0; ++i) {
      const Output& output = op_.outputs()[i];
      if (!output.candidate.present()) continue;
      const std::int64_t elements = output.size() / op_.units() * units;
      total[i].explained += elements;
      total[i].ladder.fp64 += elements;
      if (elements > 0) total[i].max_ratio = std::max(total[i].max_ratio, ratio);
    }
  }

  using Index = std::map<std::pair<int, std::int64_t>, ValueClass>;

  std::vector<Findings> judge(std::int64_t unit) const {
    std::vector<Findings> found(op_.outputs().size());
    const Index classes = settings_.finite_inputs() ? Index() : classify(unit);
    const CarefulSink::Classes lookup =
        settings_.finite_inputs()
            ? CarefulSink::Classes()
            : CarefulSink::Classes([&](const Request& at) { return classes.at(key(at)); });
    CarefulSink sink(
        op_.outputs(), found, [](const Request&) { return true; }, lookup, settings_.keep, false);
    op_.enclose(unit, sink);
    std::vector<Pending> pending = std::move(sink.pending());
    const auto unbounded = std::partition(pending.begin(), pending.end(),
                                          [](const Pending& p) { return p.allowance < 0x1p16000L; });
    for (auto p = unbounded; p != pending.end(); ++p) settle_unbounded(*p, found);
    pending.erase(unbounded, pending.end());
    climb_all(op_, std::move(pending), found, settings_.keep);
    return found;
  }

  void settle_unbounded(const Pending& p, std::vector<Findings>& found) const {
    Findings& findings = found[static_cast<std::size_t>(p.at.output)];
    const Verdict verdict = std::isfinite(p.candidate) ? Verdict::explained : Verdict::undecided;
    findings.count(verdict);
    ++findings.ladder.fp64;
    findings.note({p.at, p.candidate, std::numeric_limits<double>::infinity(), 0, verdict,
                   "the contract admits an error without bound here"},
                  settings_.keep);
  }

  Index classify(std::int64_t unit) const {
    const std::vector<Request> requests = elements_of(op_, unit);
    Index classes;
    op_.template evaluate<ValueClass>(
        requests, [&](std::size_t i, const ValueClass& c) { classes.emplace(key(requests[i]), c); });
    return classes;
  }

  std::pair<int, std::int64_t> key(const Request& at) const {
    return {at.output, at.row * op_.outputs()[static_cast<std::size_t>(at.output)].columns + at.column};
  }

  const Op& op_;
  CheckerSettings settings_;
};

template <class Op>
void judge_units(const Problem& problem, CheckerSettings settings, CaseReport& report) {
  if (settings.exact) {
    throw CaseError(problem.value.file + ": opt.exact has no meaning for " + problem.value.op);
  }
  const Op op(problem.value, problem.dimensions, problem.contract);
  const Screen screen = settings.screen;
  const UnitJudge<Op> judge(op, std::move(settings));
  add_reports(op, screen ? judge.run_screened(screen(problem), report.reason) : judge.run(), report);
}

// The correctly rounded values, as exact_operation.
template <class Op>
void exact_units(const Problem& problem, const CheckerSettings& settings, Case& result) {
  const Op op(problem.value, problem.dimensions, problem.contract);
  std::vector<std::vector<double>> values;
  for (const Output& output : op.outputs()) values.emplace_back(static_cast<std::size_t>(output.size()));
  parallel_for(op.units(), settings.threads, [&](std::int64_t unit) {
    std::vector<Request> open = elements_of(op, unit);
    if (!settings.finite_inputs()) open = take_special(op, open, values);
    open = round_exactly<Ball<DoubleDouble>>(op, std::move(open), values);
    open = round_exactly<spec::Interval<256>>(op, std::move(open), values);
    open = round_exactly<spec::Interval<1024>>(op, std::move(open), values);
    if (!open.empty())
      throw CaseError(problem.value.file + ": a value is too near the middle of two numbers to be rounded");
  });
  store_values(op, values, result);
}

template <class Op>
constexpr OperationJudge make_unit_judge(std::string_view name) {
  return {name, &judge_units<Op>, &exact_units<Op>};
}

}  // namespace exactscan
