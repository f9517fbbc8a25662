// The backward recurrence of the selective scan, one channel: gradients of a loss, given dy_t, its derivative
// by the output y_t (after the gate, where there is one). Source: mamba_ssm, selective_scan_bwd.
//
// With w_t the readout before the gate, a_t[n] = exp(delta_t A[n]), and l_t[n] the gradient of h_t[n],
// backwards in time:
//   g_t = dy_t silu(z_t)                     dz_t = dy_t w_t silu'(z_t)
//   l_t[n] = C_t[n] g_t + a_{t+1}[n] l_{t+1}[n],   0 beyond the end
//   dC_t[n] = g_t h_t[n]                     dB_t[n] = l_t[n] delta_t u_t
//   du_t = D g_t + sum l_t[n] delta_t B_t[n]
//   ddelta_t = sum l_t[n] (B_t[n] u_t + A[n] a_t[n] h_{t-1}[n]), times the slope of the step's rule
//   dA[n] = sum over t of l_t[n] delta_t a_t[n] h_{t-1}[n]     dD = sum of g_t u_t     dbias = sum of
//   ddelta_t dh0[n] = a_0[n] l_0[n]
// Gradients of B and C are summed over the channels that share them by the caller.
#pragma once

#include <utility>
#include <vector>

#include "spec/selective_scan.hpp"

namespace exactscan::spec {

// What one step gives back. `carry` holds a_t l_t for the step before.
template <class T>
struct SelectiveAdjointStep {
  T g, dz, du, ddelta, dD;
  std::vector<T> lambda, dA, dB, dC, carry;
};

// What the step reads of one channel at time t: everything one number a state has N entries.
template <class T>
struct SelectiveAdjointInput {
  T delta, slope, u, D, dy, readout;  // slope: d delta / d raw
  const T* z = nullptr;               // the gate, where there is one
  const std::vector<T>*A = nullptr, *B = nullptr, *C = nullptr;
  const std::vector<T>*before = nullptr, *after = nullptr;  // h_{t-1}, h_t
};

template <ExponentialRing T>
SelectiveAdjointStep<T> selective_adjoint_step(const SelectiveAdjointInput<T>& in,
                                               const std::vector<T>& carry) {
  SelectiveAdjointStep<T> out;
  out.g = in.z == nullptr ? in.dy : T(in.dy * silu(*in.z));
  out.dz = in.z == nullptr ? zero<T>() : T(T(in.dy * in.readout) * silu_slope(*in.z));
  out.dD = out.g * in.u;
  out.du = in.D * out.g;
  T step = zero<T>();
  for (std::size_t n = 0; n < carry.size(); ++n) {
    const T& B = (*in.B)[n];
    const T& A = (*in.A)[n];
    const T a = exponential(T(in.delta * A));
    const T l = (*in.C)[n] * out.g + carry[n];
    const T decayed = a * (*in.before)[n];
    out.dC.push_back(out.g * (*in.after)[n]);
    out.dB.push_back(T(l * in.delta) * in.u);
    out.dA.push_back(T(l * in.delta) * decayed);
    out.du = std::move(out.du) + T(l * in.delta) * B;
    step = std::move(step) + l * (B * in.u + A * decayed);
    out.carry.push_back(a * l);
    out.lambda.push_back(l);
  }
  out.ddelta = step * in.slope;
  return out;
}

}  // namespace exactscan::spec
