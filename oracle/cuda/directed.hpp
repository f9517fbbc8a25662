// Directed rounding in binary32 and the few operations on the bits of doubles that the device ball needs, for
// the device and, with the same meaning, for the host: the ball is tested there.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>

#ifdef __CUDACC__
#define EXACTSCAN_HOST_DEVICE __host__ __device__
#else
#define EXACTSCAN_HOST_DEVICE
#endif

#ifdef __FAST_MATH__
#error "Exactscan decides verdicts by rounding errors: do not compile it with -ffast-math"
#endif
#if defined(__CUDA_ARCH__) && defined(__CUDA_FTZ) && __CUDA_FTZ
#error "the device ball needs gradual underflow: do not compile it with -ftz=true"
#endif

namespace exactscan::device {

inline constexpr float infinity = std::numeric_limits<float>::infinity();
inline constexpr float smallest = 0x1p-149F;

namespace directed {

// The exact value of x * y + z is `sum` + `rest` (rest: what TwoSum found), and x * y is exact in binary64.
EXACTSCAN_HOST_DEVICE inline float toward(double sum, double rest, float direction) {
  const auto f = static_cast<float>(sum);
  if (!(std::fabs(sum) <= std::numeric_limits<double>::max())) return f;
  const double off = (sum - static_cast<double>(f)) + rest;  // of the right sign
  if (direction > 0 ? off > 0 : off < 0) return std::nextafter(f, direction);
  // Overflow to the wrong side: the largest finite number bounds from below.
  if (std::isinf(f) && (f > 0) != (direction > 0)) return std::nextafter(f, direction);
  return f;
}
EXACTSCAN_HOST_DEVICE inline float fma(float x, float y, float z, float direction) {
  const double product = static_cast<double>(x) * static_cast<double>(y), addend = z;
  const double sum = product + addend;
  const double back = sum - product;
  return toward(sum, (product - (sum - back)) + (addend - back), direction);
}

}  // namespace directed

// x * y + z, x * y, x + y, x, rounded once: toward plus infinity (up), toward minus infinity (down).
#ifdef __CUDA_ARCH__
__device__ inline float fma_up(float x, float y, float z) { return __fmaf_ru(x, y, z); }
__device__ inline float fma_down(float x, float y, float z) { return __fmaf_rd(x, y, z); }
__device__ inline float mul_up(float x, float y) { return __fmul_ru(x, y); }
__device__ inline float mul_down(float x, float y) { return __fmul_rd(x, y); }
__device__ inline float add_up(float x, float y) { return __fadd_ru(x, y); }
__device__ inline float add_down(float x, float y) { return __fadd_rd(x, y); }
__device__ inline float float_up(double x) { return __double2float_ru(x); }
__device__ inline float float_down(double x) { return __double2float_rd(x); }
#else
inline float fma_up(float x, float y, float z) { return directed::fma(x, y, z, infinity); }
inline float fma_down(float x, float y, float z) { return directed::fma(x, y, z, -infinity); }
inline float mul_up(float x, float y) { return directed::fma(x, y, 0, infinity); }
inline float mul_down(float x, float y) { return directed::fma(x, y, 0, -infinity); }
inline float add_up(float x, float y) { return directed::fma(x, 1, y, infinity); }
inline float add_down(float x, float y) { return directed::fma(x, 1, y, -infinity); }
inline float float_up(double x) { return directed::toward(x, 0, infinity); }
inline float float_down(double x) { return directed::toward(x, 0, -infinity); }
#endif

// The halves of a double's bits, and a double of halves.
#ifdef __CUDA_ARCH__
__device__ inline std::int32_t high_word(double x) { return __double2hiint(x); }
__device__ inline std::int32_t low_word(double x) { return __double2loint(x); }
__device__ inline double of_words(std::int32_t high, std::int32_t low) { return __hiloint2double(high, low); }
#else
inline std::int64_t bits_of(double x) {
  std::int64_t bits = 0;
  std::memcpy(&bits, &x, sizeof bits);
  return bits;
}
inline std::int32_t high_word(double x) { return static_cast<std::int32_t>(bits_of(x) >> 32); }
inline std::int32_t low_word(double x) { return static_cast<std::int32_t>(bits_of(x) & 0xffffffff); }
inline double of_words(std::int32_t high, std::int32_t low) {
  const std::uint64_t bits =
      std::uint64_t{static_cast<std::uint32_t>(high)} << 32 | static_cast<std::uint32_t>(low);
  double x = 0;
  std::memcpy(&x, &bits, sizeof x);
  return x;
}
#endif

}  // namespace exactscan::device
