// Findings as the reports of a case's tensors.
#pragma once

#include "oracle/check/findings.hpp"
#include "oracle/check/spell_out.hpp"

namespace exactscan {

// All of a tensor's report but its witnesses.
inline TensorReport summary_of(const Output& output, const Findings& found) {
  TensorReport tensor;
  tensor.name = output.name;
  tensor.verdict = found.refuted > 0     ? Verdict::refuted
                   : found.undecided > 0 ? Verdict::undecided
                                         : Verdict::explained;
  tensor.elements = output.size();
  tensor.refuted = found.refuted;
  tensor.undecided = found.undecided;
  tensor.max_ratio = found.max_ratio;
  tensor.max_ulp = found.max_ulp;
  tensor.ladder = found.ladder;
  return tensor;
}

template <class Op>
TensorReport report_tensor(const Op& op, const Output& output, const Findings& found) {
  TensorReport tensor = summary_of(output, found);
  std::vector<Remarkable> elements;
  for (const Remarkable& r : found.remarkable) {
    // One example is enough of what is explained.
    if (r.verdict == Verdict::explained && !elements.empty()) break;
    elements.push_back(r);
  }
  if (!elements.empty()) tensor.witnesses = SpellOut<Op>(op, output, std::move(elements)).run();
  return tensor;
}

// Appends a report for each output that the case holds.
template <class Op>
void add_reports(const Op& op, const std::vector<Findings>& findings, CaseReport& report) {
  for (std::size_t i = 0; i < findings.size(); ++i) {
    const Output& output = op.outputs()[i];
    if (!output.candidate.present()) continue;
    TensorReport tensor = report_tensor(op, output, findings[i]);
    report.verdict = worst(report.verdict, tensor.verdict);
    report.tensors.push_back(std::move(tensor));
  }
}

}  // namespace exactscan
