// Gradients of the simplified scan. Convention (PyTorch's): for a real loss and z = p + i q the gradient of z
// is dloss/dp + i dloss/dq. G[t] is the gradient of y[t]; of inner's real output g it is s g. gx is the
// gradient of the last state. Derivation: proofs-notes/adjoints.md.
//
//   lambda[t] = C^H G[t] (+ gx at the last step) + conj(Abar[t+1]) lambda[t+1]
//   gb[t] = conj(Bbar[t]) lambda[t];  du[t] = B^H gb[t] (+ D g[t]);  dB = sum gb u^H;  dC = sum G x^H;  dD =
//   sum g Re(u) dA = sum lambda conj(x[t-1] dAbar/da + b dBbar/da) E = Re(lambda conj(x[t-1] dAbar/de)), F =
//   Re(lambda conj(b dBbar/dd)): ddeltaA and ddelta; ddelta = E + F without deltaA dx0 = conj(Abar[0])
//   lambda[0]
// The factor that links t+1 to t is Abar at t+1. x[t-1] is the state itself: dividing by Abar would fail at
// Abar = 0.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "spec/simplified_scan.hpp"

namespace exactscan::spec {

// One state, one step backwards.
template <class Z>
struct S5AdjointStep {
  Z gb;     // gradient of b[t]
  Z dA;     // what the step contributes to dA
  Z E, F;   // before the real part is taken: gradients of the step in Abar and of the one in Bbar
  Z carry;  // to step t-1; after step 0: the gradient of the initial state
};

template <class Z>
S5AdjointStep<Z> s5_adjoint_step(const DiscreteStep<Z>& step, const DiscreteStepPartials<Z>& by,
                                 const Z& lambda, const Z& x_previous, const Z& b) {
  return {conj(step.gain) * lambda, lambda * conj(x_previous * by.multiplier_by_a + b * by.gain_by_a),
          lambda * conj(x_previous * by.multiplier_by_step), lambda * conj(b * by.gain_by_step),
          conj(step.multiplier) * lambda};
}

template <class Z>
struct SimplifiedScanGradients {
  using R = typename Z::Real;
  std::vector<std::vector<Z>> du;    // L rows of H
  std::vector<std::vector<R>> E, F;  // L rows of P
  std::vector<Z> dA, dx0;            // P
  Matrix<Z> dB, dC;                  // P x H, H x P
};

// G: L rows of H. gx: P. The others as SimplifiedScan::run has them.
template <class Z>
SimplifiedScanGradients<Z> simplified_scan_adjoint(const SimplifiedScan<Z>& scan, const std::vector<Z>& x0,
                                                   std::span<const std::vector<Z>> u,
                                                   std::span<const std::vector<Z>> delta,
                                                   std::span<const std::vector<Z>> deltaA,
                                                   std::span<const std::vector<Z>> G, std::vector<Z> gx) {
  using R = typename Z::Real;
  const std::size_t L = u.size(), P = scan.A.size(), H = scan.C.rows;
  const auto run = scan.run(x0, u, delta, deltaA);
  SimplifiedScanGradients<Z> g{std::vector(L, std::vector<Z>(H, Z(0))),
                               std::vector(L, std::vector<R>(P, R(0))),
                               std::vector(L, std::vector<R>(P, R(0))),
                               std::vector<Z>(P, Z(0)),
                               std::move(gx),
                               {P, H, std::vector<Z>(P * H, Z(0))},
                               {H, P, std::vector<Z>(H * P, Z(0))}};
  for (std::size_t t = L; t-- > 0;) {
    for (std::size_t p = 0; p < P; ++p) {
      Z lambda = std::move(g.dx0[p]);  // the carry
      for (std::size_t h = 0; h < H; ++h) lambda = lambda + conj(scan.C(h, p)) * G[t][h];
      const Z& a = scan.A[p];
      const Z b = SimplifiedScan<Z>::row_times(scan.B, p, u[t]);
      auto step = s5_adjoint_step(discretize(scan.method, deltaA[t][p], delta[t][p], a),
                                  discretize_partials(scan.method, deltaA[t][p], delta[t][p], a), lambda,
                                  t == 0 ? x0[p] : run.x[t - 1][p], b);
      g.dx0[p] = std::move(step.carry);
      g.dA[p] = g.dA[p] + step.dA;
      g.E[t][p] = real(step.E);
      g.F[t][p] = real(step.F);
      for (std::size_t h = 0; h < H; ++h) {
        g.du[t][h] = g.du[t][h] + conj(scan.B(p, h)) * step.gb;
        Z& dB = g.dB.entries[p * H + h];
        dB = dB + step.gb * conj(u[t][h]);
        Z& dC = g.dC.entries[h * P + p];
        dC = dC + G[t][h] * conj(run.x[t][p]);
      }
    }
  }
  return g;
}

}  // namespace exactscan::spec
