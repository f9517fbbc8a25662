// The backward recurrence of the diagonal state-space model: gradients of a loss of all states, given dY_t,
// the loss's derivative by state h_t. Source: TorchLean's CUDA kernel `selective_scan_diag_bwd`.
//
// With g_t = dY_t + carry and carry = 0 after the last step, backwards in time:
//   dA += g_t*h_{t-1} (h_{-1} = h0),  dB += g_t*x_t,  dx_t = g_t*B,  carry <- g_t*A;  dh0 is the last carry.
// Where A and B vary with time, so do dA and dB, and nothing is summed. It is the adjoint of the forward map
// over any commutative ring.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "spec/diagonal_ssm.hpp"

namespace exactscan::spec {

// One channel, one step backwards: the state's gradient g_t, what step t contributes to dA and dB, dx_t, and
// the carry to step t-1.
template <class T>
struct SsmAdjointStep {
  T g, dA, dB, dx, carry;
};

template <MultiplyAdd T>
constexpr SsmAdjointStep<T> ssm_adjoint_step(const T& a, const T& b, const T& h_previous, const T& x,
                                             const T& dy, const T& carry) {
  const T g = dy + carry;
  return {g, g * h_previous, g * x, g * b, g * a};
}

// Gradients of the model with constant A and B: dA, dB, dh0 of size N; dx one row a step.
template <class T>
struct SsmGradients {
  std::vector<T> dA, dB;
  std::vector<std::vector<T>> dx;
  std::vector<T> dh0;
};

// Gradients of the time-varying model: dA and dB have one row a step as well.
template <class T>
struct TimeVaryingSsmGradients {
  std::vector<std::vector<T>> dA, dB, dx;
  std::vector<T> dh0;
};

template <class T>
using Rows = std::span<const std::vector<std::type_identity_t<T>>>;

// A, B, xs and dY have one row a step, of the size of h0.
// Throws std::invalid_argument for numbers of rows or sizes that differ.
template <Semiring T>
TimeVaryingSsmGradients<T> time_varying_ssm_adjoint(const std::vector<T>& h0, Rows<T> A, Rows<T> B,
                                                    Rows<T> xs, Rows<T> dY) {
  require_same_size(dY.size(), xs.size());
  const std::vector<std::vector<T>> h = time_varying_ssm_scan(h0, A, B, xs);
  const std::vector<T> zeros(h0.size(), zero<T>());
  const std::vector<std::vector<T>> rows(xs.size(), zeros);
  TimeVaryingSsmGradients<T> result{rows, rows, rows, zeros};
  std::vector<T>& carry = result.dh0;
  for (std::size_t t = xs.size(); t-- > 0;) {
    require_same_size(dY[t].size(), h0.size());
    const std::vector<T>& h_previous = t == 0 ? h0 : h[t - 1];
    for (std::size_t n = 0; n < h0.size(); ++n) {
      SsmAdjointStep<T> step =
          ssm_adjoint_step(A[t][n], B[t][n], h_previous[n], xs[t][n], dY[t][n], carry[n]);
      result.dA[t][n] = std::move(step.dA);
      result.dB[t][n] = std::move(step.dB);
      result.dx[t][n] = std::move(step.dx);
      carry[n] = std::move(step.carry);
    }
  }
  return result;
}

// The same A and B at every step: dA and dB are the sums of the steps' contributions, last step first.
template <Semiring T>
SsmGradients<T> ssm_adjoint(const std::vector<T>& A, const std::vector<T>& B, const std::vector<T>& h0,
                            Rows<T> xs, Rows<T> dY) {
  const std::vector<std::vector<T>> A_rows(xs.size(), A);
  const std::vector<std::vector<T>> B_rows(xs.size(), B);
  TimeVaryingSsmGradients<T> steps = time_varying_ssm_adjoint(h0, A_rows, B_rows, xs, dY);
  const std::vector<T> zeros(h0.size(), zero<T>());
  SsmGradients<T> result{zeros, zeros, std::move(steps.dx), std::move(steps.dh0)};
  for (std::size_t t = xs.size(); t-- > 0;) {
    for (std::size_t n = 0; n < h0.size(); ++n) {
      result.dA[n] = result.dA[n] + steps.dA[t][n];
      result.dB[n] = result.dB[n] + steps.dB[t][n];
    }
  }
  return result;
}

}  // namespace exactscan::spec
