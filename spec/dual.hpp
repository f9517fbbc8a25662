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
  bool operator==(const Dual&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Dual& x) {
    return out << x.value << " + " << x.tangent << "ε";
  }
};

}  // namespace exactscan::spec
