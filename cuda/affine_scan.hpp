// Affine scans on an NVIDIA GPU: h[t] = a[t]*h[t-1] + b[t] along time, for every batch entry and channel.
//
// All functions are asynchronous on `stream`, never throw, never allocate, never synchronize. Pointers are
// device pointers. Strides and sizes are 64-bit and count elements. Outputs may not overlap inputs, except
// that h may be exactly b (or x) with the same strides. Unaligned views are allowed; 16-byte aligned ones are
// faster.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

namespace exactscan::cuda {

// 16-bit tensors are computed in float32: the running state is never rounded to 16 bits.
enum class Element : int { f32, f64, bf16, f16 };

enum class Status : int {
  ok = 0,
  bad_argument,       // negative size, null pointer where data is needed, unknown enumerator
  scratch_too_small,  // less than scan_scratch_bytes, or null where some is needed
  unsupported,        // the schedule asked for cannot serve these strides or this device
  launch_failed       // cudaGetLastError has the reason
};
const char* message(Status status);

// Element (n, t, d) of a [batch, length, channels] tensor is data[n*batch + t*time + d*channel].
struct ConstView {
  const void* data = nullptr;
  std::int64_t batch = 0, time = 0, channel = 0;
};
struct View {
  void* data = nullptr;
  std::int64_t batch = 0, time = 0, channel = 0;
};

// How the work is cut. Results of one schedule are bit-identical from run to run on one device; `rows` and
// `slabs` combine partial results over a window as wide as the grid, so that they may differ between devices
// with another number of multiprocessors (`slabs` also between aligned and unaligned tensors). `channels`
// computes exactly the sequential fused recurrence. `rows` and `slabs` are cooperative launches: their blocks
// wait for each other.
enum class Schedule : int {
  automatic,  // by shape
  rows,       // time stride 1: tiles of consecutive steps, carried through a fixed window of tile summaries
  slabs,      // channel stride 1: tiles of up to 32 channels x many steps, carried in the same way
  channels    // any strides: one thread a channel, sequential in time
};

// The product of gates that a summary carries. `pair` (float32 only): an unevaluated sum of two floats. With
// gates near 1 a plain product drifts: see bench/RESULTS-cuda.md.
enum class Multiplier : int { pair, plain };

struct AffineScan {
  Element type = Element::f32;
  std::int64_t batch = 1, length = 0, channels = 1;
  ConstView a, b;
  View h;
  const void* h0 = nullptr;  // [batch, channels], contiguous, float (double for f64); null: zero
  void* h_last =
      nullptr;  // same shape and type: the state after the last step, h0 if length is 0; null: unwanted
  Schedule schedule = Schedule::automatic;
  Multiplier multiplier = Multiplier::pair;
  int grid_limit = 0;  // at most this many co-resident blocks; 0: one a multiprocessor. For tests.
};

// TorchLean's DiagonalSSM with constant A, B: h[t] = A[d]*h[t-1] + B[d]*x[t]. A, B: [channels] of the element
// type. With C (and D, or null: zero) what is written is the readout C[d]*h[t] + D[d]*x[t] instead of h[t],
// in the same pass; h_last is the state all the same. Only `channels` reads out.
struct DiagonalSsm {
  Element type = Element::f32;
  std::int64_t batch = 1, length = 0, channels = 1;
  const void* A = nullptr;
  const void* B = nullptr;
  const void* C = nullptr;
  const void* D = nullptr;
  ConstView x;
  View h;
  const void* h0 = nullptr;
  void* h_last = nullptr;
  Schedule schedule = Schedule::automatic;
  Multiplier multiplier = Multiplier::pair;
  int grid_limit = 0;
};

// The adjoint of DiagonalSsm for the loss's gradient dh by every h[t], given x and the forward h. With g[t]
// the loss's gradient by h[t] through all later steps:
//
//   g[t] = dh[t] + A*g[t+1],  dx[t] = B*g[t],  dA = sum of g[t]*h[t-1],  dB = sum of g[t]*x[t],  dh0 = A*g[0]
//
// with h[-1] = h0 (null: zero). No division anywhere. dA, dB, dh0: [batch, channels], contiguous, float
// (double for f64), each may be null; with batch > 1 the caller adds the rows. dx overlaps no input.
// Schedules: `slabs` (channel stride 1) and `channels` (any strides: slow unless channels lie side by side);
// `rows` is unsupported.
struct DiagonalSsmBackward {
  Element type = Element::f32;
  std::int64_t batch = 1, length = 0, channels = 1;
  const void* A = nullptr;
  const void* B = nullptr;
  ConstView x, h, dh;
  View dx;
  const void* h0 = nullptr;
  void* dA = nullptr;
  void* dB = nullptr;
  void* dh0 = nullptr;
  Schedule schedule = Schedule::automatic;
  int grid_limit = 0;
};

// Scratch that a call with these arguments needs on the current device; 0 if none. Of the pointers only the
// alignment matters: a call with pointers aligned otherwise may need more or less. 0 also for arguments that
// the call refuses.
std::size_t scratch_bytes(const AffineScan& scan);
std::size_t scratch_bytes(const DiagonalSsm& scan);
std::size_t scratch_bytes(const DiagonalSsmBackward& scan);

// Prepares scratch for its first use. After that it serves any number of calls of any shapes that fit, one at
// a time (in stream order); no clearing in between: messages carry the number of the launch. Needed again
// after a launch that failed, and after 2^31 launches. Precondition: scratch is 16-byte aligned.
Status init_scratch(void* scratch, std::size_t bytes, cudaStream_t stream);

// h[t] = a[t]*h[t-1] + b[t] with h[-1] = h0, for every batch entry and channel; h_last = h[length-1].
//
// Arithmetic: `channels` is the sequential fused recurrence, each step one rounding. `rows` and `slabs` lead
// the state through products of gates over at most one window, and step through a thread's 7 to 64 elements
// as `channels` does; measured errors are in bench/RESULTS-cuda.md, no bound is proven. NaN and infinity: a
// state after one is what the recurrence gives, except that where a product of gates overflows or an infinite
// gate meets another, NaN may stand for an infinity, or be where the recurrence recovers; a gate of 0 or the
// start of a row always recovers exactly in `channels`, and at row starts in all.
//
// Precondition: tensors do not overlap, except that h may be exactly b. Errors are reported before anything
// is written. Determinism: bit-identical from run to run (Schedule).
Status affine_scan(const AffineScan& scan, void* scratch, std::size_t bytes, cudaStream_t stream);

// The same with a[t] = A and b[t] = B*x[t], the product rounded; h may be exactly x. A readout is D*x[t],
// rounded, then one fused step from C*h[t].
Status diagonal_ssm(const DiagonalSsm& scan, void* scratch, std::size_t bytes, cudaStream_t stream);

// The adjoint; in `slabs` g is one fused step, and the sums dA, dB are added in a fixed order (tiles' sums in
// double). Determinism as above.
Status diagonal_ssm_backward(const DiagonalSsmBackward& scan, void* scratch, std::size_t bytes,
                             cudaStream_t stream);

}  // namespace exactscan::cuda
