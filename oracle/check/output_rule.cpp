#include "oracle/check/output_rule.hpp"

#include <cmath>

namespace exactscan {
namespace {

using spec::Dyadic;
using spec::FloatFormat;

// The exponent of the unit in the last place of x, seen from above: |x| in [2^e, 2^(e+1)).
int ulp_exponent(double x, const FloatFormat& format) {
  if (x == 0) return format.min_exponent;
  return std::max(std::ilogb(x) - (format.precision - 1), format.min_exponent);
}

// Where numbers begin to round to infinity.
Dyadic overflow_threshold(const OutputRule& rule) {
  const FloatFormat& f = rule.format;
  const Dyadic power = Dyadic::power_of_two(f.max_exponent + 1);
  // To nearest: the largest finite number and half a unit. In any direction: whatever exceeds the largest.
  const int below = rule.any_store && !rule.direct ? f.precision : f.precision + 1;
  return power - Dyadic::power_of_two(f.max_exponent + 1 - below);
}

// The cell of a finite candidate c >= 0 that was rounded once.
Cell rounded_cell(double c, const OutputRule& rule) {
  const FloatFormat& f = rule.format;
  const int unit = ulp_exponent(c, f);
  // The gap below a power of two is half as wide, except at the smallest normal and below.
  const bool power = c != 0 && std::ldexp(1.0, std::ilogb(c)) == c && unit > f.min_exponent;
  const Dyadic value(c), gap = Dyadic::power_of_two(unit),
                         gap_below = Dyadic::power_of_two(power ? unit - 1 : unit);
  if (rule.any_store) {
    // Toward zero, whatever exceeds the largest number becomes that number.
    if (c == spec::to_double(spec::largest_finite(f))) return {value - gap_below, std::nullopt, false};
    return {value - gap_below, value + gap, false};
  }
  const bool even = std::fmod(std::ldexp(c, -unit), 2.0) == 0;
  return {value - gap_below.scaled(-1), value + gap.scaled(-1), even};
}

Cell mirrored(Cell cell) {
  std::swap(cell.low, cell.high);
  if (cell.low) cell.low = -*cell.low;
  if (cell.high) cell.high = -*cell.high;
  return cell;
}

}  // namespace

Cell cell_of(double c, const OutputRule& rule) {
  if (c < 0) return mirrored(cell_of(-c, rule));
  if (std::isinf(c)) return {overflow_threshold(rule), std::nullopt, true};
  if (rule.direct) return {Dyadic(c), Dyadic(c), true};
  if (c == 0 && rule.flush) {
    const Dyadic normal = Dyadic::power_of_two(rule.format.min_normal_exponent());
    return {-normal, normal, false};
  }
  return rounded_cell(c, rule);
}

Dyadic distance(const Dyadic& x, const Cell& cell) {
  if (cell.low && x < *cell.low) return *cell.low - x;
  if (cell.high && x > *cell.high) return x - *cell.high;
  return Dyadic();
}

Decision decide(const Dyadic& low, const Dyadic& high, const Dyadic& allowance, const Cell& cell) {
  // [x - E, x + E] meets the cell iff x lies in the cell widened by E on both sides.
  const auto inside = [&](const Dyadic& x) {
    const bool above = !cell.low || (cell.closed ? x + allowance >= *cell.low : x + allowance > *cell.low);
    const bool below = !cell.high || (cell.closed ? x - allowance <= *cell.high : x - allowance < *cell.high);
    return above && below;
  };
  if (inside(low) && inside(high)) return Decision::explained;  // the widened cell is convex
  const bool all_below =
      cell.low && (cell.closed ? high + allowance < *cell.low : high + allowance <= *cell.low);
  const bool all_above =
      cell.high && (cell.closed ? low - allowance > *cell.high : low - allowance >= *cell.high);
  return all_below || all_above ? Decision::refuted : Decision::open;
}

}  // namespace exactscan
