#include "oracle/check/careful_sink.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace exactscan {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// One unit in the last place of a number of magnitude x.
double ulp_at(double x, const spec::FloatFormat& format) {
  if (!std::isfinite(x)) return infinity;
  const int e = x == 0 ? format.min_normal_exponent() : std::max(std::ilogb(x), format.min_normal_exponent());
  return std::ldexp(1.0, e - format.precision + 1);
}

// A midpoint between two numbers of a format narrower than binary64: at most 25 bits, so a double holds it.
long double short_value(const spec::Dyadic& x) {
  const auto parts = x.parts();
  return std::ldexp(static_cast<long double>(mpz_get_d(parts.mantissa.backend().data())),
                    static_cast<int>(parts.exponent));
}

}  // namespace

spec::Dyadic to_dyadic(long double x) {
  if (x == 0) return spec::Dyadic();
  int exponent = 0;
  const long double m =
      std::frexp(x, &exponent);  // the mantissa has at most 64 bits (x87) or 113 (binary128)
  const auto high = static_cast<std::int64_t>(std::ldexp(m, 62));
  const long double rest = std::ldexp(m, 62) - static_cast<long double>(high);
  spec::Dyadic value(spec::Integer(high), exponent - 62);
  if (rest != 0) value += to_dyadic(std::ldexp(rest, exponent - 62));
  return value;
}

double upward_double(long double x) {
  const auto d = static_cast<double>(x);
  return static_cast<long double>(d) >= x ? d : std::nextafter(d, infinity);
}

spec::Dyadic Pending::exact_allowance() const {
  return wide_allowance ? *wide_allowance : to_dyadic(allowance);
}

long double as_long_double(long double x, std::optional<spec::Dyadic>&) { return x; }

long double as_long_double(const Wide& x, std::optional<spec::Dyadic>& exact) {
  spec::Integer mantissa;
  const mpfr_exp_t exponent = mpfr_get_z_2exp(mantissa.backend().data(), x.get());
  if (mantissa != 0)
    exact = spec::Dyadic(mantissa, exponent);
  else
    exact = spec::Dyadic();
  return mpfr_get_ld(x.get(), MPFR_RNDU);
}

bool CarefulSink::judge_special(const Pending& element) {
  const double c = element.candidate;
  if (classes_) {
    const ValueClass possible = classes_(element.at);
    if (!possible.finite()) {
      const char* note = "an input that it depends on is NaN or infinite";
      if (possible.admits(c) && std::isfinite(c)) {
        settle(element, Verdict::undecided, 0, 0,
               "it may or may not depend on an input that is NaN or infinite");
      } else if (possible.admits(c)) {
        settle(element, Verdict::explained, 0, 0, note);
      } else if (std::isnan(c) && element.overflow_possible) {
        settle(element, Verdict::undecided, 0, 0, "some schedule may overflow");
      } else if (std::isinf(c) && possible.admits(std::copysign(1.0, c))) {
        // The finite value that is possible may be too large for the output's type.
        settle(element, Verdict::undecided, 0, 0,
               "it may or may not depend on an input that is NaN or infinite, and may overflow");
      } else if (c == 0 && (possible.admits(1.0) || possible.admits(-1.0))) {
        settle(element, Verdict::undecided, 0, 0,
               "it may or may not depend on an input that is NaN or infinite, and may underflow");
      } else {
        settle(element, Verdict::refuted, infinity, infinity, note);
      }
      return true;
    }
  }
  if (!std::isnan(c)) return false;
  if (element.overflow_possible) {
    settle(element, Verdict::undecided, 0, 0, "some schedule may overflow");
  } else {
    settle(element, Verdict::refuted, infinity, infinity,
           "no schedule can overflow, and the inputs are finite");
  }
  return true;
}

void CarefulSink::settle(const Pending& element, Verdict verdict, double ratio, double ulp,
                         const char* note) {
  Findings& found = findings_[static_cast<std::size_t>(element.at.output)];
  found.count(verdict);
  ++found.ladder.fp64;
  found.max_ratio = std::max(found.max_ratio, ratio);
  found.max_ulp = std::max(found.max_ulp, ulp);
  found.note({element.at, element.candidate, upward_double(element.allowance), ratio, verdict, note}, keep_);
}

void CarefulSink::judge(Pending element, const Ball<double>& value) {
  if (judge_special(element)) return;
  const Output& output = outputs_[static_cast<std::size_t>(element.at.output)];
  const double c = element.candidate;
  // Beyond long double, or an infinite candidate: exact arithmetic decides.
  if (std::isinf(c) || !(element.allowance < 0x1p1000L) || !(value.rad < 0x1p1000)) {
    pending_.push_back(std::move(element));
    return;
  }
  long double low = c, high = c;
  bool closed = true;
  if (!output.rule.direct) {
    const Cell cell = cell_of(c, output.rule);
    if (!cell.low || !cell.high) {
      pending_.push_back(std::move(element));
      return;
    }
    low = short_value(*cell.low);
    high = short_value(*cell.high);
    closed = cell.closed;
  }
  constexpr long double margin = static_cast<long double>(UpwardMargin<long double>::value) - 1;
  const long double off = std::max({low - value.mid, value.mid - high, 0.0L});
  const long double most = (off + value.rad) * (1 + margin),
                    least = off * (1 - margin) - value.rad * (1 + margin);
  const bool inside = low < value.mid - static_cast<long double>(value.rad) * (1 + margin) &&
                      value.mid + static_cast<long double>(value.rad) * (1 + margin) < high;
  const auto ratio = static_cast<double>(off == 0 ? 0 : off / element.allowance);
  const auto ulp = static_cast<double>(std::fabs(static_cast<long double>(c) - value.mid) /
                                       ulp_at(value.mid, output.rule.format));
  if (most < element.allowance || (closed && most <= element.allowance) || inside) {
    settle(element, Verdict::explained, ratio, ulp, "");
  } else if (least > element.allowance) {
    if (output.rule.saturates && element.overflow_possible) {
      settle(element, Verdict::undecided, 0, 0, "some schedule may overflow");
    } else {
      settle(element, Verdict::refuted, ratio, ulp, "");
    }
  } else {
    pending_.push_back(std::move(element));
  }
}

}  // namespace exactscan
