// The inner loops of the S5 kernels, on scratch memory: rows of one time step, states across lanes. Private
// to impl/, but for the exponential, which a test measures.
//
// Rows are `width` apart, a multiple of every vector's lanes (kTileGrain); what fills up a row may hold
// anything.
#pragma once

#include <complex>
#include <cstdint>

#include "impl/s5.hpp"

namespace exactscan::impl::s5 {

// x = Abar x + Bbar b[t] for each t, which b[t] is then replaced by.
template <class S>
struct ForwardTile {
  std::int64_t steps = 0, width = 0;
  Discretization method = Discretization::bilinear;
  const std::complex<S>* A = nullptr;
  const S *delta = nullptr, *deltaA = nullptr;  // deltaA may be null
  std::complex<S>*b_to_x = nullptr, *state = nullptr;
};

// From the last step down: lambda = carry + g[t]; g[t] becomes conj(Bbar) lambda, ddelta[t] and ddeltaA[t] as
// ScanBackward has them, sum_A += what the step contributes to dA; carry = conj(Abar) lambda. before: the
// state before the first step; the one before step t is x[t-1].
template <class S>
struct ReverseTile {
  std::int64_t steps = 0, width = 0;
  Discretization method = Discretization::bilinear;
  const std::complex<S>* A = nullptr;
  const S *delta = nullptr, *deltaA = nullptr;
  const std::complex<S>*b = nullptr, *x = nullptr, *before = nullptr;
  std::complex<S>*g_to_gb = nullptr, *carry = nullptr, *sum_A = nullptr;
  S *ddelta = nullptr, *ddeltaA = nullptr;  // ddeltaA: if and only if deltaA
};

// e^z and e^z - 1 of `count` numbers, a multiple of kTileGrain.
template <class S>
struct ExponentialTile {
  std::int64_t count = 0;
  const std::complex<S>* z = nullptr;
  std::complex<S>*e = nullptr, *minus_one = nullptr;
};

// With the best instructions that the processor has.
void run(const ForwardTile<float>& tile);
void run(const ForwardTile<double>& tile);
void run(const ReverseTile<float>& tile);
void run(const ReverseTile<double>& tile);
void run(const ExponentialTile<float>& tile);
void run(const ExponentialTile<double>& tile);

}  // namespace exactscan::impl::s5
