// Every function here computes with + and * on doubles alone, so its result is the same everywhere; no libm.
#include "oracle/generate/profile.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace exactscan {
namespace {

using Index = std::int64_t;

double uniform(const Source& source, Role role, Index row, Index column) {
  return source.random(role, row, column).symmetric();
}

double decay(const Source& source, Role role, Index row, Index column) {
  if (role != Role::coefficient) return uniform(source, role, row, column);
  return 0.9 + 0.1 * source.random(role, row, column).unit();
}

// exp(-x) for 0 <= x <= 2 by its Taylor series; the 24th term is below 2^-53.
double exp_minus(double x) {
  double sum = 1;
  for (int k = 24; k > 0; --k) sum = 1 - sum * x / k;
  return sum;
}

// Mamba's step size, log-uniform in spirit: 2^-10 … 2^-3. It is the same for the decay and the gain of a
// place.
double step_size(const Source& source, Index row, Index column) {
  Random random(source.seed, 1000,
                (static_cast<std::uint64_t>(row) << 32U) + static_cast<std::uint64_t>(column));
  const auto exponent = static_cast<int>(random.between(-10, -4));
  return std::ldexp(1 + random.unit(), exponent);
}

// Nearly normal with variance 1: twelve uniforms would do, four are enough here.
double bell(Random random) {
  double sum = 0;
  for (int i = 0; i < 4; ++i) sum += random.symmetric();
  return sum * 0.8660254037844386;
}

double mamba(const Source& source, Role role, Index row, Index column) {
  const double rate = static_cast<double>(1 + column % 16);  // S4D-real's initial rates
  switch (role) {
    case Role::coefficient:
      return exp_minus(step_size(source, row, column) * rate);
    case Role::gain:
      return step_size(source, row, column);
    case Role::drive:
      return step_size(source, row, column) * bell(source.random(role, row, column));
    case Role::weight_in:
    case Role::weight_out:
      return 0.25 * bell(source.random(role, row, column));
    default:
      return bell(source.random(role, row, column));
  }
}

// Grows by 2^40 over the whole length (fp16, whose range is small: 2^4), whatever the length.
double growth(const Source& source, Role role, Index row, Index column) {
  if (role != Role::coefficient) return uniform(source, role, row, column);
  const double total = source.limits.max_exponent < 100 ? 4 : 40;
  const double rate = std::min(1.0, 1.386 * total / static_cast<double>(std::max<Index>(source.length, 1)));
  return 1 + rate * source.random(role, row, column).unit();
}

// Odd steps undo the even ones: the state falls back to rounding noise of the large values before it. Where
// channels mix, neighbours are alike and the projection out subtracts them.
double cancellation(const Source& source, Role role, Index row, Index column) {
  if (source.mixes_channels && role != Role::weight_out) column -= column % 2;
  Random random = source.random(role, row, column);
  switch (role) {
    case Role::coefficient:
      return 1 - std::ldexp(random.unit(), -8);
    case Role::gain:
      return std::ldexp(1, static_cast<int>(source.random(role, 0, column).between(-1, 1)));
    case Role::drive:
    case Role::signal: {
      if (row % 2 == 0) {
        const double size = random.power_of_two(0, 8);
        return size * random.unit();
      }
      const double a = source(Role::coefficient, source.coefficients_in_time ? row : 0, column);
      return -a * source(role, row - 1, column);
    }
    case Role::weight_out:
      if (row % 2 == 0) return random.symmetric();
      return -(1 + std::ldexp(random.symmetric(), -8)) * source(role, row - 1, column);
    case Role::state:
      return std::ldexp(random.symmetric(), -8);
    default:
      return random.symmetric();
  }
}

// Around the smallest normal number of the type, on both sides.
double tiny(const Source& source, Random& random) {
  const int lowest = source.limits.min_exponent - source.limits.precision;
  const auto exponent = static_cast<int>(random.between(lowest, source.limits.min_exponent + 4));
  return std::ldexp(random.symmetric(), exponent);
}

double subnormal(const Source& source, Role role, Index row, Index column) {
  Random random = source.random(role, row, column);
  switch (role) {
    case Role::coefficient:  // now and then a step that pushes the state under
    {
      const double magnitude = 0.5 + 0.5 * random.unit();
      return random.once_in(8) ? random.power_of_two(-6, -1) : random.sign() * magnitude;
    }
    case Role::drive:
    case Role::signal:
    case Role::state:
      return tiny(source, random);
    default:
      return random.symmetric();
  }
}

// The special value of a channel: each of eight channels has its own, so that NaN does not hide the others.
double special_value(const Source& source, Random& random, Index column, bool finite) {
  const TypeLimits& limits = source.limits;
  const double smallest_normal = std::ldexp(1, limits.min_exponent);
  const double largest = std::ldexp(2 - std::ldexp(1, 1 - limits.precision), limits.max_exponent);
  const double sign = random.sign();
  switch (column % 8) {
    case 0:
      return finite ? 0.0 : std::numeric_limits<double>::quiet_NaN();
    case 1:
      return finite ? 1.0 : std::numeric_limits<double>::infinity();
    case 2:
      return finite ? -1.0 : -std::numeric_limits<double>::infinity();
    case 3:
      return -0.0;
    case 4:
      return std::ldexp(sign * static_cast<double>(random.between(1, 7)),
                        limits.min_exponent - limits.precision + 1);
    case 5:
      return sign * largest;
    case 6:
      return sign * std::ldexp(1, limits.max_exponent / 2);
    default:
      return sign * smallest_normal;
  }
}

// Uniform, with a special value planted once in 16 elements. Where channels mix, NaN and infinity appear only
// in the second half of the signal, so that the first half can still be judged.
double special(const Source& source, Role role, Index row, Index column) {
  Random random = source.random(role, row, column);
  const double ordinary = random.symmetric();
  if (!random.once_in(16)) return ordinary;
  const bool in_time = role == Role::signal || role == Role::drive || role == Role::cotangent ||
                       (role == Role::coefficient && source.coefficients_in_time);
  const bool late = role == Role::signal && row >= source.length / 2;
  const bool finite = source.mixes_channels ? !late : !in_time;
  return special_value(source, random, column, finite);
}

constexpr std::array table = {
    Profile{"uniform", uniform},
    Profile{"decay", decay},
    Profile{"mamba", mamba},
    Profile{"growth", growth},
    Profile{"cancellation", cancellation},
    Profile{"subnormal", subnormal},
    Profile{"special", special},
};

}  // namespace

TypeLimits type_limits(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return {53, -1022, 1023};
    case ElementType::f16:
      return {11, -14, 15};
    case ElementType::bf16:
      return {8, -126, 127};
    default:
      return {24, -126, 127};
  }
}

const Profile* find_profile(std::string_view name) {
  for (const Profile& profile : table) {
    if (profile.name == name) return &profile;
  }
  return nullptr;
}

}  // namespace exactscan
