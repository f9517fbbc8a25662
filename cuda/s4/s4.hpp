// A diagonal S4 layer on an NVIDIA GPU: projection, diagonal state space model, readout, projection.
//
//   s[t] = x[t] in_proj;   h[t] = A h[t-1] + B s[t], h[-1] = initial;   y[t] = (C h[t] + D s[t]) out_proj
//
// One matrix product, one scan that reads the states out in the same pass (cuda/affine_scan.hpp), one matrix
// product. The scan is one thread a state, or boxes where batch * states are many (`channels`): its time is
// that of a sequence however few states there are. Source: TorchLean, NN.Spec.Models.S4: the output of a step
// reads the state after its update.
#pragma once

#include <cublas_v2.h>

#include "cuda/affine_scan.hpp"

namespace exactscan::cuda {

// All tensors are contiguous and of `type`, but initial and last: float, double for f64. y overlaps no input.
struct DiagonalS4 {
  Element type = Element::f32;
  std::int64_t batch = 1, length = 0, states = 0, inputs = 0, outputs = 0;
  const void* in_proj = nullptr;   // [inputs, states]
  const void* out_proj = nullptr;  // [states, outputs]
  const void* A = nullptr;         // [states], as B, C, D
  const void* B = nullptr;
  const void* C = nullptr;
  const void* D = nullptr;
  const void* x = nullptr;        // [batch, length, inputs]
  const void* initial = nullptr;  // [batch, states]; null: zero
  void* y = nullptr;              // [batch, length, outputs]
  void* last = nullptr;           // [batch, states]: the state after the last step; null: unwanted
};

// `scratch` is the scan's, prepared by init_scratch; `workspace` needs no preparation, 16-byte alignment.
// Both for the current device; 0 for arguments that the call refuses.
std::size_t scratch_bytes(const DiagonalS4& s);
std::size_t workspace_bytes(const DiagonalS4& s);

// Asynchronous on `stream`; never throws, allocates or synchronizes (cuBLAS may use the handle's workspace).
//
// Arithmetic: float32, float64 for f64. 16-bit tensors are widened first, y is rounded once; nothing between
// is rounded to 16 bits. The products are cuBLAS's of that type: no TF32 as long as the handle's math mode is
// the default one. Sums in cuBLAS's order, the scan's arithmetic as diagonal_ssm says. Any size may be 0:
// without inputs or states, sums are 0. Errors: bad_argument (negative size; null where there are elements),
// scratch_too_small (either area), launch_failed. Determinism: the scan is bit-identical from run to run,
// cuBLAS's products are on one device and library.
Status diagonal_s4(const DiagonalS4& s, void* scratch, std::size_t scratch_size, void* workspace,
                   std::size_t workspace_size, cublasHandle_t blas, cudaStream_t stream);

}  // namespace exactscan::cuda
