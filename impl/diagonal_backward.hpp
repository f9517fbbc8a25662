// Gradients of the diagonal state space model h[t] = A[t] h[t-1] + B[t] x[t] on the CPU.
#pragma once

#include "impl/diagonal_scan.hpp"

namespace exactscan::impl {

// Where the gradient of A or B goes; either, both or neither.
template <class T>
struct CoefficientGradient {
  View<T> each;  // of every step; without data: not wanted
  State<T>* sum =
      nullptr;  // [D], over all steps: for a coefficient that is constant in time; null: not wanted
};

template <class T>
struct BackwardInputs {
  View<const T> A, B, x, dh;          // A and B are often constant in time: see View
  const State<T>* initial = nullptr;  // [D], or null: zero
  View<const State<T>> states;        // h of the forward pass, not rounded to T; without data: computed again
};

template <class T>
struct BackwardOutputs {
  CoefficientGradient<T> dA, dB;
  View<T> dx;               // without data: not wanted
  State<T>* dh0 = nullptr;  // [D], or null: not wanted
};

// With g[t] = dh[t] + A[t+1] g[t+1], g[L] = 0:
//   dA[t] = g[t] h[t-1], dB[t] = g[t] x[t], dx[t] = g[t] B[t], dh0 = A[0] g[0] (zero if L is 0).
//
// States before each step are the given ones, or are computed again from one state kept for every 64 steps:
// never by division. Arithmetic in State<T>; each gradient of a step is rounded once to T when stored. Error:
// the reverse recurrence is sequential; products and sums rounded to nearest, fused where the processor
// fuses; sums over time run from the last step to the first. The contracts fp32, fp64, bf16 and fp16 hold.
// Strides: any; the elements of each output must be distinct. dx may be dh or x itself (the same data and
// strides); no other output may overlap an input or another output. Threads split channels alone, so the bits
// do not depend on their number. Errors: ArgumentError (negative size or thread count; a null tensor that is
// not empty). Source: TorchLean's CUDA kernel selective_scan_diag_bwd.
template <class T>
void diagonal_ssm_backward(const ScanShape& shape, const BackwardInputs<T>& in, const BackwardOutputs<T>& out,
                           const ScanOptions& options = {});

}  // namespace exactscan::impl
