// The ball of the device: a midpoint in binary64, and in binary32, rounded up, a magnitude and an error.
//
//   |mid| <= mag, and |x| <= mag for every real x that the ball encloses
//   |x - mid| <= error * 2^-53 for each of them: the radius is error in roundings of 1, which binary32 holds
//   wherever it holds the magnitude
//
// Why a magnitude: one binary64 rounding of a result costs 2^-53 mag. Carried along by one binary32
// operation, it saves a conversion from binary64 a bound (those run at an eighth of the rate), and what it
// loses, since |x| + |y| >= |x + y|, is nothing beside an allowance.
//
// Proofs. Product: |XY - RN(xy)| <= |X||Y - y| + |y||X - x| + 2^-53 |xy|. Sum: the errors, and 2^-53 of the
// result. |RN(xy)| and |RN(x + y)| stay below the binary32 numbers mag mag and mag + mag rounded up, since
// rounding is monotone and binary32 numbers are binary64 numbers. A fused multiply-add in place of a product
// and a sum makes one of the two errors: the compiler may fuse. Underflow of a midpoint: below 2^-1074, and a
// magnitude that is not 0 is at least 2^-149, so that each operation's error is at least 2^-202.
// An infinite or NaN magnitude makes every error that follows infinite or NaN: such a ball decides nothing.
#pragma once

#include "oracle/cuda/directed.hpp"

namespace exactscan::device {

// What is known of a ball's error where it is made. A constant wherever operations are inlined, so that an
// exact operand's terms need no code. Leaving them out changes no value but for infinite or NaN operands,
// whose result is infinite or NaN all the same.
enum class Known : std::uint8_t { nothing, exact, zero };

struct alignas(16) Ball {
  double mid = 0;
  float mag = 0, error = 0;
  Known known = Known::nothing;

  Ball() = default;
  EXACTSCAN_HOST_DEVICE constexpr Ball(int value)  // NOLINT(google-explicit-constructor)
      : mid(value),
        mag(static_cast<float>(value < 0 ? -value : value)),
        known(value == 0 ? Known::zero : Known::exact) {}
  EXACTSCAN_HOST_DEVICE constexpr Ball(double middle, float magnitude, float distance)
      : mid(middle), mag(magnitude), error(distance) {}
  // A binary32 number (so every number of a narrower type), as it is.
  EXACTSCAN_HOST_DEVICE static Ball exactly(float x) {
    Ball ball(static_cast<double>(x), std::fabs(x), 0);
    ball.known = Known::exact;
    return ball;
  }
  EXACTSCAN_HOST_DEVICE bool is_exact() const { return known != Known::nothing; }

  EXACTSCAN_HOST_DEVICE friend Ball operator+(const Ball& x, const Ball& y) {
    if (x.known == Known::zero) return y;
    const float size = add_up(x.mag, y.mag);
    const float errors = x.is_exact() ? y.error : y.is_exact() ? x.error : add_up(x.error, y.error);
    return {x.mid + y.mid, size, add_up(errors, size)};
  }
  EXACTSCAN_HOST_DEVICE friend Ball operator*(const Ball& x, const Ball& y) {
    const float size = mul_up(x.mag, y.mag);
    const float left = x.is_exact() ? size : fma_up(y.mag, x.error, size);
    return {x.mid * y.mid, size, y.is_exact() ? left : fma_up(x.mag, y.error, left)};
  }
};

// A lower bound of |x| over the ball (0 where that is negative or NaN), given |mid| to nearest.
EXACTSCAN_HOST_DEVICE inline float least_magnitude(const Ball& x, float middle) {
  return std::fmax(fma_down(-x.error, 0x1p-53F, mul_down(middle, 1 - 0x1p-22F)), 0.0F);
}
// The ball with a magnitude as small as midpoint and error allow; NaN and infinity stay.
EXACTSCAN_HOST_DEVICE inline Ball tightened(const Ball& x, float middle) {
  return {x.mid, fma_up(x.error, 0x1p-53F, fma_up(middle, 1 + 0x1p-22F, smallest)), x.error};
}
// A bound of the distance from c to the ball's far side, rounded up; the difference is rounded by at most
// 2^-53 of itself.
EXACTSCAN_HOST_DEVICE inline float reach(const Ball& x, double c) {
  const float off = float_up(std::fabs(c - x.mid));
  return fma_up(x.error, 0x1p-53F, fma_up(off, 0x1p-23F, off));
}

}  // namespace exactscan::device
