#include "oracle/check/check.hpp"

#include <algorithm>
#include <cmath>
#include <mutex>

#include "oracle/check/all_finite.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/check/operation_judge.hpp"

namespace exactscan {
namespace {

// Whether the case claims that every schedule is exact on it.
bool claims_lattice(const Case& value) {
  const auto claim = value.options.find("exact");
  return claim != value.options.end() && as_bool(claim->second);
}

void judge_case(const Case& value, const Contract& contract, const CheckOptions& options,
                CaseReport& report) {
  const Dimensions dimensions = validate(value);
  CheckerSettings settings;
  settings.keep = static_cast<std::size_t>(std::max(options.errors, 0));
  settings.threads = options.threads;
  settings.lanes = contract.accumulate != Accumulate::fp64;
  std::once_flag asked;
  bool finite = false;
  settings.finite_inputs = [&] {
    std::call_once(asked, [&] { finite = all_finite(value); });
    return finite;
  };
  settings.progress = options.progress;
  settings.screen = options.screen;
  settings.exact = claims_lattice(value);
  if (settings.exact && !settings.finite_inputs()) {
    throw CaseError(value.file + ": opt.exact is true, but an input is NaN or infinite");
  }
  judge_of(value).judge({value, dimensions, contract}, settings, report);
}

}  // namespace

const OperationJudge& judge_of(const Case& value) {
  for (const OperationJudge* judge :
       {&affine_scan_judge, &diagonal_ssm_judge, &diagonal_s4_judge, &selective_scan_judge,
        &selective_state_update_judge, &mamba_block_judge, &selective_mamba_block_judge, &ssd_judge,
        &ssd_chunk_cumsum_judge, &ssd_chunk_state_judge, &ssd_state_passing_judge, &ssd_chunk_scan_judge,
        &simplified_scan_judge, &s5_inner_judge, &simplified_state_update_judge}) {
    if (judge->name == value.op) return *judge;
  }
  throw CaseError(value.file + ": operation " + value.op + " is described but cannot be checked");
}

CaseReport check(const Case& value, const std::optional<Contract>& contract, const CheckOptions& options) {
  CaseReport report;
  report.file = value.file;
  report.op = value.op;
  try {
    const Contract used = contract ? *contract : default_contract(value);
    report.contract = used.name;
    judge_case(value, used, options, report);
  } catch (const CaseError& error) {
    report.verdict = Verdict::invalid;
    report.reason = error.what();
    report.tensors.clear();
  }
  return report;
}

}  // namespace exactscan
