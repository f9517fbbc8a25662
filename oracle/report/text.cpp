// The report for people.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "oracle/report/write_report.hpp"

namespace exactscan {
namespace {

// Four digits are enough to judge by; the JSON report has them all.
std::string number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return fmt::format("{:.4g}", value);
}

constexpr std::size_t columns = 8;
using Row = std::array<std::string, columns>;

// The rungs share one column: nearly all elements stop at the first.
std::string rungs(const Ladder& ladder) {
  std::string text = fmt::format("fp64 {}", ladder.fp64);
  if (ladder.double_double != 0) text += fmt::format(", double-double {}", ladder.double_double);
  if (ladder.interval != 0) text += fmt::format(", interval {}", ladder.interval);
  if (ladder.exact != 0) text += fmt::format(", exact {}", ladder.exact);
  return text;
}

Row row_of(const TensorReport& tensor) {
  return {printable(tensor.name),
          std::string(verdict_name(tensor.verdict)),
          fmt::format("{}", tensor.elements),
          fmt::format("{}", tensor.refuted),
          fmt::format("{}", tensor.undecided),
          number(tensor.max_ratio),
          number(tensor.max_ulp),
          rungs(tensor.ladder)};
}

// Words to the left, numbers to the right, two blanks between.
std::string table(const std::vector<Row>& rows) {
  std::array<std::size_t, columns> width{};
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < columns; ++i) width[i] = std::max(width[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    std::string line;
    for (std::size_t i = 0; i < columns; ++i) {
      const bool words = i < 2 || i + 1 == columns;
      line += words ? fmt::format("  {:<{}}", row[i], width[i]) : fmt::format("  {:>{}}", row[i], width[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string case_text(const CaseReport& report) {
  std::string title = printable(report.file);
  if (!report.op.empty()) title += ": " + printable(report.op);
  if (!report.contract.empty()) title += ", contract " + printable(report.contract);
  std::string text = fmt::format("{}: {}\n", title, verdict_name(report.verdict));
  if (!report.reason.empty()) text += fmt::format("  {}\n", printable(report.reason));
  if (report.tensors.empty()) return text;
  std::vector<Row> rows = {
      {"tensor", "verdict", "elements", "refuted", "undecided", "max ratio", "max ulp", "decided by"}};
  for (const TensorReport& tensor : report.tensors) rows.push_back(row_of(tensor));
  text += table(rows);
  for (const TensorReport& tensor : report.tensors) {
    for (const Witness& witness : tensor.witnesses) {
      text += fmt::format("  {}\n", witness_line(tensor.name, witness));
    }
  }
  return text;
}

std::string summary(std::span<const CaseReport> reports) {
  const auto count = [&](Verdict verdict) {
    return std::count_if(reports.begin(), reports.end(),
                         [&](const CaseReport& report) { return report.verdict == verdict; });
  };
  return fmt::format("{} cases: {} explained, {} refuted, {} invalid, {} undecided\n", reports.size(),
                     count(Verdict::explained), count(Verdict::refuted), count(Verdict::invalid),
                     count(Verdict::undecided));
}

}  // namespace

Verdict overall(std::span<const CaseReport> reports) {
  Verdict result = Verdict::explained;
  for (const CaseReport& report : reports) result = worst(result, report.verdict);
  return result;
}

std::string witness_line(std::string_view tensor, const Witness& witness) {
  const std::string index =
      witness.index.empty() ? std::string{} : fmt::format("[{}]", fmt::join(witness.index, ","));
  std::string line = fmt::format("{}{} = {} ({}), exactly {}", printable(tensor), index, witness.candidate,
                                 witness.candidate_hex, witness.exact);
  line += fmt::format(": off by {} ulp, {} of the allowance {}", number(witness.deviation_ulp),
                      number(witness.ratio), number(witness.allowance));
  if (!witness.note.empty()) line += "; " + printable(witness.note);
  return line;
}

std::string text_report(std::span<const CaseReport> reports) {
  std::string text;
  for (const CaseReport& report : reports) text += case_text(report);
  if (reports.size() > 1) text += summary(reports);
  return text;
}

}  // namespace exactscan
