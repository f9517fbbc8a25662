// State space duality (Mamba-2) on the CPU.
#pragma once

#include "impl/diagonal_scan.hpp"
#include "impl/mamba_rows.hpp"

namespace exactscan::impl {

// heads is a multiple of groups; head h belongs to group h / (heads / groups).
struct SsdShape {
  std::int64_t batch = 1, steps = 0, heads = 0, width = 0, states = 0, groups = 1;  // B, T, H, P, N, G
};

// All tensors are contiguous, row by row.
template <class T>
struct SsdTensors {
  const T *x = nullptr, *dt = nullptr;  // [B, T, H, P], [B, T, H]
  const State<T>* A = nullptr;          // [H]
  const T *B = nullptr, *C = nullptr;   // [B, T, G, N]
  const State<T>* D = nullptr;          // [H], or with skip_each_column [H, P]; null: zero
  bool skip_each_column = false;
  const T* z = nullptr;                                                  // as x; null: no gate
  const State<T>* dt_bias = nullptr;                                     // [H]; null: none
  const State<T>* initial = nullptr;                                     // [B, H, P, N]; null: zero
  StepRule step{false, 20, 0, std::numeric_limits<double>::infinity()};  // softplus, limits
  const std::int64_t* sequence = nullptr;  // [B, T]: the sequence of each step, each in one piece; null: one
  const std::int64_t* ends = nullptr;      // for a batch of 1: the step after each packed sequence, rising
  std::int64_t sequences = 0;              // how many
};

// dt = rule(dt + dt_bias); S[t,p,n] = exp(dt[t] A) S[t-1,p,n] + dt[t] B[t,n] x[t,p], S[-1] = initial, and 0
// before the first step of another sequence; y[t,p] = (sum over n of C[t,n] S[t,p,n] + D x[t,p]) z
// sigmoid(z). final: [B, H, P, N], the state after the last step, or null. sequence_states: [sequences, H, P,
// N], the state before step ends[i], or null. Without in.sequence, a sequence begins at each of the ends as
// well.
//
// Step by step, no chunks: a tile of the state stays in registers over 128 steps. T: float, double, Float16,
// BFloat16; arithmetic in State<T>, y rounded once. exp, softplus and sigmoid within 2.5 ulp; every
// product and sum rounded to nearest, some fused: the contracts fp32, fp64, bf16 and fp16 hold, and
// decay=product. A longer input leaves earlier outputs bit-identical; threads do not change the bits, the
// instruction set does. Outputs overlap no input. Memory: the states of a batch entry, 128 steps of B and C,
// x and y of 16 columns, a thread. Errors: ArgumentError (negative size or thread count, grain below 1, heads
// that groups do not divide, a null tensor that is not empty, ends that do not rise within 1 ... T or with a
// batch other than 1). Source: Dao and Gu, Transformers are SSMs (2024); mamba_ssm,
// mamba_chunk_scan_combined.
template <class T>
void ssd(const SsdShape& shape, const SsdTensors<T>& in, T* y, State<T>* final, State<T>* sequence_states,
         const ScanOptions& options = {});

}  // namespace exactscan::impl
