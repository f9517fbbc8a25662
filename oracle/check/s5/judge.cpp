#include "oracle/check/s5/judge.hpp"

#include <algorithm>
#include <cmath>

#include "oracle/check/careful_sink.hpp"
#include "oracle/numbers/dyadic_double.hpp"

namespace exactscan::s5 {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

bool is_finite(std::complex<double> c) { return std::isfinite(c.real()) && std::isfinite(c.imag()); }

double ulp_at(long double x, const spec::FloatFormat& format) {
  const int normal = format.min_normal_exponent();
  const int e = x > 0 && std::isfinite(x) ? std::max(std::ilogb(x), normal) : normal;
  return std::ldexp(1.0, e - format.precision + 1);
}

}  // namespace

std::optional<ExactDisc> exact_disc(const Disc<DoubleDouble>& x) {
  for (const double part : {x.re.hi, x.re.lo, x.im.hi, x.im.lo, x.rad}) {
    if (!std::isfinite(part)) return std::nullopt;
  }
  return ExactDisc{spec::Dyadic(x.re.hi) + spec::Dyadic(x.re.lo),
                   spec::Dyadic(x.im.hi) + spec::Dyadic(x.im.lo), spec::Dyadic(x.rad)};
}

template <unsigned Bits>
std::optional<ExactDisc> exact_disc(const Disc<Precise<Bits>>& x) {
  if (!x.re.finite() || !x.im.finite() || !std::isfinite(x.rad)) return std::nullopt;
  return ExactDisc{x.re.exact(), x.im.exact(), to_dyadic(x.rad)};
}
template std::optional<ExactDisc> exact_disc(const Disc<Precise<256>>& x);
template std::optional<ExactDisc> exact_disc(const Disc<Precise<1024>>& x);

std::complex<double> Judge::candidate(Result result, std::int64_t index) const {
  const Output& output = s_.outputs[result];
  return output.tensor->complex_at(index);
}

void Judge::settle(const Undecided& at, Verdict verdict, double ratio, double ulp, std::int64_t Ladder::*rung,
                   const char* note) {
  Findings& found = findings_[at.result];
  const std::int64_t columns = s_.outputs[at.result].columns;
  found.count(verdict);
  ++(found.ladder.*rung);
  found.max_ratio = std::max(found.max_ratio, ratio);
  found.max_ulp = std::max(found.max_ulp, ulp);
  found.note({{at.result, at.index / columns, at.index % columns},
              candidate(at.result, at.index).real(),
              upward_double(at.allowance.error),
              ratio,
              verdict,
              note,
              ulp},
             keep_);
}

void Judge::put(Result result, std::int64_t index, const Value& value, const Allowance& allowance,
                bool depends) {
  const Undecided at{result, index, allowance};
  const std::complex<double> c = candidate(result, index);
  const OutputRule& rule = s_.outputs[result].rule;
  const auto say = [&](Verdict verdict, double size, const char* note) {
    settle(at, verdict, size, size, &Ladder::fp64, note);
  };
  if (depends) {
    if (is_finite(c))
      return say(Verdict::undecided, 0, "it may or may not depend on an input that is NaN or infinite");
    return say(Verdict::explained, 0, "an input that it depends on is NaN or infinite");
  }
  if (!is_finite(c)) {
    if (allowance.overflow_possible) return say(Verdict::undecided, 0, "some schedule may overflow");
    if (std::isnan(c.real()) || std::isnan(c.imag()) || rule.direct)
      return say(Verdict::refuted, infinity, "no schedule can overflow, and the inputs are finite");
    open_.push_back(at);
    return;
  }
  if (!std::isfinite(allowance.error))  // NaN: an unbounded error times 0
    return say(Verdict::explained, 0, "the bound is infinite: a kernel may divide by 0 here");
  if (!rule.direct || !std::isfinite(value.rad)) {
    open_.push_back(at);
    return;
  }
  constexpr long double margin = 0x1p-48L;  // hypot and the differences are within a few ulps
  const long double off = std::hypot(static_cast<long double>(c.real()) - value.re,
                                     static_cast<long double>(c.imag()) - value.im);
  const long double most = (off + value.rad) * (1 + margin),
                    least = off * (1 - margin) - value.rad * (1 + margin);
  const bool inside = most <= allowance.error;
  if (!inside && !(least > allowance.error)) {
    open_.push_back(at);
    return;
  }
  settle(at, inside ? Verdict::explained : Verdict::refuted,
         static_cast<double>(off == 0 ? 0 : off / allowance.error),
         static_cast<double>(off / ulp_at(value.modulus(), rule.format)), &Ladder::fp64, "");
}

bool Judge::decide(const Undecided& element, const std::optional<ExactDisc>& around,
                   std::int64_t Ladder::*rung) {
  if (!around) return false;
  const Output& output = s_.outputs[element.result];
  const std::complex<double> c = candidate(element.result, element.index);
  const bool complex = is_complex(output.tensor->type);
  const Cell re = cell_of(c.real(), output.rule), im = complex ? cell_of(c.imag(), output.rule) : Cell{};
  const spec::Dyadic x = distance(around->re, re), y = complex ? distance(around->im, im) : spec::Dyadic();
  const spec::Dyadic square = x * x + y * y, e = to_dyadic(element.allowance.error);
  const spec::Dyadic far = e + around->radius;
  Verdict verdict = Verdict::undecided;
  if (square > far * far) {
    verdict = Verdict::refuted;
  } else if (around->radius <= e) {
    // An open cell's edge is not stored as the candidate: strictly inside then.
    const spec::Dyadic near = e - around->radius;
    const bool closed = re.closed && im.closed;
    if (square < near * near || (closed && square == near * near)) verdict = Verdict::explained;
  }
  if (verdict == Verdict::undecided) return false;
  const spec::Dyadic size = std::max(abs(around->re), abs(around->im));
  const double off = std::hypot(near_double(x), near_double(y));
  const double ratio = off == 0 ? 0 : off / near_double(e);
  const double exact_off =
      std::hypot(c.real() - near_double(around->re), complex ? c.imag() - near_double(around->im) : 0);
  settle(element, verdict, ratio, exact_off / ulp_at(near_double(size), output.rule.format), rung, "");
  return true;
}

void Judge::give_up(const Undecided& element) {
  settle(element, Verdict::undecided, 0, 0, &Ladder::interval, "the enclosure met its precision limit");
}

}  // namespace exactscan::s5
