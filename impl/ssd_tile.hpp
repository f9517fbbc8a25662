// The inner loop of state space duality, on scratch memory. Private to impl/.
#pragma once

#include "impl/mamba_rows.hpp"

namespace exactscan::impl {

constexpr std::int64_t kSsdStates = 4;  // states that are packed together

// S[n] = decay S[n] + B[n] x; y += sum over n of C[n] S[n], for kTileWidth columns p side by side, step by
// step. B and C come in blocks of kSsdStates states, for each step first B's, then C's: [block][all_steps][2
// kSsdStates]; the last block is padded, its padding not read.
template <class S>
struct SsdTile {
  std::int64_t steps, states;
  const S* decay;         // [steps]
  const S* x;             // [steps][kTileWidth], times the step size
  const S* weights;       // of the first step
  std::int64_t distance;  // elements from one block to the next
  S* state;               // [states][kTileWidth]
  S* y;                   // [steps][kTileWidth]
};

void run(const SsdTile<float>& tile);
void run(const SsdTile<double>& tile);

}  // namespace exactscan::impl
