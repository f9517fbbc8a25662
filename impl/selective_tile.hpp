// The inner loops of the selective scan, on tiles of kTileWidth channels in scratch memory. Private to impl/.
#pragma once

#include "impl/mamba_rows.hpp"

namespace exactscan::impl {

// log2(e), by which the rates of a tile are multiplied beforehand: exp(delta A) = 2^(delta (A log2 e)).
template <class S>
constexpr S kLog2E = sizeof(S) == 4 ? S(0x1.715476p+0F) : S(0x1.71547652b82fep+0);

// B or C: shared by the channels and varying in time, or each channel's own and constant.
template <class S>
struct TileWeight {
  const S* data;  // [steps][states], or [states][kTileWidth]
  bool constant;
};

// h[n] = exp(delta A[n]) h[n] + drive B[n]; y += sum over n of C[n] h[n], step by step.
template <class S>
struct SelectiveTile {
  std::int64_t steps, states;
  const S *delta, *drive;  // [steps][kTileWidth]; drive: delta u
  const S* rates;          // [states][kTileWidth], times kLog2E
  TileWeight<S> B, C;
  S* h;  // [states][kTileWidth]
  S* y;  // [steps][kTileWidth]
};

// From the last step down, with g the gradient of y before the gate and l that of h:
//   l[n] = C[n] g + carry[n]; carry[n] = exp(delta A[n]) l[n]
//   du += l[n] delta B[n]; ddelta += l[n] (B[n] u + A[n] exp(delta A[n]) h_before[n])
//   dA[n] += l[n] delta exp(delta A[n]) h_before[n]; dB[n] += l[n] delta u; dC[n] += g h[n]
// dB and dC of varying weights are sums over the first `count` channels of the tile.
template <class S>
struct SelectiveReverseTile {
  std::int64_t steps, states, count;
  const S *delta, *drive, *u, *g;  // [steps][kTileWidth]
  const S *rates, *A;              // [states][kTileWidth]; A: not multiplied
  TileWeight<S> B, C;
  const S* h;                    // [states][kTileWidth]: before the first step
  S* carry;                      // [states][kTileWidth]
  S *du, *ddelta;                // [steps][kTileWidth]
  S *dA, *dB, *dC;               // dA as A; dB, dC as B, C
  S *scratch_decay, *scratch_h;  // [steps][kTileWidth], [steps + 1][kTileWidth]
};

// With the best instructions that the processor has; a product and a sum are fused where it fuses.
void run(const SelectiveTile<float>& tile);
void run(const SelectiveTile<double>& tile);
void run(const SelectiveReverseTile<float>& tile);
void run(const SelectiveReverseTile<double>& tile);

}  // namespace exactscan::impl
