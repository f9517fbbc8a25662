// Dependence: whether a value depends on an input that is NaN or infinite. An abstract complex number: the
// definitions of spec/ are evaluated over it as over any other, and every operation passes on what its
// operands depend on.
#pragma once

namespace exactscan {

struct Dependence {
  using Real = Dependence;
  static constexpr bool commutative = true;
  bool special = false;

  Dependence() = default;
  explicit Dependence(int) {}
  static Dependence of(bool special_input) {
    Dependence d;
    d.special = special_input;
    return d;
  }

  friend Dependence operator+(Dependence x, Dependence y) { return of(x.special || y.special); }
  friend Dependence operator-(Dependence x, Dependence y) { return x + y; }
  friend Dependence operator*(Dependence x, Dependence y) { return x + y; }
  friend Dependence operator/(Dependence x, Dependence y) { return x + y; }
  friend Dependence operator-(Dependence x) { return x; }
  friend Dependence conj(Dependence x) { return x; }
  friend Dependence real(Dependence x) { return x; }
  friend Dependence exp(Dependence x) { return x; }
  friend Dependence expm1(Dependence x) { return x; }
  friend bool exactly_zero(Dependence) { return false; }
};

}  // namespace exactscan
