#include "oracle/check/check.hpp"

#include <algorithm>
#include <cmath>

#include "oracle/check/affine_scan.hpp"
#include "oracle/check/checker.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/check/operation_cases.hpp"
#include "oracle/check/spell_out.hpp"

namespace exactscan {
namespace {

bool all_finite(const Case& value) {
  return std::all_of(value.inputs.begin(), value.inputs.end(), [](const auto& entry) {
    const Tensor& tensor = entry.second;
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      if (!std::isfinite(tensor.at(i))) return false;
    }
    return true;
  });
}

Verdict verdict_of(const Findings& found) {
  if (found.refuted > 0) return Verdict::refuted;
  return found.undecided > 0 ? Verdict::undecided : Verdict::explained;
}

template <class Op>
void judge(const Op& op, const CheckerSettings& settings, CaseReport& report) {
  const std::vector<Findings> findings = Checker<Op>(op, settings).run();
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Output& output = op.outputs()[i];
    if (!output.candidate.present()) continue;
    const Findings& found = findings[i];
    TensorReport tensor;
    tensor.name = output.name;
    tensor.verdict = verdict_of(found);
    tensor.elements = output.size();
    tensor.refuted = found.refuted;
    tensor.undecided = found.undecided;
    tensor.max_ratio = found.max_ratio;
    tensor.max_ulp = found.max_ulp;
    tensor.ladder = found.ladder;
    for (const Remarkable& r : found.remarkable) {
      // One example is enough of what is explained.
      if (r.verdict == Verdict::explained && !tensor.witnesses.empty()) break;
      tensor.witnesses.push_back(spell_out(op, r));
    }
    report.verdict = worst(report.verdict, tensor.verdict);
    report.tensors.push_back(std::move(tensor));
  }
}

void judge_case(const Case& value, const Contract& contract, const CheckOptions& options, CaseReport& report) {
  const Dimensions dimensions = validate(value);
  CheckerSettings settings;
  settings.keep = static_cast<std::size_t>(std::max(options.errors, 1));
  settings.threads = options.threads;
  settings.lanes = contract.accumulate != Accumulate::fp64;
  settings.finite_inputs = all_finite(value);
  settings.progress = options.progress;
  with_operation(value, dimensions, contract, [&](const auto& op) {
    settings.exact = claims_lattice(value);
    if constexpr (requires { op.verify_lattice(value.file); }) {
      if (settings.exact && !settings.finite_inputs) {
        throw CaseError(value.file + ": opt.exact is true, but an input is NaN or infinite");
      }
      if (settings.exact) op.verify_lattice(value.file);
    }
    judge(op, settings, report);
  });
}

}  // namespace

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
