// make_judge<Op>: an operation's class as an OperationJudge.
#pragma once

#include "oracle/check/checker.hpp"
#include "oracle/check/exact_values.hpp"
#include "oracle/check/make_report.hpp"
#include "oracle/check/operation_judge.hpp"

namespace exactscan {

template <class Op>
void judge_operation(const Problem& problem, CheckerSettings settings, CaseReport& report) {
  const Op op(problem.value, problem.dimensions, problem.contract);
  if constexpr (requires { op.verify_lattice(problem.value.file); }) {
    if (settings.exact) op.verify_lattice(problem.value.file);
  }
  add_reports(op, Checker<Op>(op, std::move(settings)).run(), report);
}

template <class Op>
constexpr OperationJudge make_judge(std::string_view name) {
  return {name, &judge_operation<Op>, &exact_operation<Op>};
}

}  // namespace exactscan
