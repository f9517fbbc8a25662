// exp, softplus, sigmoid and silu, as the Mamba systems use them. A number type takes part by functions of
// these names beside it (found by argument-dependent lookup); for double the naive formulas stand here.
//
// Nothing is required of exp but exp(x + y) = exp(x) exp(y), and nothing of softplus and sigmoid but that
// they are functions (and, for gradients, each other's derivative as below): tests/spec/ holds the
// definitions against one another over a finite ring that has such an exp.
//
// constexpr here and in the step functions beside it: so they also serve on a GPU, where nvcc takes constexpr
// functions (--expt-relaxed-constexpr) and the number is the device's ball.
#pragma once

#include <cmath>
#include <concepts>
#include <type_traits>

#include "spec/concepts.hpp"

namespace exactscan::spec {

template <class T>
constexpr T exponential(const T& x) {
  if constexpr (std::is_floating_point_v<T>)
    return std::exp(x);
  else
    return exp(x);
}

// log(1 + e^x); the derivative is sigmoid.
template <class T>
constexpr T soft_plus(const T& x) {
  if constexpr (std::is_floating_point_v<T>)
    return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
  else
    return softplus(x);
}

// 1/(1 + e^-x); the derivative is sigmoid (1 - sigmoid).
template <class T>
constexpr T logistic(const T& x) {
  if constexpr (std::is_floating_point_v<T>)
    return 1 / (1 + std::exp(-x));
  else
    return sigmoid(x);
}

// x within [low, high]; a NaN stays.
template <class T>
constexpr T limited(const T& x, double low, double high) {
  if constexpr (std::is_floating_point_v<T>)
    return x < low ? low : x > high ? high : x;
  else
    return clamp(x, low, high);
}

// The derivative of limited: 0 beyond the limits, 1 within and at a limit itself.
template <class T>
T limited_slope(const T& x, double low, double high) {
  if constexpr (std::is_floating_point_v<T>)
    return x < low || x > high ? T(0) : T(1);
  else
    return clamp_slope(x, low, high);
}

// What the definitions of the Mamba systems need of a number; those that subtract need a ring.
template <class T>
concept ExponentialSemiring = Semiring<T> &&(std::is_floating_point_v<T> || requires(const T& x) {
  { exp(x) } -> std::convertible_to<T>;
  { softplus(x) } -> std::convertible_to<T>;
  { sigmoid(x) } -> std::convertible_to<T>;
});
template <class T>
concept ExponentialRing = Ring<T> && ExponentialSemiring<T>;

// z sigmoid(z).
template <ExponentialSemiring T>
constexpr T silu(const T& z) {
  return z * logistic(z);
}

// d silu / dz = sigmoid(z) (1 + z (1 - sigmoid(z))).
template <ExponentialRing T>
T silu_slope(const T& z) {
  const T s = logistic(z);
  return s * (one<T>() + z * (one<T>() - s));
}

}  // namespace exactscan::spec
