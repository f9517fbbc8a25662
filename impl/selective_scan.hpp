// Mamba-1's selective scan on the CPU, real A: forward, backward, and one step of it.
#pragma once

#include "impl/diagonal_scan.hpp"
#include "impl/mamba_rows.hpp"

namespace exactscan::impl {

// channels is a multiple of groups; channel d belongs to group d / (channels / groups).
struct SelectiveShape {
  std::int64_t batch = 1, channels = 0, groups = 1, states = 0, length = 0;
};

// All tensors are contiguous, row by row.
template <class T>
struct SelectiveInputs {
  const T *u = nullptr, *delta = nullptr;  // [batch, channels, length]
  const State<T>* A = nullptr;             // [channels, states]
  const T *B = nullptr, *C = nullptr;      // [batch, groups, states, length]
  const State<T>*constant_B = nullptr,
        *constant_C = nullptr;           // [channels, states]; if given, in place of B, C
  const State<T>* D = nullptr;           // [channels]; null: zero
  const T* z = nullptr;                  // as u; null: no gate
  const State<T>* delta_bias = nullptr;  // [channels]; null: none
  const State<T>* initial = nullptr;     // [batch, channels, states]; null: zero
  StepRule step;                         // softplus and its threshold
};

// delta = rule(delta + delta_bias); h[t,n] = exp(delta[t] A[n]) h[t-1,n] + delta[t] B[t,n] u[t], h[-1] =
// initial; y[t] = (sum over n of C[t,n] h[t,n] + D u[t]) z[t] sigmoid(z[t]); last = h[length-1] (initial if
// length is 0).
//
// T: float, double, Float16, BFloat16; arithmetic in State<T>, y rounded once to T. y: as u. last: [batch,
// channels, states] or null. Outputs overlap no input. exp by a polynomial within 1.1 ulp (of float32; see
// mamba_functions-inl.hpp), formed as 2^(delta (A log2 e)); softplus and sigmoid within 2.5 ulp, without
// cancellation; underflow gradual. Every product and sum is rounded to nearest, some fused: the contracts
// fp32, fp64, bf16 and fp16 hold. Sequential in time: a longer input leaves earlier outputs bit-identical if
// the step sizes that it adds keep |delta A| below 86 (else another form of exp takes over for 64 steps). The
// number of threads does not change the bits, the instruction set does. Memory: the states, A once more, and
// 64 steps of 16 channels a thread. Errors: ArgumentError (negative size or thread count, grain below 1,
// channels that groups do not divide, a null tensor that is not empty). Source: mamba_ssm,
// selective_scan_ref; Gu and Dao, Mamba (2023).
template <class T>
void selective_scan(const SelectiveShape& shape, const SelectiveInputs<T>& in, T* y, State<T>* last,
                    const ScanOptions& options = {});

// Gradients of the sum of dy y and of dlast last (dlast: null for zero). Each has the shape of what it is the
// gradient of; null: not wanted. Those of B and C go to dB and dC, or with constant ones to constant_dB and
// constant_dC.
template <class T>
struct SelectiveGradients {
  T *du = nullptr, *ddelta = nullptr, *dB = nullptr, *dC = nullptr, *dz = nullptr;
  State<T>*dA = nullptr, *constant_dB = nullptr, *constant_dC = nullptr, *dD = nullptr,
  *ddelta_bias = nullptr, *dinitial = nullptr;
};

// With g the gradient before the gate, l[t,n] = C[t,n] g[t] + exp(delta[t+1] A[n]) l[t+1,n] that of h
// (after the last step dlast in place of the product):
//   du = D g + sum_n l delta B,   ddelta = sum_n l (B u + A exp(delta A) h[t-1]) rule'(delta + delta_bias)
//   dA = sum l delta exp(delta A) h[t-1], dB = sum l delta u, dC = sum g h, dD = sum g u, ddelta_bias = sum
//   ddelta, dz = dy (readout) (z sigmoid(z))', dinitial = exp(delta[0] A) l[0] (dlast where length is 0);
//   a sum over all that share the element.
// The state before every 64th step is kept, the others are computed again, never recovered by division or
// subtraction. Limits of the step rule are not for here. Sums over batch,
// channels and time in State<T>, one rounding to T. One thread. Otherwise as selective_scan.
template <class T>
void selective_scan_backward(const SelectiveShape& shape, const SelectiveInputs<T>& in, const T* dy,
                             const SelectiveGradients<T>& out, const State<T>* dlast = nullptr);

// One step for decoding. length is 1; in's u, delta, z are [batch, channels], B, C [batch, groups, states].
// state: [batch, channels, states], the state before and then after; y: [batch, channels]; in.initial is not
// read. Arithmetic and errors as above; sums over states in the order of vector lanes.
template <class T>
void selective_state_update(const SelectiveShape& shape, const SelectiveInputs<T>& in, State<T>* state, T* y);

}  // namespace exactscan::impl
