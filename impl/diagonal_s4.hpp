// A diagonal S4 layer on the CPU: projection, diagonal state space model, readout, projection.
#pragma once

#include "impl/diagonal_scan.hpp"

namespace exactscan::impl {

// Element (row, column) is data[row * row_stride + column * column_stride].
template <class T>
struct MatrixView {
  T* data = nullptr;
  std::int64_t row_stride = 0, column_stride = 0;
};

struct LayerShape {
  std::int64_t length = 0, states = 0, inputs = 0, outputs = 0;  // L, N, I, O
};

template <class T>
struct DiagonalS4 {
  MatrixView<const T> in_proj, out_proj;                           // [I, N], [N, O]
  const T *A = nullptr, *B = nullptr, *C = nullptr, *D = nullptr;  // [N]
};

// s[t] = x[t] in_proj; h[t] = A h[t-1] + B s[t], h[-1] = initial; y[t] = (C h[t] + D s[t]) out_proj;
// last = h[L-1] (the initial state if L is 0).
//
// Some time steps at a time: one matrix product, one pass over the states that also reads them out, one
// matrix product, so that s and h never leave the cache. Arithmetic in State<T>; y is rounded once to T when
// stored, last never. Error: sums of the projections in the order that Eigen chooses; every product and sum
// rounded to nearest, some fused: the contracts fp32, fp64, bf16 and fp16 hold. Causal: y[t] reads x[0 … t].
// initial, last: [N] or null (zero; not wanted). y must not overlap an input. One thread. Errors:
// ArgumentError (negative size; a null tensor that is not empty). Source: TorchLean, NN.Spec.Models.S4.
template <class T>
void diagonal_s4(const LayerShape& shape, const DiagonalS4<T>& layer, MatrixView<const T> x,
                 const State<T>* initial, MatrixView<T> y, State<T>* last);

}  // namespace exactscan::impl
