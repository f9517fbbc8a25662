// TorchLean's two Mamba blocks on the CPU: projections around a diagonal or a selective scan.
#pragma once

#include "impl/diagonal_s4.hpp"

namespace exactscan::impl {

template <class T>
struct MambaBlock {
  DiagonalS4<T> layer;
  MatrixView<const T> gate_proj;  // [I, N]
};

// s[t] = x[t] in_proj; h[t] = A h[t-1] + B s[t], h[-1] = initial; y[t] = ((C h[t] + D s[t]) sigmoid(x[t]
// gate_proj)) out_proj; last = h[L-1] (the initial state if L is 0).
//
// As diagonal_s4 (but 16 steps at a time; arithmetic in State<T>, contracts, causality, arguments, errors),
// with sigmoid within 2 ulp, and a longer input leaves earlier outputs bit-identical. Source: TorchLean,
// NN.Spec.Models.Mamba.
template <class T>
void mamba_block(const LayerShape& shape, const MambaBlock<T>& block, MatrixView<const T> x,
                 const State<T>* initial, MatrixView<T> y, State<T>* last);

struct SelectiveBlockShape {
  // L, I, E, N, O, W, and how many projected tokens before the first are given, at most max(W - 1, 0).
  std::int64_t length = 0, inputs = 0, inner = 0, states = 0, outputs = 0, taps = 0, history = 0;
};

// All tensors are contiguous, row by row; parameters and history in the state's type.
template <class S>
struct SelectiveMambaBlock {
  const S *x_proj = nullptr, *z_proj = nullptr;          // [I, E]
  const S *conv_kernel = nullptr, *conv_bias = nullptr;  // [W, E], tap 0 is the current token; [E]
  const S *dt_proj = nullptr, *dt_bias = nullptr;        // [E, E], [E]
  const S* A = nullptr;                                  // [E, N], positive rates
  const S *b_proj = nullptr, *c_proj = nullptr;          // [E, N]
  const S* d_skip = nullptr;                             // [E]
  const S* out_proj = nullptr;                           // [E, O]
  const S *initial = nullptr, *history = nullptr;        // [E, N], [history, E] newest first; null: zero
};

// v[t] = conv_bias + sum over taps of (x[t-tap] x_proj) conv_kernel[tap]; u = v sigmoid(v); delta =
// softplus(u dt_proj + dt_bias), B = u b_proj, C = u c_proj; h[d,n] = exp(-(delta[d] A[d,n])) h[d,n] +
// delta[d] B[n] u[d]; y[t] = ((d_skip u + sum over n of C[n] h[n]) z sigmoid(z)) out_proj, z = x[t] z_proj.
// x: [L, I], y: [L, O], last: [E, N] or null.
//
// 16 steps at a time: projections by Eigen, the scan as selective_scan; arithmetic in State<T>, y rounded
// once to T. Contracts, causality and precision as there. One thread. Errors: ArgumentError (negative size;
// more history than a convolution sees; a null tensor that is not empty). Source: TorchLean,
// NN.Spec.Models.Mamba.
template <class T>
void selective_mamba_block(const SelectiveBlockShape& shape, const SelectiveMambaBlock<State<T>>& block,
                           const T* x, T* y, State<T>* last);

}  // namespace exactscan::impl
