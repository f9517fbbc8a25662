// S5's "simplified scan" on the CPU: a diagonal complex system, discretized in the kernel by a step that
// varies with batch, state and time, alone and between dense projections, forward and backward.
//
//   x[n,p,t] = Abar(e, a) x[n,p,t-1] + Bbar(d, a) b[n,p,t]    a = A[p], d = delta[n,p,t], e = deltaA[n,p,t]
//   or d
//
//   method     Abar(e, a)                    Bbar(d, a)
//   bilinear   (1 + e a/2) / (1 - e a/2)     d / (1 - d a/2)
//   zoh        exp(e a)                      (exp(d a) - 1) / a, which is d at a = 0
//   dirac      exp(e a)                      1
//
// S is float (complex64) or double (complex128). Tensors are contiguous; sizes may be 0. Outputs must not
// overlap inputs unless it says so. ArgumentError: a negative size or thread count; a null tensor that is not
// empty.
//
// Arithmetic: in S, rounded to nearest, fused where the processor fuses, complex products as four real ones,
// a quotient by 1/a as a product with the rounded inverse; exp, sin and cos: s5_functions-inl.hpp. zoh
// without cancellation. The multiplier is never divided by, so Abar = 0 (e a = -2 in bilinear) is as good as
// any. Sequential in time; projections in the order that Eigen chooses. The contracts fp32 and fp64 hold.
// Bilinear needs |e a|, |d a| < 2^60 (double: 2^500), and is infinite or NaN at its poles, 2. Source: lrnnx,
// lrnnx/ops/simplified_scan.py; gradients as PyTorch has them: dLo/dRe + i dLo/dIm.
#pragma once

#include <complex>
#include <cstdint>

#include "impl/diagonal_scan.hpp"  // ArgumentError

namespace exactscan::impl::s5 {

enum class Discretization : std::uint8_t { bilinear, zoh, dirac };

// b, x: [batch, states, length]; delta, deltaA: the same, real; A: [states]; initial, last: [batch, states].
// x may be b. last: the state after the last step, `initial` if length is 0.
template <class S>
struct Scan {
  std::int64_t batch = 1, states = 1, length = 0;
  Discretization method = Discretization::bilinear;
  const std::complex<S>* b = nullptr;
  const S *delta = nullptr, *deltaA = nullptr;            // deltaA null: delta
  const std::complex<S>*A = nullptr, *initial = nullptr;  // initial null: zero
  std::complex<S>*x = nullptr, *last = nullptr;           // null: unwanted
  int threads = 1;                                        // 0: as many as the machine has
};
// The same bits in each run, whatever the number of threads; causal to the bit, but for sequences of at most
// 2 states and at least 4096 steps: their time is cut into 16 / states segments that are scanned side by
// side.
template <class S>
void scan(const Scan<S>& s);

// Adjoint of a Scan. Given the gradient g of every x[n,p,t] and g_last of the last state, with lambda[t] =
// g[t]
// + conj(Abar[t+1]) lambda[t+1] (g_last beyond the end):
//   gb = conj(Bbar) lambda; d_initial = conj(Abar[0]) lambda[0]
//   ddeltaA = Re(lambda conj(x[t-1] dAbar/de)), ddelta = Re(lambda conj(b dBbar/dd)); without deltaA their
//   sum dA = sum over batch and time of lambda conj(x[t-1] dAbar/da + b dBbar/da)
// forward.x: what the forward scan gave; null: the states are computed again, from every 256th of them. gb
// may be g or b. Each output may be null. forward.last is not read.
template <class S>
struct ScanBackward {
  Scan<S> forward;
  const std::complex<S>*g = nullptr, *g_last = nullptr;  // g_last: [batch, states]; null: zero
  std::complex<S>*gb = nullptr, *dA = nullptr, *d_initial = nullptr;
  S *ddelta = nullptr, *ddeltaA = nullptr;  // ddeltaA only with deltaA
};
// dA is summed in the order n, then t downwards, whatever the number of threads.
template <class S>
void scan_backward(const ScanBackward<S>& s);

// b = B u, the scan, y = C x. u, y: [batch, inputs, length]; B: [states, inputs]; C: [inputs, states]. Some
// time steps at a time, so that b and x never leave the cache. One thread. Causal, but not to the bit:
// Eigen's order of a sum may depend on how many steps there are.
template <class S>
struct SimplifiedScan {
  std::int64_t batch = 1, inputs = 1, states = 1, length = 0;
  Discretization method = Discretization::bilinear;
  const std::complex<S>*u = nullptr, *A = nullptr, *B = nullptr, *C = nullptr;
  const S *delta = nullptr, *deltaA = nullptr;
  const std::complex<S>* initial = nullptr;
  std::complex<S>*y = nullptr, *last = nullptr;  // last null: unwanted
};
template <class S>
void simplified_scan(const SimplifiedScan<S>& s);

// Its adjoint, for the gradients dy of y and d_last of the last state (null: zero). The states are computed
// again, from one a block of time steps. Outputs have the shapes of what they are gradients of; each may be
// null. forward.y and forward.last are not read.
template <class S>
struct SimplifiedScanBackward {
  SimplifiedScan<S> forward;
  const std::complex<S>*dy = nullptr, *d_last = nullptr;
  std::complex<S>*du = nullptr, *dA = nullptr, *dB = nullptr, *dC = nullptr, *d_initial = nullptr;
  S *ddelta = nullptr, *ddeltaA = nullptr;
};
template <class S>
void simplified_scan_backward(const SimplifiedScanBackward<S>& s);

// out[n,h,t] = s Re(y[n,h,t]) + D[h] Re(u[n,h,t]), s = 2 if conj_sym (one eigenvalue of each conjugate pair
// is stored), else 1. D: [inputs]; out: [batch, inputs, length]. scan.y is ignored.
template <class S>
struct Inner {
  SimplifiedScan<S> scan;
  const S* D = nullptr;
  bool conj_sym = true;
  S* out = nullptr;
};
template <class S>
void inner(const Inner<S>& s);

// Its adjoint for the gradient dout: as SimplifiedScanBackward with dy = s dout, and du += D dout, dD[h] =
// sum over batch and time of dout Re(u). scan.dy is ignored.
template <class S>
struct InnerBackward {
  SimplifiedScanBackward<S> scan;
  const S *D = nullptr, *dout = nullptr;
  bool conj_sym = true;
  S* dD = nullptr;  // [inputs]; null: unwanted
};
template <class S>
void inner_backward(const InnerBackward<S>& s);

// One step: state = Abar state + Bbar (B u); out = s Re(C state) + D u. u, out: [batch, inputs], real; state:
// [batch, states], updated in place; delta, deltaA: [batch, states], or [states] with steps_by_batch false;
// D: [inputs, inputs], or null: zero.
template <class S>
struct StateUpdate {
  std::int64_t batch = 1, inputs = 1, states = 1;
  Discretization method = Discretization::bilinear;
  const S *u = nullptr, *delta = nullptr, *deltaA = nullptr, *D = nullptr;
  bool steps_by_batch = true, conj_sym = true;
  const std::complex<S>*A = nullptr, *B = nullptr, *C = nullptr;
  std::complex<S>* state = nullptr;
  S* out = nullptr;
};
template <class S>
void state_update(const StateUpdate<S>& s);

}  // namespace exactscan::impl::s5
