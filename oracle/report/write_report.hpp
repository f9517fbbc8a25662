// Reports as text for people, as JSON for programs, and as JUnit XML for continuous integration.
//
// File names, operation names and reasons come from outside. No writer trusts them: control characters are
// escaped, and bytes that are not UTF-8 are replaced, so that a report is always well formed.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "oracle/check/report.hpp"

namespace exactscan {

// The verdict of all cases together (see `worst`); explained if there are none.
Verdict overall(std::span<const CaseReport> reports);

// A table of verdicts a case, the witnesses under it, and, for several cases, one line that counts them.
// Elements that no rung had to decide (a tensor without elements) show zeros.
std::string text_report(std::span<const CaseReport> reports);

// One object, schema "exactscan-report/1", with a newline at the end:
//   {"schema", "cases": [{"file", "op", "contract", "verdict", "reason",
//     "tensors": [{"name", "verdict", "elements", "max_ratio", "max_ulp",
//       "witness": null or {"index", "candidate", "exact", "allowance", "ratio", "candidate_hex",
//       "deviation_ulp", "note"}, "ladder": {"fp64", "double_double", "interval", "exact"}, "refuted",
//       "undecided", "witnesses": [...]}]}]}
// "witness" is the first of "witnesses". Of the numbers, "allowance", "ratio", "max_ratio", "max_ulp" and
// "deviation_ulp" may be infinite or undefined: JSON has no such numbers, so these are the strings "inf" and
// "nan". "candidate", "candidate_hex" and "exact" are always strings.
std::string json_report(std::span<const CaseReport> reports);

// <testsuites>: one <testsuite> a case, one <testcase> a tensor. A refuted tensor is a <failure>; an
// undecided tensor, and a case that is invalid, is an <error> with the reason as its message.
std::string junit_report(std::span<const CaseReport> reports);

// One line about a witness: "h[3,0] = 1.5 (0x1.8p+0), exactly 1.25: off by 2 ulp, 4 allowances; note".
std::string witness_line(std::string_view tensor, const Witness& witness);

// `text` with control characters and bytes outside UTF-8 written as \xNN: safe for a terminal and for XML.
std::string printable(std::string_view text);

}  // namespace exactscan
