// S5's "simplified scan" on an NVIDIA GPU, complex64: a diagonal system whose multiplier and input
// coefficient are formed inside the kernel from a step that varies with batch, state and time.
//
//   x[n,p,t] = Abar(e, a) x[n,p,t-1] + Bbar(d, a) b[n,p,t],   a = A[p], d = delta[n,p,t], e = deltaA[n,p,t]
//   or d
//
//   method     Abar(e, a)                    Bbar(d, a)
//   bilinear   (1 + e a/2) / (1 - e a/2)     d / (1 - d a/2)
//   zoh        exp(e a)                      (exp(d a) - 1) / a, which is d at a = 0
//   dirac      exp(e a)                      1
//
// All functions are asynchronous on `stream`, never throw, allocate or synchronize (the projections: cuBLAS
// may use the handle's workspace). Pointers are device pointers to contiguous tensors; a complex number needs
// 8-byte alignment, rows and bases that are 16-byte aligned are faster. Sizes are 64-bit; any may be 0.
// Outputs may not overlap inputs unless it says so. Results are bit-identical from run to run.
//
// Arithmetic: float32 with fused multiply-adds, complex products as four real ones, exp, sin and cos within 2
// ulp with the argument d a rounded to float32, gradual underflow except in quotients; zoh without
// cancellation, the quotient by a as a product with the rounded 1/a. The multiplier is never divided by. A
// zoh row needs |a| = 0 or |a| >= 2^-126; the gradients of bilinear need |e a| < 2^60.
#pragma once

#include <cublas_v2.h>
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "cuda/affine_scan.hpp"  // Status

namespace exactscan::cuda::s5 {

enum class Discretization : int { bilinear, zoh, dirac };

// b, x: [batch, states, length]; delta, deltaA: the same, float; A: [states]; initial, last: [batch, states].
// x may be b. last: the state after the last step, `initial` (or zero) if length is 0.
struct Scan {
  std::int64_t batch = 1, states = 1, length = 0;
  Discretization method = Discretization::bilinear;
  const float2* b = nullptr;
  const float* delta = nullptr;
  const float* deltaA = nullptr;  // null: delta
  const float2* A = nullptr;
  const float2* initial = nullptr;  // null: zero
  float2* x = nullptr;
  float2* last = nullptr;  // null: unwanted
  int warps = 0;           // per row: 1, 4 or 16; 0: by the number of rows. Another order of the same sums.
};
Status scan(const Scan& s, cudaStream_t stream);

// Adjoint of Scan. Given the gradient g of every x[n,p,t] and g_last of the last state (PyTorch's convention:
// dLo/dRe + i dLo/dIm), with lambda[t] = g[t] + conj(Abar[t+1]) lambda[t+1] (g_last for t = length-1):
//   gb = conj(Bbar) lambda;   ddeltaA = Re(lambda conj(x[t-1] dAbar/de)),  ddelta = Re(lambda conj(b
//   dBbar/dd)) (their sum is ddelta where deltaA is null);   dA = sum over batch and time of lambda
//   conj(x[t-1] dAbar/da + b dBbar/da) d_initial = conj(Abar[0]) lambda[0]  (g_last if length is 0)
// x is the forward scan's output, x[-1] the initial state. gb may be g. Each output but gb may be null.
struct ScanBackward {
  std::int64_t batch = 1, states = 1, length = 0;
  Discretization method = Discretization::bilinear;
  const float2* b = nullptr;
  const float* delta = nullptr;
  const float* deltaA = nullptr;
  const float2* A = nullptr;
  const float2* initial = nullptr;
  const float2* x = nullptr;
  const float2* g = nullptr;
  const float2* g_last = nullptr;  // [batch, states]; null: zero
  float2* gb = nullptr;
  float* ddelta = nullptr;
  float* ddeltaA = nullptr;     // only with deltaA
  float2* dA = nullptr;         // [states]
  float2* d_initial = nullptr;  // [batch, states]
  int warps = 0;                // as in Scan
};
// Scratch of the backward scan: one complex number a row.
std::size_t scratch_bytes(const ScanBackward& s);
Status scan_backward(const ScanBackward& s, void* scratch, std::size_t bytes, cudaStream_t stream);

// The whole system: b = B u, the scan, y = C x. u, y: [batch, inputs, length]; B: [states, inputs]; C:
// [inputs, states], all complex. b and x are workspace ([batch, states, length]) that the backward pass reads
// again. The projections are float32 complex products (cublasCgemm, no TF32, no three-product form).
struct SimplifiedScan {
  std::int64_t batch = 1, inputs = 1, states = 1, length = 0;
  Discretization method = Discretization::bilinear;
  const float2 *u = nullptr, *A = nullptr, *B = nullptr, *C = nullptr;
  const float *delta = nullptr, *deltaA = nullptr;
  const float2* initial = nullptr;
  float2 *b = nullptr, *x = nullptr;  // workspace
  float2 *y = nullptr, *last = nullptr;
};
Status simplified_scan(const SimplifiedScan& s, cublasHandle_t blas, cudaStream_t stream);

// Its adjoint, for the gradients dy of y and d_last of the last state (null: zero). g: workspace like x.
// Outputs have the shapes of what they are gradients of; each may be null.
struct SimplifiedScanBackward {
  SimplifiedScan forward;  // as it was called; y and last are not read
  const float2 *dy = nullptr, *d_last = nullptr;
  float2* g = nullptr;  // workspace
  float2 *du = nullptr, *dA = nullptr, *dB = nullptr, *dC = nullptr, *d_initial = nullptr;
  float *ddelta = nullptr, *ddeltaA = nullptr;
};
Status simplified_scan_backward(const SimplifiedScanBackward& s, void* scratch, std::size_t bytes,
                                cublasHandle_t blas, cudaStream_t stream);

// S5's inner function: out[n,h,t] = s Re(y[n,h,t]) + D[h] Re(u[n,h,t]), s = 2 if conj_sym (only one
// eigenvalue of each conjugate pair is stored), else 1. D, out: float. scan.y is workspace.
struct Inner {
  SimplifiedScan scan;
  const float* D = nullptr;
  bool conj_sym = true;
  float* out = nullptr;
};
Status inner(const Inner& s, cublasHandle_t blas, cudaStream_t stream);

// Its adjoint for the real gradient dout: as SimplifiedScanBackward with dy = s dout, plus du += D dout and
// dD[h] = sum over batch and time of dout Re(u). scan.dy is ignored; dy: workspace like y.
struct InnerBackward {
  SimplifiedScanBackward scan;
  const float *D = nullptr, *dout = nullptr;
  bool conj_sym = true;
  float2* dy = nullptr;  // workspace
  float* dD = nullptr;   // [inputs]; null: unwanted
};
Status inner_backward(const InnerBackward& s, void* scratch, std::size_t bytes, cublasHandle_t blas,
                      cudaStream_t stream);

}  // namespace exactscan::cuda::s5
