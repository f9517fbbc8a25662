// Mamba-1's selective scan on an NVIDIA GPU, real A, variable B and C. For batch entry b, channel d of group
// g, state n:
//
//   dt = softplus(delta + delta_bias) (or the sum itself; above the threshold softplus is the identity)
//   h[t,n] = exp(dt A[d,n]) h[t-1,n] + dt u B[g,n,t]
//   y[t] = (sum over n of C[g,n,t] h[t,n] + D[d] u) * z sigmoid(z)
//
// All functions are asynchronous on `stream`, never throw, allocate or synchronize. Pointers are device
// pointers to contiguous tensors; 16-byte aligned ones whose rows are multiples of 16 bytes are faster. Sizes
// are 64-bit, any may be 0. Outputs may not overlap inputs. Channels d/(channels/groups) share a group.
// Bit-identical from run to run.
//
// Arithmetic: float32 with fused multiply-adds, whatever the storage; exp as ex2.approx of the product with a
// log2(e) that is rounded to float32 beforehand; results of exp below 2^-126 are zero; softplus without
// cancellation; sigmoid with an approximate reciprocal of 1 ulp. 16-bit outputs are rounded once. exp(dt A) h
// is never recovered from h.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "cuda/affine_scan.hpp"  // Status

namespace exactscan::cuda::selective {

enum class Storage : int { f32, bf16 };  // of u, delta, z, B, C, y; the others are float

struct Scan {
  Storage type = Storage::f32;
  std::int64_t batch = 1, channels = 1, groups = 1, states = 16, length = 0;  // states: at most 64
  const void* u = nullptr;                                                    // [batch, channels, length]
  const void* delta = nullptr;                                                // the same
  const float* A = nullptr;                                                   // [channels, states]
  const void* B = nullptr;            // [batch, groups, states, length]
  const void* C = nullptr;            // the same
  const float* D = nullptr;           // [channels]; null: zero
  const void* z = nullptr;            // like u; null: no gate
  const float* delta_bias = nullptr;  // [channels]; null: zero
  bool softplus = false;
  float threshold = 20;
  const float* initial = nullptr;  // [batch, channels, states]; null: zero
  void* y = nullptr;               // like u
  float* last = nullptr;           // like initial: the state after the last step; null: unwanted
  float* checkpoints = nullptr;    // workspace of checkpoint_bytes for the adjoint; null: unwanted
};
// The states before every 16th step, in an order of the kernels' own. Only for float32 and at most 16 states.
std::size_t checkpoint_bytes(const Scan& s);
Status scan(const Scan& s, cudaStream_t stream);

// Adjoint of Scan for the gradient dy of y; float32 only, 1 to 16 states, batch and channels at least 1.
// Outputs have the shapes of what they are gradients of and may be null, but for du, ddelta and, with z, dz.
// dD is meant with D, ddelta_bias with delta_bias. With lambda the gradient of h, lambda[t] = C[t] gy[t] +
// exp(dt[t+1] A) lambda[t+1] (d_last for the last step):
//   du = D gy + sum_n lambda dt B,   ddelta = sigmoid-or-1 * sum_n lambda (B u + A exp(dt A) h[t-1])
//   dA = sum_{b,t} lambda dt exp(dt A) h[t-1],   dB[g,n,t] = sum_{d in g} lambda dt u,   dC[g,n,t] = sum_{d
//   in g} gy h
struct ScanBackward {
  Scan forward;  // as it was called, with checkpoints; y and last are not read
  const float* dy = nullptr;
  const float* d_last = nullptr;  // [batch, channels, states]; null: zero
  float *du = nullptr, *ddelta = nullptr, *dA = nullptr, *dB = nullptr, *dC = nullptr, *dD = nullptr,
        *dz = nullptr, *ddelta_bias = nullptr, *d_initial = nullptr;
};
std::size_t scratch_bytes(const ScanBackward& s);
Status scan_backward(const ScanBackward& s, void* scratch, std::size_t bytes, cudaStream_t stream);

// One step: state' = exp(dt A) state + dt x B, y = (sum_n C state' + D x) z sigmoid(z). state: [batch,
// channels, states], updated in place, any number of states; B, C: [batch, groups, states].
struct StateUpdate {
  Storage type = Storage::f32;
  std::int64_t batch = 1, channels = 1, groups = 1, states = 16;
  float* state = nullptr;
  const void *x = nullptr, *delta = nullptr, *B = nullptr, *C = nullptr,
             *z = nullptr;  // x, delta, z: [batch, channels]
  const float *A = nullptr, *D = nullptr, *delta_bias = nullptr;
  bool softplus = false;
  float threshold = 20;
  void* y = nullptr;
};
Status state_update(const StateUpdate& s, cudaStream_t stream);

}  // namespace exactscan::cuda::selective
