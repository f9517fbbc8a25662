// What `check` says of a case: verdicts, witnesses, and which rung of the ladder decided how many elements.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace exactscan {

// explained: every element lies within its allowance. refuted: some element certainly lies outside: no
// legitimate schedule gives it. invalid: the case could not be read or does not make sense. undecided:
// neither could be shown.
enum class Verdict : std::uint8_t { explained, refuted, invalid, undecided };
std::string_view verdict_name(Verdict verdict);

// One element, spelled out.
struct Witness {
  std::vector<std::int64_t> index;
  std::string candidate;      // decimal, enough digits to give the same number back; "nan", "inf", "-inf"
  std::string candidate_hex;  // hexadecimal, as printf's %a
  std::string exact;  // the exact value to 20 digits; "nan", "inf" … where that is what arithmetic demands
  double allowance = 0;      // largest legitimate |candidate - exact|, rounded up
  double deviation_ulp = 0;  // |candidate - exact| in ulps of the output's type at the exact value
  double ratio =
      0;  // |candidate - exact| / allowance; infinity where the allowance is 0 or an operand is not finite
  std::string note;  // "", or why a special value is judged as it is
};

// How many elements each rung decided.
struct Ladder {
  std::int64_t fp64 = 0, double_double = 0, interval = 0, exact = 0;
};

struct TensorReport {
  std::string name;  // "h", "dA", …
  Verdict verdict = Verdict::explained;
  std::int64_t elements = 0;
  std::int64_t refuted = 0, undecided = 0;
  double max_ratio = 0;  // over all elements; see Witness::ratio
  double max_ulp = 0;
  std::vector<Witness>
      witnesses;  // refuted ones, then undecided ones, then the largest ratio; at most `errors`
  Ladder ladder;
};

struct CaseReport {
  std::string file, op, contract;
  Verdict verdict = Verdict::explained;
  std::string reason;  // for invalid: the sentence; else what a reader should know, or empty
  std::vector<TensorReport> tensors;
};

// The verdict of several: refuted if any is, else invalid, else undecided, else explained.
Verdict worst(Verdict a, Verdict b);
// 0 explained, 1 refuted, 2 invalid, 3 undecided.
int exit_code(Verdict verdict);

}  // namespace exactscan
