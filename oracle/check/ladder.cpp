#include "oracle/check/ladder.hpp"

#include <algorithm>
#include <limits>

namespace exactscan {
namespace {

// x as a double, near enough for a report.
double approximate(const spec::Dyadic& x) {
  if (x.is_zero()) return 0;
  const std::int64_t e = x.leading_exponent();
  if (e > 2000) return x.sign() * std::numeric_limits<double>::infinity();
  if (e < -2000) return 0;
  const spec::Dyadic::Parts p = x.parts();
  long exponent = 0;
  const double m = mpz_get_d_2exp(&exponent, p.mantissa.backend().data());
  return std::ldexp(m, static_cast<int>(exponent + p.exponent));
}

double quotient(const spec::Dyadic& x, const spec::Dyadic& y) {
  if (x.is_zero()) return 0;
  if (y.is_zero()) return std::numeric_limits<double>::infinity();
  const std::int64_t shift = -y.leading_exponent();
  return approximate(x.scaled(shift)) / approximate(y.scaled(shift));
}

}  // namespace

void settle(const Pending& element, const OutputRule& rule, Decision decision, const spec::Dyadic& low,
            const spec::Dyadic& high, std::int64_t Ladder::*counter, Findings& findings, std::size_t keep) {
  const spec::Dyadic middle = (low + high).scaled(-1);
  const Cell cell = cell_of(element.candidate, rule);
  const double ratio = quotient(distance(middle, cell), element.exact_allowance());
  const std::int64_t e =
      middle.is_zero() ? rule.format.min_normal_exponent()
                       : std::max<std::int64_t>(middle.leading_exponent(), rule.format.min_normal_exponent());
  const spec::Dyadic ulp = spec::Dyadic::power_of_two(e - rule.format.precision + 1);
  const double ulps = std::isinf(element.candidate)
                          ? (decision == Decision::explained ? 0 : std::numeric_limits<double>::infinity())
                          : quotient(abs(spec::Dyadic(element.candidate) - middle), ulp);
  Verdict verdict = decision == Decision::explained ? Verdict::explained : Verdict::refuted;
  const char* note = "";
  if (verdict == Verdict::refuted && std::isinf(element.candidate) && element.overflow_possible) {
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
          ? upward_double(static_cast<long double>(approximate(*element.wide_allowance)) * (1 + 0x1p-50L))
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
