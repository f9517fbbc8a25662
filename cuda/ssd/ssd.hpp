// Mamba-2's state space duality (SSD) on an NVIDIA GPU of compute capability 9.0. For batch entry b, head h
// of group g, channel p, state n:
//
//   d = clamp(softplus(dt + dt_bias[h]), dt_min, dt_max) (or the sum itself in place of softplus; above the
//   threshold softplus is the identity)
//   S[t,p,n] = exp(d A[h]) S[t-1,p,n] + d B[t,g,n] x[t,h,p]
//   y[t,h,p] = (sum over n of C[t,g,n] S[t,p,n] + D x[t,h,p]) * z sigmoid(z)
//
// All functions are asynchronous on `stream`, never throw, allocate or synchronize. Pointers are device
// pointers to contiguous tensors; 16-byte aligned ones whose rows are multiples of 16 bytes are faster. Sizes
// are 64-bit, any may be 0. Outputs may not overlap inputs. Heads h/(heads/groups) share a group. Steps
// beyond the length do not exist: they decay nothing. Bit-identical from run to run on one device.
//
// Arithmetic: in chunks (64 steps for bf16, 32 for f32) with cumulative sums of d A log2(e) in float32 that
// start anew in each chunk; decay from j to i as ex2.approx of a difference of two of them; sums in float32.
//  - bf16: products on tensor cores of bfloat16 operands. B, C and x are taken as they are; rounded to
//  bfloat16
//    are x times its step size and decay to the chunk's end, C.B times decay and step size, and, for the
//    product with C alone, the state that enters a chunk. The running state is float32. y is rounded once.
//  - f32: products on tensor cores of operands in two tf32 parts (three products each); what is dropped is
//    within 3 * 2^-22 of each term. Tensor cores do not round sums to nearest: about 2e-6 in the relative L2
//    norm, where bf16 has 2e-3. An operand that is not finite makes NaN of all that it enters.
// Decay is not limited to 1: a positive A grows.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <limits>

#include "cuda/affine_scan.hpp"  // Status

namespace exactscan::cuda::ssd {

enum class Storage : int { f32, bf16 };  // of x, dt, B, C, z, y; the others are float

struct Scan {
  Storage type = Storage::f32;
  std::int64_t batch = 1, length = 0, heads = 1, width = 64, groups = 1, states = 128;  // states: at most 128
  const void* x = nullptr;   // [batch, length, heads, width]
  const void* dt = nullptr;  // [batch, length, heads]
  const float* A = nullptr;  // [heads]
  const void* B = nullptr;   // [batch, length, groups, states]
  const void* C = nullptr;   // the same
  const float* D = nullptr;  // [heads], or [heads, width] with D_per_channel; null: zero
  bool D_per_channel = false;
  const void* z = nullptr;         // like x; null: no gate
  const float* dt_bias = nullptr;  // [heads]; null: zero
  bool softplus = false;
  float threshold = 20, dt_min = 0, dt_max = std::numeric_limits<float>::infinity();
  const float* initial = nullptr;  // [batch, heads, width, states]; null: zero
  void* y = nullptr;               // like x
  float* final = nullptr;          // like initial: the state after the last step; null: unwanted
  int segments = 0;  // parts that time is cut into, at most one a chunk; 0: chosen for the device
};
std::size_t scratch_bytes(const Scan& s);
Status scan(const Scan& s, void* scratch, std::size_t bytes, cudaStream_t stream);

// One step, x, z, y: [batch, heads, width], dt: [batch, heads], B, C: [batch, groups, states]; state: [batch,
// heads, width, states], updated in place, any number of states.
struct StateUpdate {
  Storage type = Storage::f32;
  std::int64_t batch = 1, heads = 1, width = 64, groups = 1, states = 128;
  float* state = nullptr;
  const void *x = nullptr, *dt = nullptr, *B = nullptr, *C = nullptr, *z = nullptr;
  const float *A = nullptr, *D = nullptr, *dt_bias = nullptr;
  bool D_per_channel = false, softplus = false;
  float threshold = 20, dt_min = 0, dt_max = std::numeric_limits<float>::infinity();
  void* y = nullptr;
};
Status state_update(const StateUpdate& s, cudaStream_t stream);

}  // namespace exactscan::cuda::ssd
