// The backward recurrence of state space duality, one head: gradients of a loss, given dy_t, its derivative
// by the output (after the gate, where there is one), and F, its derivative by the final state. Source:
// mamba_ssm, mamba_chunk_scan_combined's backward pass; here as the adjoint of the recurrence, for every
// column p and state n, backwards in time.
//
// With w_t the readout before the gate, a_t = exp(dt_t A) (0 where a sequence begins), and l_t the gradient
// of S_t:
//   g_t = dy_t silu(z_t)                          dz_t = dy_t w_t silu'(z_t)
//   l_t[p,n] = C_t[n] g_t[p] + a_{t+1} l_{t+1}[p,n], where the last step has F for the second term
//   dx_t[p] = D[p] g_t[p] + sum of l_t[p,n] dt_t B_t[n]        dD[p] = sum over t of g_t[p] x_t[p]
//   dB_t[n] = sum over p of l_t[p,n] dt_t x_t[p]              dC_t[n] = sum over p of g_t[p] S_t[p,n]
//   rate_t = sum over p, n of l_t[p,n] a_t S_{t-1}[p,n]       the gradient of the exponent dt_t A
//   ddt_t = sum over p, n of l_t[p,n] B_t[n] x_t[p] + A rate_t              dA = sum over t of dt_t rate_t
//   dS_{-1} = a_0 l_0
// Gradients of raw step sizes: ddt_t times step_size_slope. Gradients of B and C are summed over the heads
// that share them by the caller.
#pragma once

#include <utility>
#include <vector>

#include "spec/ssd.hpp"

namespace exactscan::spec {

// What one step reads of one column; B, C and states have one number a state.
template <class T>
struct SsdAdjointInput {
  T dt, decay, x, D, dy, readout;  // decay: a_t
  const T* z = nullptr;            // the gate, where there is one
  const std::vector<T>*B = nullptr, *C = nullptr;
  const std::vector<T>*before = nullptr, *after = nullptr;  // S_{t-1}, S_t
};

// What it gives back. `carry` holds a_t l_t for the step before.
template <class T>
struct SsdAdjointStep {
  T g, dz, dx, dD;
  T direct, rate;  // the two parts of the step size's gradient, the second without A
  std::vector<T> lambda, dB, dC, carry;
};

template <ExponentialRing T>
SsdAdjointStep<T> ssd_adjoint_step(const SsdAdjointInput<T>& in, const std::vector<T>& carry) {
  SsdAdjointStep<T> out;
  out.g = in.z == nullptr ? in.dy : T(in.dy * silu(*in.z));
  out.dz = in.z == nullptr ? zero<T>() : T(T(in.dy * in.readout) * silu_slope(*in.z));
  out.dD = out.g * in.x;
  out.direct = out.rate = zero<T>();
  T inner = zero<T>();
  for (std::size_t n = 0; n < carry.size(); ++n) {
    const T l = (*in.C)[n] * out.g + carry[n], lB = l * (*in.B)[n];
    T carried = in.decay * l;
    inner = std::move(inner) + lB;
    out.rate = std::move(out.rate) + carried * (*in.before)[n];
    out.dB.push_back(T(l * in.dt) * in.x);
    out.dC.push_back(out.g * (*in.after)[n]);
    out.lambda.push_back(l);
    out.carry.push_back(std::move(carried));
  }
  out.direct = inner * in.x;
  out.dx = in.D * out.g + in.dt * inner;
  return out;
}

// All gradients of a head, or of some of its columns: those of B, C, A and the step sizes are sums over
// these.
template <class T>
struct SsdGradients {
  Table<T> dx, dz, dB, dC;  // step by P, P, N, N
  std::vector<T> ddt, dD;   // by the step sizes themselves; by P
  T dA = zero<T>();
  Table<T> dinitial;  // P by N
};

// The states of column p, S_{-1} first.
template <ExponentialRing T>
Table<T> ssd_column_states(const SsdHead<T>& head, const std::vector<T>& decays, std::size_t p) {
  Table<T> states{head.initial[p]};
  for (std::size_t t = 0; t < head.steps(); ++t) {
    std::vector<T> S = states.back();
    for (std::size_t n = 0; n < S.size(); ++n)
      S[n] = ssd_step(decays[t], head.dt[t], head.B[t][n], head.x[t][p], std::move(S[n]));
    states.push_back(std::move(S));
  }
  return states;
}

template <ExponentialRing T>
std::vector<T> ssd_decays(const SsdHead<T>& head) {
  std::vector<T> decays;
  for (std::size_t t = 0; t < head.steps(); ++t)
    decays.push_back(head.starts(t) ? zero<T>() : exponential(T(head.dt[t] * head.A)));
  return decays;
}

// Adds to `sums` what column p gives. `z`, `dy`: step by P, z empty without a gate; `dfinal`: P by N.
template <ExponentialRing T>
void ssd_column_adjoint(const SsdHead<T>& head, const std::vector<T>& decays, std::size_t p,
                        const Table<T>& z, const Table<T>& dy, const Table<T>& dfinal,
                        SsdGradients<T>& sums) {
  const Table<T> states = ssd_column_states(head, decays, p);
  std::vector<T> carry = dfinal[p];
  for (std::size_t t = head.steps(); t-- > 0;) {
    const T readout = ssd_dot(head.C[t], states[t + 1]) + head.D[p] * head.x[t][p];
    SsdAdjointInput<T> in{head.dt[t], decays[t], head.x[t][p], head.D[p], dy[t][p], readout};
    in.z = z.empty() ? nullptr : &z[t][p];
    in.B = &head.B[t], in.C = &head.C[t], in.before = &states[t], in.after = &states[t + 1];
    SsdAdjointStep<T> step = ssd_adjoint_step(in, carry);
    sums.dx[t][p] = step.dx, sums.dz[t][p] = step.dz;
    sums.dD[p] = sums.dD[p] + step.dD;
    sums.ddt[t] = sums.ddt[t] + step.direct + head.A * step.rate;
    sums.dA = sums.dA + head.dt[t] * step.rate;
    for (std::size_t n = 0; n < carry.size(); ++n) {
      sums.dB[t][n] = sums.dB[t][n] + step.dB[n];
      sums.dC[t][n] = sums.dC[t][n] + step.dC[n];
    }
    carry = std::move(step.carry);
  }
  sums.dinitial[p] = std::move(carry);
}

template <ExponentialRing T>
SsdGradients<T> ssd_adjoint(const SsdHead<T>& head, const Table<T>& z, const Table<T>& dy,
                            const Table<T>& dfinal) {
  const std::size_t width = head.initial.size(), states = width == 0 ? 0 : head.initial[0].size();
  const auto table = [&](std::size_t columns) {
    return Table<T>(head.steps(), std::vector<T>(columns, zero<T>()));
  };
  SsdGradients<T> sums;
  sums.dx = sums.dz = table(width), sums.dB = sums.dC = table(states);
  sums.ddt.assign(head.steps(), zero<T>()), sums.dD.assign(width, zero<T>());
  sums.dinitial.resize(width);
  const std::vector<T> decays = ssd_decays(head);
  for (std::size_t p = 0; p < width; ++p) ssd_column_adjoint(head, decays, p, z, dy, dfinal, sums);
  return sums;
}

}  // namespace exactscan::spec
