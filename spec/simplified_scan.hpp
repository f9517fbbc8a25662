// S5's simplified scan, on one sequence: a diagonal complex system between dense projections.
// Source: lrnnx, lrnnx/ops/simplified_scan.py (simplified_scan_fn, s5_inner_fn) and
// lrnnx/ops/triton/simplified_state_update.py. With Abar, Bbar of spec/discretization.hpp:
//
//   b[t] = B u[t];  x[t] = Abar[t]⊙x[t-1] + Bbar[t]⊙b[t];  y[t] = C x[t]
//   inner:        out[t] = s Re(y[t]) + D⊙Re(u[t]), s = 2 where one eigenvalue stands for a conjugate pair,
//   else 1 state update: one step with real input; out = s Re(C x') + D u, D a full matrix
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "spec/discretization.hpp"
#include "spec/matrix.hpp"

namespace exactscan::spec {

// One state, one step: Abar x + Bbar b.
template <class Z>
Z s5_step(const DiscreteStep<Z>& step, const Z& x, const Z& b) {
  return step.multiplier * x + step.gain * b;
}

// s Re(y) + skip, in real numbers: what inner and state update put out. `skip` is D Re(u), or (D u)_h.
template <class Z, class R>
R s5_output(const Z& y, const R& skip, bool conj_sym) {
  const R part = real(y);
  return (conj_sym ? part + part : part) + skip;
}

template <class Z>
struct SimplifiedScan {
  Discretization method = Discretization::bilinear;
  std::vector<Z> A;  // P
  Matrix<Z> B;       // P x H
  Matrix<Z> C;       // H x P

  // (M v)_i.
  static Z row_times(const Matrix<Z>& m, std::size_t i, const std::vector<Z>& v) {
    return dot<Z>(
        m.columns, [&](std::size_t j) -> const Z& { return m(i, j); },
        [&](std::size_t j) -> const Z& { return v[j]; });
  }

  struct Run {
    std::vector<std::vector<Z>> x, y;  // one row a step: P states, H outputs
  };

  // u: L rows of H; delta, deltaA: L rows of P (deltaA = delta is the same as none given). x0: P.
  Run run(std::vector<Z> x0, std::span<const std::vector<Z>> u, std::span<const std::vector<Z>> delta,
          std::span<const std::vector<Z>> deltaA) const {
    Run result;
    for (std::size_t t = 0; t < u.size(); ++t) {
      for (std::size_t p = 0; p < A.size(); ++p) {
        x0[p] = s5_step(discretize(method, deltaA[t][p], delta[t][p], A[p]), x0[p], row_times(B, p, u[t]));
      }
      std::vector<Z> y;
      for (std::size_t h = 0; h < C.rows; ++h) y.push_back(row_times(C, h, x0));
      result.x.push_back(x0);
      result.y.push_back(std::move(y));
    }
    return result;
  }

  // One step with a real input, all of one time: x becomes the next state; gives the real output. D: H x H.
  template <class R>
  std::vector<R> update(std::vector<Z>& x, const std::vector<Z>& u, const std::vector<Z>& delta,
                        const std::vector<Z>& deltaA, const Matrix<R>& D, bool conj_sym) const {
    const std::vector<Z> rows[] = {u}, steps[] = {delta}, steps_a[] = {deltaA};
    Run one = run(std::move(x), rows, steps, steps_a);
    x = std::move(one.x.front());
    std::vector<R> out;
    for (std::size_t h = 0; h < C.rows; ++h) {
      const R skip = dot<R>(
          u.size(), [&](std::size_t j) -> const R& { return D(h, j); },
          [&](std::size_t j) { return real(u[j]); });
      out.push_back(s5_output(one.y.front()[h], skip, conj_sym));
    }
    return out;
  }
};

}  // namespace exactscan::spec
