#include "oracle/check/spell_out.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "spec/decimal.hpp"

namespace exactscan {
namespace {

constexpr std::size_t digits = 20;

std::string print_candidate(double c, ElementType type) {
  if (std::isnan(c)) return "nan";
  return type == ElementType::f32 ? fmt::format("{}", static_cast<float>(c)) : fmt::format("{}", c);
}

std::vector<std::int64_t> index_of(const Output& output, const Request& at) {
  if (output.shape.size() < 2) return {at.column};
  return {at.row, at.column};
}

double approximate(const spec::Dyadic& x) {
  if (x.is_zero()) return 0;
  const spec::Dyadic::Parts p = x.parts();
  long e = 0;
  const double m = mpz_get_d_2exp(&e, p.mantissa.backend().data());
  const std::int64_t exponent = std::clamp<std::int64_t>(e + p.exponent, -4000, 4000);
  return std::ldexp(m, static_cast<int>(exponent));
}

}  // namespace

Witness describe_element(const Output& output, const Remarkable& element) {
  Witness witness;
  witness.index = index_of(output, element.at);
  witness.candidate = print_candidate(element.candidate, output.candidate.type());
  witness.candidate_hex = fmt::format("{:a}", element.candidate);
  witness.allowance = element.allowance;
  witness.ratio = element.ratio;
  witness.deviation_ulp = std::numeric_limits<double>::infinity();
  witness.note = element.note;
  return witness;
}

bool describe_exact(const Output& output, const Remarkable& element, const Enclosure& around, bool last,
                    Witness& witness) {
  if (!around) return false;
  const std::string low = spec::to_decimal(around->first, digits),
                    high = spec::to_decimal(around->second, digits);
  if (low != high && !last) return false;
  witness.exact = low == high ? low : fmt::format("between {} and {}", low, high);
  if (!std::isfinite(element.candidate)) return true;
  const spec::Dyadic exact = (around->first + around->second).scaled(-1);
  const auto& format = output.rule.format;
  const std::int64_t e = exact.is_zero()
                             ? format.min_normal_exponent()
                             : std::max<std::int64_t>(exact.leading_exponent(), format.min_normal_exponent());
  const spec::Dyadic in_ulps = abs(spec::Dyadic(element.candidate) - exact).scaled(format.precision - 1 - e);
  witness.deviation_ulp = approximate(in_ulps);
  return true;
}

}  // namespace exactscan
