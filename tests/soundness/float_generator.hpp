// RapidCheck generators of floating-point numbers. RapidCheck's own draw neither subnormals nor numbers whose
// bits press on rounding. Both shrink: to short significands, to exponents near 0, to zero.
#pragma once

#include <rapidcheck.h>

#include <cmath>
#include <tuple>

#include "tests/soundness/data.hpp"

namespace exactscan::soundness {

// Significands in [1, 2): a power of two, near either end, a short one, or any.
inline rc::Gen<double> significands(int precision) {
  const double ulp = std::ldexp(1.0, 1 - precision);
  const auto units = static_cast<std::int64_t>(1 / ulp);
  return rc::gen::weightedOneOf<double>(
      {{3, rc::gen::just(1.0)},
       {2, rc::gen::map(rc::gen::inRange<std::int64_t>(1, 4),
                        [=](std::int64_t k) { return 1 + ulp * static_cast<double>(k); })},
       {2, rc::gen::map(rc::gen::inRange<std::int64_t>(1, 4),
                        [=](std::int64_t k) { return 2 - ulp * static_cast<double>(k); })},
       {2, rc::gen::map(rc::gen::inRange(1, precision), [](int k) { return 1 + std::ldexp(1.0, -k); })},
       {3, rc::gen::map(rc::gen::inRange<std::int64_t>(0, units),
                        [=](std::int64_t k) { return 1 + ulp * static_cast<double>(k); })}});
}

// Exponents: near 0, at the ends of the format's range (below the smallest normal too), or any.
inline rc::Gen<int> exponents(const BinaryFormat& format) {
  const int normal = format.min_exponent + format.precision - 1;
  return rc::gen::weightedOneOf<int>(
      {{6, rc::gen::inRange(-3, 4)},
       {2, rc::gen::inRange(-format.precision - 2, format.precision + 3)},
       {1, rc::gen::inRange(format.min_exponent, normal + 3)},
       {1, rc::gen::inRange(format.min_exponent / 2 - 2, format.min_exponent / 2 + 3)},
       {1, rc::gen::inRange(format.max_exponent / 2 - 2, format.max_exponent / 2 + 3)},
       {1, rc::gen::inRange(format.max_exponent - 2, format.max_exponent + 1)}});
}

// Finite numbers of the format.
inline rc::Gen<double> numbers(const BinaryFormat& format) {
  const auto make = [=](const std::tuple<bool, double, int>& parts) {
    const auto& [negative, significand, exponent] = parts;
    const double x = std::ldexp(significand, exponent);
    const double fitted =
        format.precision > 24 ? x : emulation::round_to(x, format, emulation::Direction::toward_zero);
    return negative ? -fitted : fitted;
  };
  return rc::gen::weightedOneOf<double>(
      {{12, rc::gen::map(
                rc::gen::tuple(rc::gen::arbitrary<bool>(), significands(format.precision), exponents(format)),
                make)},
       {1, rc::gen::element(0.0, -0.0)}});
}

// A step's pair (a, b), perhaps one that nearly cancels the state before it.
struct DrawnStep {
  double a, b;
  int cancel;  // 0: take b; else b = -a h + (cancel - 2) ulps, roughly
};
inline rc::Gen<DrawnStep> steps_of(const BinaryFormat& format) {
  return rc::gen::map(
      rc::gen::tuple(numbers(format), numbers(format), rc::gen::inRange(0, 12)),
      [](const std::tuple<double, double, int>& t) {
        return DrawnStep{std::get<0>(t), std::get<1>(t), std::get<2>(t) < 4 ? std::get<2>(t) : 0};
      });
}

// A channel of `steps` steps.
inline rc::Gen<Sequence> sequences(const BinaryFormat& format, std::size_t steps) {
  return rc::gen::map(
      rc::gen::pair(numbers(format), rc::gen::container<std::vector<DrawnStep>>(steps, steps_of(format))),
      [=](const std::pair<double, std::vector<DrawnStep>>& drawn) {
        Sequence s;
        double h = s.h0 = drawn.first;
        for (const DrawnStep& step : drawn.second) {
          double b = step.b;
          if (step.cancel > 0 && std::isfinite(step.a * h)) {
            const double target =
                -step.a * h * (1 + (step.cancel - 2) * std::ldexp(1.0, 1 - format.precision));
            const double fitted = format.precision > 24 ? target : emulation::round_to(target, format);
            if (std::isfinite(fitted)) b = fitted;
          }
          s.a.push_back(step.a), s.b.push_back(b);
          h = step.a * h + b;
        }
        return s;
      });
}

}  // namespace exactscan::soundness
