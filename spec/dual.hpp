// Dual numbers over any ring: value + tangent*ε with ε² = 0. Evaluating a definition with them gives its
// exact derivative in the direction of the tangents; the hand-written adjoints are held against that.
#pragma once

#include <concepts>
#include <ostream>
#include <utility>

#include "spec/concepts.hpp"

namespace exactscan::spec {

template <MultiplyAdd T>
struct Dual {
  static constexpr bool commutative = multiplication_commutes<T>;

  T value{};
  T tangent{};

  constexpr Dual() = default;
  constexpr Dual(T value_, T tangent_) : value(std::move(value_)), tangent(std::move(tangent_)) {}
  // A constant.
  template <std::integral I>
  constexpr explicit Dual(I constant) : value(constant), tangent(0) {}

  friend constexpr Dual operator+(const Dual& x, const Dual& y) {
    return {x.value + y.value, x.tangent + y.tangent};
  }
  friend constexpr Dual operator*(const Dual& x, const Dual& y) {
    return {x.value * y.value, x.value * y.tangent + x.tangent * y.value};
  }
  friend constexpr Dual operator-(const Dual& x) requires Ring<T> { return {-x.value, -x.tangent}; }
  friend constexpr Dual operator-(const Dual& x, const Dual& y) requires Ring<T> {
    return {x.value - y.value, x.tangent - y.tangent};
  }
  friend constexpr Dual operator/(const Dual& x, const Dual& y) requires Field<T> {
    const T q = x.value / y.value;
    return {q, (x.tangent - q * y.tangent) / y.value};
  }
  friend Dual exp(const Dual& x) requires requires(const T& t) { exp(t); }
  {
    const T e = exp(x.value);
    return {e, x.tangent * e};
  }
  friend Dual expm1(const Dual& x) requires requires(const T& t) { expm1(t); }
  { return {expm1(x.value), x.tangent * exp(x.value)}; }
  friend Dual sin(const Dual& x) requires requires(const T& t) { sin(t), cos(t); }
  { return {sin(x.value), x.tangent * cos(x.value)}; }
  friend Dual cos(const Dual& x) requires requires(const T& t) { sin(t), cos(t); }
  { return {cos(x.value), -(x.tangent * sin(x.value))}; }
  bool operator==(const Dual&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Dual& x) {
    return out << x.value << " + " << x.tangent << "ε";
  }
};

template <class T>
bool exactly_zero(const Dual<T>& x) {
  return exactly_zero(x.value) && exactly_zero(x.tangent);
}

}  // namespace exactscan::spec
