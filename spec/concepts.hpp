// The algebraic levels. Each definition in spec/ names the lowest one that it needs.
//
// A concept can check which operations a type has, not which laws they obey. The laws are named here and
// tested in tests/spec/ for the exact types. A type with the operations but only some of the laws (float, a
// ball, an interval) may be put in: evaluating then means what design.md says it means for that number.
#pragma once

#include <compare>
#include <concepts>
#include <type_traits>

namespace exactscan::spec {

// How 0 and 1 of T are made. Specialize it for a type in which T(0) and T(1) are something else.
template <class T>
struct Constants {
  static constexpr T zero() { return T(0); }
  static constexpr T one() { return T(1); }
};

template <class T>
constexpr T zero() {
  return Constants<T>::zero();
}

template <class T>
constexpr T one() {
  return Constants<T>::one();
}

// + and *, taken by const reference: all that one step of a scan needs.
template <class T>
concept MultiplyAdd = std::copyable<T> && requires(const T& x, const T& y) {
  { x + y } -> std::convertible_to<T>;
  { x* y } -> std::convertible_to<T>;
};

// Laws: + is associative and commutative with 0; * is associative with 1, distributes over + from both sides,
// and 0 absorbs. Nothing says that * commutes: matrices and formal sums of words are semirings.
template <class T>
concept Semiring = MultiplyAdd<T> && requires {
  { zero<T>() } -> std::convertible_to<T>;
  { one<T>() } -> std::convertible_to<T>;
};

// True where x * y == y * x for all values. Arithmetic types commute; another type says so by a static member
// `commutative`, or by a specialization of this trait.
template <class T>
inline constexpr bool multiplication_commutes = [] {
  if constexpr (requires {
                  { T::commutative } -> std::convertible_to<bool>;
                }) {
    return static_cast<bool>(T::commutative);
  } else {
    return std::is_arithmetic_v<T>;
  }
}();

template <class T>
concept CommutativeSemiring = Semiring<T> && multiplication_commutes<T>;

// Laws: a semiring in which x + (-x) = 0 and x - y = x + (-y).
template <class T>
concept Ring = Semiring<T> && requires(const T& x, const T& y) {
  { x - y } -> std::convertible_to<T>;
  { -x } -> std::convertible_to<T>;
};

template <class T>
concept CommutativeRing = Ring<T> && multiplication_commutes<T>;

// Laws: a commutative ring in which (x / y) * y = x for every y but 0. What division by 0 does, the type
// says.
template <class T>
concept Field = CommutativeRing<T> && requires(const T& x, const T& y) {
  { x / y } -> std::convertible_to<T>;
};

// Laws: a total order that + preserves, and that * by a non-negative element preserves; |x| = max(x, -x).
template <class T>
concept OrderedRing = CommutativeRing<T> && std::totally_ordered<T> && requires(const T& x) {
  { abs(x) } -> std::convertible_to<T>;
};

template <class T>
concept OrderedField = OrderedRing<T> && Field<T>;

// Whether a number is certainly 0. (An interval: the point 0. Other number types add their own.)
template <class T>
requires std::equality_comparable<T>
bool exactly_zero(const T& x) { return x == zero<T>(); }
template <class T>
requires requires(const T& t) { certainly_equal(t, t); }
bool exactly_zero(const T& x) { return certainly_equal(x, T(0)); }

}  // namespace exactscan::spec
