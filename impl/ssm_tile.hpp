// The inner loops of the gradients and of the S4 layer, on scratch memory: rows of one time step, all in the
// state's type, `width` apart; width is a multiple of every vector's lanes. Private to impl/.
#pragma once

#include <cstdint>

namespace exactscan::impl {

// Every vector of every instruction set fills whole multiples of this many elements.
constexpr std::int64_t kTileGrain = 16;

// before[t] = state; state = a[t] state + b[t] x[t].
template <class S>
struct ForwardTile {
  std::int64_t steps, width;
  const S *a, *b, *x;
  S* before;  // or null: not wanted
  S* state;   // [width]
};

// From the last step down: g = next_a g + dh[t]; da[t] = g before[t], sum_a += da[t], likewise db and x;
// dx[t] = g b[t]; next_a = a[t].
template <class S>
struct ReverseTile {
  std::int64_t steps, width;
  const S *a, *b, *x, *dh, *before;
  S *da, *db, *dx;
  S *g, *next_a, *sum_a, *sum_b;  // [width]
};

// state = A state + B s[t]; s[t] becomes C state + D s[t].
template <class S>
struct ReadoutTile {
  std::int64_t steps, width;
  const S *A, *B, *C, *D;  // [width]
  S* s;
  S* state;  // [width]
};

// With the best instructions that the processor has; a product and a sum are fused where it fuses.
void run(const ForwardTile<float>& tile);
void run(const ForwardTile<double>& tile);
void run(const ReverseTile<float>& tile);
void run(const ReverseTile<double>& tile);
void run(const ReadoutTile<float>& tile);
void run(const ReadoutTile<double>& tile);

}  // namespace exactscan::impl
