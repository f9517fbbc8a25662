// Discretizations of x' = a x + b: how a step of length e (or d) becomes x_t = Abar(e, a) x_{t-1} + Bbar(d,
// a) b_t. Source: lrnnx, lrnnx/ops/simplified_scan.py.
//
//   method    Abar(e, a)               Bbar(d, a)
//   bilinear  (2 + e a)/(2 - e a)      2 d/(2 - d a)
//   zoh       exp(e a)                 (exp(d a) - 1)/a, which is d at a = 0
//   dirac     exp(e a)                 1
//
// The step that enters Abar and the one that enters Bbar may differ (deltaA and delta). Bilinear has poles at
// e a = 2 and d a = 2. Z is a field of complex numbers, the steps lifted into it; zoh and dirac need exp and
// expm1 of Z.
#pragma once

#include <cstdint>

#include "spec/complex.hpp"

namespace exactscan::spec {

enum class Discretization : std::uint8_t { bilinear, zoh, dirac };

template <class Z>
struct DiscreteStep {
  Z multiplier, gain;  // Abar, Bbar
};

// The partial derivatives of Abar and Bbar by a and by their own step.
template <class Z>
struct DiscreteStepPartials {
  Z multiplier_by_a, multiplier_by_step, gain_by_a, gain_by_step;
};

template <class Z>
DiscreteStep<Z> bilinear(const Z& e, const Z& d, const Z& a) {
  const Z two(2), ea = e * a;
  return {(two + ea) / (two - ea), (d + d) / (two - d * a)};
}

// 4e/(2 - ea)^2, 4a/(2 - ea)^2, 2d^2/(2 - da)^2, 4/(2 - da)^2.
template <class Z>
DiscreteStepPartials<Z> bilinear_partials(const Z& e, const Z& d, const Z& a) {
  const Z two(2), r = two / (two - e * a), s = two / (two - d * a), ds = d * s;
  return {e * r * r, a * r * r, ds * ds / two, s * s};
}

template <class Z>
Z zoh_gain(const Z& d, const Z& a) {
  return exactly_zero(a) ? d : expm1(d * a) / a;
}
template <class Z>
DiscreteStep<Z> zoh(const Z& e, const Z& d, const Z& a) {
  return {exp(e * a), zoh_gain(d, a)};
}

// e exp(ea), a exp(ea), (d exp(da) - Bbar)/a, exp(da); the third is d^2/2 at a = 0.
template <class Z>
DiscreteStepPartials<Z> zoh_partials(const Z& e, const Z& d, const Z& a) {
  const Z m = exp(e * a), g = exp(d * a);
  return {e * m, a * m, exactly_zero(a) ? d * d / Z(2) : (d * g - zoh_gain(d, a)) / a, g};
}

template <class Z>
DiscreteStep<Z> dirac(const Z& e, const Z& a) {
  return {exp(e * a), Z(1)};
}

template <class Z>
DiscreteStepPartials<Z> dirac_partials(const Z& e, const Z& a) {
  const Z m = exp(e * a);
  return {e * m, a * m, Z(0), Z(0)};
}

template <class Z>
concept HasExponential = requires(const Z& z) {
  exp(z);
  expm1(z);
};

// Any of the three. A number without an exponential can only be discretized by bilinear; requires that then.
template <class Z>
DiscreteStep<Z> discretize(Discretization method, const Z& e, const Z& d, const Z& a) {
  if constexpr (HasExponential<Z>) {
    if (method == Discretization::zoh) return zoh(e, d, a);
    if (method == Discretization::dirac) return dirac(e, a);
  }
  return bilinear(e, d, a);
}

template <class Z>
DiscreteStepPartials<Z> discretize_partials(Discretization method, const Z& e, const Z& d, const Z& a) {
  if constexpr (HasExponential<Z>) {
    if (method == Discretization::zoh) return zoh_partials(e, d, a);
    if (method == Discretization::dirac) return dirac_partials(e, a);
  }
  return bilinear_partials(e, d, a);
}

}  // namespace exactscan::spec
