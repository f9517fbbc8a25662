// The report for continuous integration.
#include <fmt/format.h>

#include "oracle/report/write_report.hpp"

namespace exactscan {
namespace {

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : printable(text)) {
    switch (c) {
      case '&':
        result += "&amp;";
        break;
      case '<':
        result += "&lt;";
        break;
      case '>':
        result += "&gt;";
        break;
      case '"':
        result += "&quot;";
        break;
      case '\'':
        result += "&apos;";
        break;
      default:
        result += c;
    }
  }
  return result;
}

struct Suite {
  std::string testcases;
  int tests = 0, failures = 0, errors = 0;

  // `kind` is "failure" or "error", or empty for a test that passed.
  void add(std::string_view op, std::string_view name, std::string_view kind, Verdict verdict,
           std::string_view message, std::string_view details) {
    ++tests;
    failures += kind == "failure" ? 1 : 0;
    errors += kind == "error" ? 1 : 0;
    testcases += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", escaped(op), escaped(name));
    if (kind.empty()) {
      testcases += "/>\n";
      return;
    }
    testcases += fmt::format(">\n      <{0} type=\"{1}\" message=\"{2}\">{3}</{0}>\n    </testcase>\n", kind,
                             verdict_name(verdict), escaped(message), details);
  }
};

void add_tensor(Suite& suite, const CaseReport& report, const TensorReport& tensor) {
  std::string details;  // already escaped: line feeds between witnesses must stay
  for (const Witness& witness : tensor.witnesses) {
    if (!details.empty()) details += '\n';
    details += escaped(witness_line(tensor.name, witness));
  }
  const std::string_view kind = tensor.verdict == Verdict::explained ? ""
                                : tensor.verdict == Verdict::refuted ? "failure"
                                                                     : "error";
  const bool refuted = tensor.verdict == Verdict::refuted;
  const std::string message =
      fmt::format("{} of {} elements {} under contract {}", refuted ? tensor.refuted : tensor.undecided,
                  tensor.elements, verdict_name(tensor.verdict), report.contract);
  suite.add(report.op, tensor.name, kind, tensor.verdict, message, details);
}

Suite suite_of(const CaseReport& report) {
  Suite suite;
  for (const TensorReport& tensor : report.tensors) add_tensor(suite, report, tensor);
  // An invalid case is an error even if it has no tensor to hang it on.
  if (report.verdict == Verdict::invalid) {
    suite.add(report.op, "case", "error", Verdict::invalid, report.reason, "");
  }
  return suite;
}

}  // namespace

std::string junit_report(std::span<const CaseReport> reports) {
  std::string body;
  Suite total;
  for (const CaseReport& report : reports) {
    const Suite suite = suite_of(report);
    total.tests += suite.tests;
    total.failures += suite.failures;
    total.errors += suite.errors;
    body += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n{}  </testsuite>\n",
        escaped(report.file), suite.tests, suite.failures, suite.errors, suite.testcases);
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
      "<testsuites name=\"exactscan\" tests=\"{}\" failures=\"{}\" errors=\"{}\">\n{}</testsuites>\n",
      total.tests, total.failures, total.errors, body);
}

}  // namespace exactscan
