// Lanes: eight doubles side by side, one a channel. Written with the compilers' vector types, so that one
// source serves every instruction set and every scalar type: each function here has a twin for plain scalars,
// and the recurrences above are templates over the two.
//
// Two vectors of four, since that is what AVX2's registers hold: g++ takes comparisons of wider vectors
// apart, element by element. A structure of both, since it is then passed in memory whatever a function is
// compiled for: a bare vector of four is not. So functions below take and return Lanes and LaneMask, never
// their halves.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>

#ifdef __FAST_MATH__
#error "Exactscan decides verdicts by rounding errors: do not compile it with -ffast-math"
#endif

namespace exactscan {

inline constexpr int lane_count = 8;
typedef double FourDoubles __attribute__((vector_size(32)));
typedef std::int64_t FourMasks __attribute__((vector_size(32)));  // each lane 0 or -1
typedef float FourFloats __attribute__((vector_size(16)));

struct alignas(64) LaneMask {
  FourMasks low{}, high{};

  std::int64_t operator[](std::int64_t i) const { return i < 4 ? low[i] : high[i - 4]; }
  void set(std::int64_t i) { i < 4 ? low[i] = -1 : high[i - 4] = -1; }
  friend LaneMask operator&(const LaneMask& m, const LaneMask& n) { return {m.low & n.low, m.high & n.high}; }
  friend LaneMask operator|(const LaneMask& m, const LaneMask& n) { return {m.low | n.low, m.high | n.high}; }
  friend LaneMask operator~(const LaneMask& m) { return {~m.low, ~m.high}; }
};

struct alignas(64) Lanes {
  FourDoubles low{}, high{};

  double operator[](std::int64_t i) const { return i < 4 ? low[i] : high[i - 4]; }
  void set(std::int64_t i, double x) { i < 4 ? low[i] = x : high[i - 4] = x; }
  friend Lanes operator+(const Lanes& x, const Lanes& y) { return {x.low + y.low, x.high + y.high}; }
  friend Lanes operator+(const Lanes& x, double y) { return {x.low + y, x.high + y}; }
  friend Lanes operator-(const Lanes& x, const Lanes& y) { return {x.low - y.low, x.high - y.high}; }
  friend Lanes operator-(const Lanes& x, double y) { return {x.low - y, x.high - y}; }
  friend Lanes operator/(const Lanes& x, const Lanes& y) { return {x.low / y.low, x.high / y.high}; }
  friend Lanes operator-(const Lanes& x) { return {-x.low, -x.high}; }
  friend Lanes operator*(const Lanes& x, const Lanes& y) { return {x.low * y.low, x.high * y.high}; }
  friend Lanes operator*(const Lanes& x, double y) { return {x.low * y, x.high * y}; }
  friend LaneMask operator<(const Lanes& x, const Lanes& y) { return {x.low < y.low, x.high < y.high}; }
  friend LaneMask operator<=(const Lanes& x, const Lanes& y) { return {x.low <= y.low, x.high <= y.high}; }
  friend LaneMask operator>(const Lanes& x, const Lanes& y) { return {x.low > y.low, x.high > y.high}; }
  friend LaneMask operator==(const Lanes& x, const Lanes& y) { return {x.low == y.low, x.high == y.high}; }

  // The bits that `bits` has set, lane by lane.
  friend Lanes masked(const Lanes& x, std::int64_t bits) {
    return {(FourDoubles)((FourMasks)x.low & bits), (FourDoubles)((FourMasks)x.high & bits)};
  }
};

// The alignment of a structure that holds values of type V, which come first in it. The compiler's own choice
// for Lanes depends on the instruction set that a function is compiled for, so every such structure states
// it.
template <class V>
inline constexpr std::size_t alignment_for = alignof(V);
template <>
inline constexpr std::size_t alignment_for<Lanes> = sizeof(Lanes);

template <class V>
struct MaskOf {
  using type = bool;
};
template <>
struct MaskOf<Lanes> {
  using type = LaneMask;
};
template <class V>
using Mask = typename MaskOf<V>::type;

// A value in every lane.
template <class V>
inline V broadcast(double x) {
  return V(x);
}
template <>
inline Lanes broadcast<Lanes>(double x) {
  Lanes lanes;
  lanes.low = FourDoubles{x, x, x, x};
  lanes.high = FourDoubles{x, x, x, x};
  return lanes;
}

// mask ? a : b, lane by lane.
inline Lanes select(const LaneMask& mask, const Lanes& a, const Lanes& b) {
  return {mask.low ? a.low : b.low, mask.high ? a.high : b.high};
}
template <class V>
inline V select(bool mask, const V& a, const V& b) {
  return mask ? a : b;
}

inline Lanes magnitude(const Lanes& a) { return masked(a, std::numeric_limits<std::int64_t>::max()); }
inline double magnitude(double a) { return std::fabs(a); }
inline long double magnitude(long double a) { return std::fabs(a); }

inline LaneMask negation(const LaneMask& m) { return ~m; }
inline bool negation(bool m) { return !m; }
inline LaneMask either(const LaneMask& m, const LaneMask& n) { return m | n; }
inline bool either(bool m, bool n) { return m || n; }
inline LaneMask is_zero(const Lanes& x) { return x == Lanes{}; }
inline bool is_zero(double x) { return x == 0; }
inline LaneMask both(const LaneMask& m, const LaneMask& n) { return m & n; }
inline bool both(bool m, bool n) { return m && n; }

// Where an operand is NaN, the second one.
template <class V>
inline V larger(const V& a, const V& b) {
  return select(a > b, a, b);
}
template <class V>
inline V smaller(const V& a, const V& b) {
  return select(a < b, a, b);
}

inline bool any(const LaneMask& m) {
  const FourMasks four = m.low | m.high;
  return ((four[0] | four[1]) | (four[2] | four[3])) != 0;
}
inline bool any(bool m) { return m; }

// |x| of an input (double or lanes of it) as a bound's type.
template <class V, class B>
inline V magnitude_as(const B& x) {
  return V(magnitude(x));
}

// Zero or a power of two (or not finite): multiplying by it is exact but for underflow and overflow.
inline LaneMask zero_or_power_of_two(const Lanes& a) {
  const Lanes fraction = masked(a, 0x000fffffffffffff);
  return {(FourMasks)fraction.low == 0, (FourMasks)fraction.high == 0};
}
inline bool zero_or_power_of_two(double a) {
  int exponent = 0;
  const double m = std::frexp(std::fabs(a), &exponent);
  return m == 0 || m == 0.5;
}

// A scalar bound in every lane (for scalar types: itself).
template <class V, class S>
inline V spread(const S& x) {
  return V(x);
}
template <>
inline Lanes spread<Lanes, double>(const double& x) {
  return broadcast<Lanes>(x);
}

// How many channels a scalar type holds, and one of them.
template <class B>
inline constexpr int width_of = 1;
template <>
inline constexpr int width_of<Lanes> = lane_count;
inline double lane(const Lanes& x, int i) { return x[i]; }
template <class V>
inline const V& lane(const V& x, int) {
  return x;
}

// The upward margin: computed non-negative sums and products of at most fifteen operations, times this, bound
// the exact ones from above (up to underflow, for which see ScanAllowance).
template <class V>
struct UpwardMargin {
  static constexpr double value = 1 + 0x1p-49;
};
template <>
struct UpwardMargin<long double> {
  static constexpr long double value =
      std::numeric_limits<long double>::digits >= 64 ? 1 + 0x1p-60L : 1 + 0x1p-49L;
};
template <class V>
inline V up(const V& x) {
  return x * UpwardMargin<V>::value;
}

}  // namespace exactscan
