// Complex numbers over any exact number. The components decide what a value is: Complex<Rational> is a field,
// so is Complex<Residue<>> (-1 has no root modulo 2^61 - 1), Complex<Interval> encloses, and Complex<Dual<T>>
// differentiates by real parameters: conjugation is no obstacle to it.
#pragma once

#include <concepts>
#include <ostream>
#include <utility>

#include "spec/concepts.hpp"

namespace exactscan::spec {

// Error: that of T's operations. A quotient by a number whose squared modulus is 0 is what T makes of it.
template <class T>
struct Complex {
  using Real = T;
  static constexpr bool commutative = multiplication_commutes<T>;

  T re{};
  T im{};

  constexpr Complex() = default;
  constexpr Complex(T re_, T im_) : re(std::move(re_)), im(std::move(im_)) {}
  template <std::integral I>
  constexpr explicit Complex(I value) : re(value), im(0) {}

  friend constexpr Complex operator+(const Complex& x, const Complex& y) {
    return {x.re + y.re, x.im + y.im};
  }
  friend constexpr Complex operator-(const Complex& x, const Complex& y) {
    return {x.re - y.re, x.im - y.im};
  }
  friend constexpr Complex operator-(const Complex& x) { return {-x.re, -x.im}; }
  friend constexpr Complex operator*(const Complex& x, const Complex& y) {
    return {x.re * y.re - x.im * y.im, x.re * y.im + x.im * y.re};
  }
  friend constexpr Complex operator/(const Complex& x, const Complex& y) requires requires(const T& t) {
    t / one<T>();
  }
  {
    const T d = y.re * y.re + y.im * y.im;
    const Complex n = x * conj(y);
    return {n.re / d, n.im / d};
  }
  friend constexpr Complex conj(const Complex& x) { return {x.re, -x.im}; }
  friend constexpr T real(const Complex& x) { return x.re; }
  friend constexpr Complex complex_of(const T& x, const Complex& /*type*/) { return {x, T(0)}; }
  bool operator==(const Complex&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Complex& x) {
    return out << x.re << " + " << x.im << "i";
  }

  // e^x (cos y + i sin y), for components that have exp, cos and sin.
  friend Complex exp(const Complex& z) requires requires(const T& t) {
    exp(t);
    cos(t);
  }
  {
    const T size = exp(z.re);
    return {size * cos(z.im), size * sin(z.im)};
  }
  // e^z - 1 without cancellation near 0: expm1(x) cos y - 2 sin(y/2)^2 + i e^x sin y.
  friend Complex expm1(const Complex& z) requires requires(const T& t) {
    expm1(t);
    cos(t);
  }
  {
    const T s = sin(z.im / T(2));
    return {expm1(z.re) * cos(z.im) - T(2) * s * s, exp(z.re) * sin(z.im)};
  }
};

template <class T>
bool exactly_zero(const Complex<T>& x) {
  return exactly_zero(x.re) && exactly_zero(x.im);
}

}  // namespace exactscan::spec
