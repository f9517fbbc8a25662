#include "oracle/check/ladder.hpp"

#include <algorithm>
#include <limits>

#include "oracle/numbers/dyadic_double.hpp"
#include "spec/rounding.hpp"

namespace exactscan {
void settle(const Pending& element, const OutputRule& rule, Decision decision, const spec::Dyadic& low,
            const spec::Dyadic& high, std::int64_t Ladder::*counter, Findings& findings, std::size_t keep) {
  const spec::Dyadic middle = (low + high).scaled(-1);
  const Cell cell = cell_of(element.candidate, rule);
  const double ratio = near_ratio(distance(middle, cell), element.exact_allowance());
  const double ulps =
      std::isinf(element.candidate)
          ? (decision == Decision::explained ? 0 : std::numeric_limits<double>::infinity())
          : near_ratio(spec::Dyadic(element.candidate) - middle, spec::ulp(middle, rule.format));
  Verdict verdict = decision == Decision::explained ? Verdict::explained : Verdict::refuted;
  const char* note = "";
  if (verdict == Verdict::refuted && element.overflow_possible &&
      (std::isinf(element.candidate) || rule.saturates)) {
    verdict = Verdict::undecided;
    note = "some schedule may overflow";
  }
  findings.count(verdict);
  ++(findings.ladder.*counter);
  if (verdict != Verdict::undecided) {
    findings.max_ratio = std::max(findings.max_ratio, ratio);
    findings.max_ulp = std::max(findings.max_ulp, ulps);
  }
  const double allowance =
      element.wide_allowance
          ? upward_double(static_cast<long double>(near_double(*element.wide_allowance)) * (1 + 0x1p-50L))
          : upward_double(element.allowance);
  findings.note({element.at, element.candidate, allowance, ratio, verdict, note}, keep);
}

void give_up(const Pending& element, Findings& findings, std::size_t keep) {
  findings.count(Verdict::undecided);
  ++findings.ladder.interval;
  findings.note({element.at, element.candidate, upward_double(element.allowance), 0, Verdict::undecided,
                 "the enclosure met its precision limit"},
                keep);
}

}  // namespace exactscan
