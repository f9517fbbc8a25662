// Findings: what is known so far of one output tensor. Each unit of work keeps its own; they are merged at
// the end.
#pragma once

#include <cstdint>
#include <vector>

#include "oracle/check/report.hpp"
#include "oracle/check/request.hpp"

namespace exactscan {

// An element worth spelling out in the report.
struct Remarkable {
  Request at;
  double candidate = 0;
  double allowance = 0;  // rounded up; infinity where it exceeds the doubles
  double ratio = 0;
  Verdict verdict = Verdict::explained;
  const char* note = "";
  double ulp = 0;  // the deviation in ulps, where the operation keeps it
};

struct Findings {
  std::int64_t explained = 0, refuted = 0, undecided = 0;
  Ladder ladder;
  double max_ratio = 0, max_ulp = 0;
  std::vector<Remarkable> remarkable;  // the `keep` foremost ones

  // Notes an element; keeps the `keep` foremost by verdict (refuted, undecided, explained), then by ratio.
  void note(const Remarkable& element, std::size_t keep);
  void count(Verdict verdict);
  void merge(const Findings& other, std::size_t keep);
};

}  // namespace exactscan
