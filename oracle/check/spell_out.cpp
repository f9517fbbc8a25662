#include "oracle/check/spell_out.hpp"

#include <fmt/format.h>

#include <limits>

#include "oracle/numbers/dyadic_double.hpp"
#include "spec/decimal.hpp"
#include "spec/rounding.hpp"

namespace exactscan {
namespace {

constexpr std::size_t digits = 20;

std::string print_candidate(double c, ElementType type) {
  if (std::isnan(c)) return "nan";
  return type == ElementType::f32 ? fmt::format("{}", static_cast<float>(c)) : fmt::format("{}", c);
}

std::vector<std::int64_t> index_of(const Output& output, const Request& at) {
  if (output.shape.size() < 2) return {at.column};
  std::vector<std::int64_t> index(output.shape.size(), at.column);
  std::int64_t row = at.row;
  for (std::size_t i = output.shape.size() - 1; i-- > 0;) {
    index[i] = row % output.shape[i];
    row /= output.shape[i];
  }
  return index;
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

void describe_special(const Remarkable& element, Witness& witness) {
  witness.allowance = 0;
  if (element.verdict == Verdict::explained) witness.deviation_ulp = 0;
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
  witness.deviation_ulp =
      near_ratio(spec::Dyadic(element.candidate) - exact, spec::ulp(exact, output.rule.format));
  return true;
}

}  // namespace exactscan
