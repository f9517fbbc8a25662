// exp, softplus, sigmoid of the device ball, by tables and short polynomials: a stated enclosure, a few
// thousand roundings of binary64 wide (2^-39 of the value), which is 2^15 times finer than one rounding of
// the binary32 kernels that it judges. Nothing is assumed of a mathematical library. Held against MPFR by
// tests/cuda/check_ball_test.cpp.
#pragma once

#include <array>
#include <type_traits>

#include "oracle/cuda/ball.hpp"
#include "oracle/cuda/tables.hpp"

namespace exactscan::device {

struct LogEntry {
  double inverse, log;
};
struct Tables {
  double exp[32];  // with the index taken out of the exponent field: see exp_middle
  LogEntry log[32];
};

// 2^(i/32) less i units of the place at which exp_middle adds its integer.
inline double without_index(double value, int i) {
  return of_words(high_word(value) - (i << 15), low_word(value));
}
inline Tables make_tables() {
  constexpr std::array<double, 32> powers{EXACTSCAN_EXP_TABLE};
  constexpr std::array<std::array<double, 2>, 32> logs{{EXACTSCAN_LOG_TABLE}};
  Tables tables{};
  for (int i = 0; i < 32; ++i) {
    const auto at = static_cast<std::size_t>(i);
    tables.exp[i] = without_index(powers[at], i);
    tables.log[i] = {logs[at][0], logs[at][1]};
  }
  return tables;
}

#ifdef __CUDA_ARCH__
// One copy a block, in shared memory; the kernel fills it before use.
__device__ inline Tables& tables() {
  __shared__ Tables shared;
  return shared;
}
#else
inline const Tables& tables() {
  static const Tables host = make_tables();
  return host;
}
#endif

// Roundings of binary64, relative to the result: see below.
inline constexpr float exp_error = 12288, log_error = 36864;
// 2^29 roundings of 1 are a radius of 2^-24: the functions below take no wider argument.
inline constexpr float widest_argument = 0x1p29F;

// e^x for x in [-701, 101], with an error of at most 11900 * 2^-53 of it.
//
// x = k ln2/32 + r with k = RN(32 x/ln2), found by adding 1.5 * 2^52: |k| < 2^15, |r| <= ln2/64 (1 + 2^-35).
// ln2/32 is off by at most 2^-59 and k of it by 2^-44; r is rounded by 2^-60: a relative error of 2^-43.9 =
// 571 roundings. The series ends at r^4/24: what follows is at most |r|^5/120 (1 + 2^-8) < 1.253e-12 < 11290
// roundings. The table's entry (half a rounding), the last operation (half) and the series' own (below one,
// since |r| < 2^-6) stay below 3. In all < 11900.
// k = 32 m + i: 2^m 2^(i/32) is the entry plus k in the place 15 bits above the low end of the high word: the
// entry's exponent field already lacks i.
// Outside [-701, 101] the argument is first brought to its ends by comparing high words as whole numbers.
EXACTSCAN_HOST_DEVICE inline double exp_middle(double x) {
  constexpr std::uint32_t low_end = 0xc085e000;  // of -700
  constexpr std::int32_t high_end = 0x40590000;  // of 100
  const auto word = static_cast<std::uint32_t>(high_word(x));
  const auto kept = static_cast<std::int32_t>(word < low_end ? word : low_end);
  const double safe = of_words(kept < high_end ? kept : high_end, low_word(x));
  const double shifted = std::fma(safe, 0x1.71547652b82fep+5, 0x1.8p52);  // 32/ln 2
  const std::int32_t k = low_word(shifted);
  const double r = std::fma(shifted - 0x1.8p52, -0x1.62e42fefa39efp-6, safe);
  const double entry = tables().exp[k & 31];
  const double power = of_words(high_word(entry) + (k << 15), low_word(entry));
  double series = std::fma(r, 0x1.5555555555555p-5, 0x1.5555555555555p-3);
  series = std::fma(series, r, 0.5);
  series = std::fma(series, r, 1.0) * r;
  return std::fma(power, series, power);
}

// An upper bound of |x| for every x within 2^-23 of `middle`, and a lower one; above `extra` if that is not
// 0.
EXACTSCAN_HOST_DEVICE inline float magnitude_above(float middle, float extra) {
  return fma_up(middle, 1 + 0x1p-22F, extra);
}
EXACTSCAN_HOST_DEVICE inline float magnitude_below(float middle) { return mul_down(middle, 1 - 0x1p-22F); }

// Next to nothing for a radius that the functions take, else infinite: added to a bound, it lets nothing be
// decided.
EXACTSCAN_HOST_DEVICE inline float beyond(float error) {
  return error <= widest_argument ? smallest : infinity;
}

// The argument's radius r <= 2^-24 changes e^x by a factor of at most e^r <= 1 + r (1 + 2^-24). Below -700
// the value lies in [0, 2^-1009] as its midpoint does: the added 2^-149 roundings cover it. Above 100 the
// magnitude is infinite, since e^100 is no binary32 number.
// Requires: x.error <= widest_argument, or not finite (the result's error is then not finite either). The one
// function here that runs once a state does not check it: token_step sees to it.
EXACTSCAN_HOST_DEVICE inline Ball exp(const Ball& x) {
  const double middle = exp_middle(x.mid);
  // An exact NaN or infinity shows in its magnitude alone.
  const float extra = x.is_exact() ? smallest + 0 * x.mag : smallest;
  const float size = magnitude_above(static_cast<float>(middle), extra);
  const float relative = x.is_exact() ? exp_error : fma_up(x.error, 1 + 0x1p-20F, exp_error);
  return {middle, size, fma_up(size, relative, extra)};
}

// log(1 + t) for t in [0, 1], with an error of at most 36000 * 2^-53 of it.
//
// i = floor(32 t), or one more just below a whole number (1 + t is rounded), c the table's entry: 1 + t = (1
// + r)/c with r = t c + (c - 1), where c - 1 is exact. For i = 0, c = 1 and r = t itself, |r| <= 1/32; else
// |r| < 0.017. The series ends at r^7/7: what follows is at most |r|^8/8 (1 + 2|r|): for i = 0 that is r^7/8
// times at most 1.08 of log1p(r), 3.93e-12 = 35400 roundings, and for i > 0 below 2^-49.9, where the result
// is above 0.03. The roundings: of r (2^-60, i > 0), of the table's logarithm, of the series and of the sum:
// below 64 roundings of a result above 0.03, and below 4 for i = 0. In all < 36000.
EXACTSCAN_HOST_DEVICE inline double log1p_middle(double t) {
  const std::int32_t i = (high_word(1 + t) - 0x3ff00000) >> 15;
  const LogEntry entry = tables().log[i < 31 ? i : 31];
  const double r = std::fma(t, entry.inverse, entry.inverse - 1);
  double series = std::fma(r, 1.0 / 7, -1.0 / 6);
  series = std::fma(series, r, 1.0 / 5);
  series = std::fma(series, r, -1.0 / 4);
  series = std::fma(series, r, 1.0 / 3);
  series = std::fma(series, r, -0.5);
  return std::fma(series * r, r, r) + entry.log;
}

// log(1 + e^x) = max(x, 0) + log1p(t), t = e^-|x|. The error of t enters by a slope of at most 1, the
// argument's radius by that of softplus: at most 1, and at most e^x where x < 0, up to the radius.
EXACTSCAN_HOST_DEVICE inline Ball softplus(const Ball& x) {
  const bool negative = x.mid < 0;
  Ball point(-std::fabs(x.mid), x.mag, 0);
  point.known = Known::exact;
  const Ball t = exp(point);
  const double log = log1p_middle(t.mid);
  const float extra = beyond(x.error) + 0 * x.mag;
  const float log_mag = magnitude_above(static_cast<float>(log), extra);
  const float slope = negative && t.mag < 1 ? magnitude_above(t.mag, 0) : 1;
  const float error = fma_up(x.error, slope, fma_up(log_mag, log_error, t.error));
  const Ball part(log, log_mag, error);
  if (negative) return part;
  const float size = add_up(x.mag, log_mag);
  return {x.mid + log, size, add_up(error, size)};
}

// 1/x for x in [1, 2], with an error of at most 2^-43 of it, or NaN: Newton's method from a first guess q, of
// which only the residual e = 1 - x q is known. After two steps the error is e^4, and each operation's: with
// |e| <= 2^-11, 2^-44 and 2^-51. Other guesses give NaN.
EXACTSCAN_HOST_DEVICE inline double reciprocal(double x) {
#ifdef __CUDA_ARCH__
  double q;
  asm("rcp.approx.ftz.f64 %0, %1;" : "=d"(q) : "d"(x));
#else
  double q = static_cast<double>(1 / static_cast<float>(x));
#endif
  const double e = std::fma(-x, q, 1.0);
  if (!(std::fabs(e) <= 0x1p-11)) return std::numeric_limits<double>::quiet_NaN();
  q = std::fma(q, e, q);
  return std::fma(q, std::fma(-x, q, 1.0), q);
}

// 1/(1 + e^-x) = 1/(1 + t), or t/(1 + t) where x < 0, t = e^-|x|: an error of t of 11900 roundings makes one
// of at most as many, relative; the reciprocal has 2^10 more, and there are two more operations. The slope is
// at most 1/4 and at most the value, up to the radius.
EXACTSCAN_HOST_DEVICE inline Ball sigmoid(const Ball& x) {
  const double t = exp_middle(-std::fabs(x.mid)), inverse = reciprocal(1 + t);
  const double middle = x.mid < 0 ? t * inverse : inverse;
  // A NaN argument has a middle that is a number: its magnitude must not be.
  const float extra = (x.is_exact() ? smallest : beyond(x.error)) + 0 * x.mag;
  const float size = magnitude_above(static_cast<float>(middle), extra);
  const float own = fma_up(size, exp_error + 1024, extra);
  if (x.is_exact()) return {middle, size, own};
  const float slope = size < 0.25F ? magnitude_above(size, 0) : 0.25F;
  return {middle, size, fma_up(x.error, slope, own)};
}

// x within [low, high], which moves no two numbers further apart.
EXACTSCAN_HOST_DEVICE inline Ball clamp(const Ball& x, double low, double high) {
  const double middle = x.mid < low ? low : x.mid > high ? high : x.mid;
  return {middle, fma_up(x.error, 0x1p-53F, float_up(std::fabs(middle))), x.error};
}

}  // namespace exactscan::device
