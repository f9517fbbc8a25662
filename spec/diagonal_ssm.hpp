// The diagonal state-space model: h_{t+1} = A⊙h_t + B⊙x_t, read out as C⊙h + D⊙x.
// Source: TorchLean, NN.Spec.Dynamics.StateSpace. The functions of one channel need no memory; a caller that
// streams over time uses them directly. The time-varying form, with A and B of its own at each step, is
// TorchLean's CUDA kernel `selective_scan_diag_var_fwd`: the same affine scan with other transitions.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "spec/diagonal.hpp"

namespace exactscan::spec {

// One channel, one step: a*h + b*x.
template <MultiplyAdd T>
constexpr T ssm_step(const T& a, const T& b, T h, const T& x) {
  return a * std::move(h) + b * x;
}

// One channel: the transition {a, b*x} that step makes.
template <MultiplyAdd T>
constexpr ScalarAffineTransition<T> ssm_transition(const T& a, const T& b, const T& x) {
  return {a, b * x};
}

// One channel: c*h + d*x.
template <MultiplyAdd T>
constexpr T ssm_readout(const T& c, const T& d, const T& h, const T& x) {
  return c * h + d * x;
}

// {A, B⊙x}. Throws std::invalid_argument for different sizes, as everything here does.
template <MultiplyAdd T>
DiagonalTransition<T> ssm_transition(const std::vector<T>& A, const std::vector<T>& B,
                                     const std::vector<T>& x) {
  require_same_size(A.size(), x.size());
  require_same_size(B.size(), x.size());
  DiagonalTransition<T> result{A, {}};
  for (std::size_t n = 0; n < x.size(); ++n) result.b.push_back(B[n] * x[n]);
  return result;
}

template <class T>
struct DiagonalSSM {
  std::vector<T> A, B, C, D;  // all of one size

  // A⊙h + B⊙x.
  std::vector<T> step(std::vector<T> h, const std::vector<T>& x) const requires MultiplyAdd<T> {
    require_sizes(h.size(), x.size());
    for (std::size_t n = 0; n < h.size(); ++n) h[n] = ssm_step(A[n], B[n], std::move(h[n]), x[n]);
    return h;
  }

  // C⊙h + D⊙x.
  std::vector<T> readout(const std::vector<T>& h, const std::vector<T>& x) const requires MultiplyAdd<T> {
    require_sizes(h.size(), x.size());
    std::vector<T> y;
    y.reserve(h.size());
    for (std::size_t n = 0; n < h.size(); ++n) y.push_back(ssm_readout(C[n], D[n], h[n], x[n]));
    return y;
  }

  // {A, B⊙x}: transition(x).apply(h) = step(h, x).
  DiagonalTransition<T> transition(const std::vector<T>& x) const requires MultiplyAdd<T> {
    return ssm_transition(A, B, x);
  }

  // The states after each input.
  std::vector<std::vector<T>> scan(std::vector<T> h0,
                                   std::span<const std::vector<T>> xs) const requires MultiplyAdd<T> {
    std::vector<DiagonalTransition<T>> transitions;
    transitions.reserve(xs.size());
    for (const auto& x : xs) transitions.push_back(transition(x));
    return diagonal_selective_scan(std::move(h0), transitions);
  }

 private:
  void require_sizes(std::size_t h, std::size_t x) const {
    for (std::size_t size : {B.size(), C.size(), D.size(), h, x}) require_same_size(A.size(), size);
  }
};

// The states of the time-varying model: A, B and x have one row a step.
template <MultiplyAdd T>
std::vector<std::vector<T>> time_varying_ssm_scan(std::vector<T> h0,
                                                  std::span<const std::vector<std::type_identity_t<T>>> A,
                                                  std::span<const std::vector<std::type_identity_t<T>>> B,
                                                  std::span<const std::vector<std::type_identity_t<T>>> xs) {
  require_same_size(A.size(), xs.size());
  require_same_size(B.size(), xs.size());
  std::vector<DiagonalTransition<T>> transitions;
  transitions.reserve(xs.size());
  for (std::size_t t = 0; t < xs.size(); ++t) transitions.push_back(ssm_transition(A[t], B[t], xs[t]));
  return diagonal_selective_scan(std::move(h0), transitions);
}

}  // namespace exactscan::spec
