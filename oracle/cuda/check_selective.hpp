// The certified check of a selective scan's outputs on a CUDA device: which channels are certainly explained,
// element by element, and which the host must judge.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>

#include "oracle/cuda/selective_step.hpp"

namespace exactscan::device {

enum class Storage : std::uint8_t { f32, bf16, f16 };

// Row-major, in device memory, aligned to its elements; null: missing.
struct DeviceTensor {
  const void* data = nullptr;
  Storage type = Storage::f32;
};

// Shapes as `exactscan describe selective_scan` gives them: u, delta, z, y [B, D, L]; A [D, N]; B, C
// [B, G, N, L]; D, delta_bias [D]; initial_state, last_state [B, D, N].
struct SelectiveScreen {
  std::int64_t batch = 0, channels = 0, groups = 1, states = 0, length = 0;
  DeviceTensor u, delta, A, B, C, D, z, delta_bias, initial_state;
  DeviceTensor y, last_state;  // the candidates; either may be missing
  StoreRule y_rule, last_state_rule;
  bool softplus = false;
  AllowanceFloor floor;
};

inline constexpr std::int64_t most_states = 64;

// For each channel of each batch (b D + d): suspect = 0 where every element of y and last_state there is
// certainly explained under the contract that `floor` was made for: within the host's allowance of the exact
// value, whatever the host's own bounds and enclosures. Else 1, which refutes nothing. ratio: an upper bound
// of |candidate - exact| / allowance over the channel's elements, where suspect is 0.
// Requires: states <= most_states, groups divides channels, length >= 0; the arrays hold batch * channels.
// Works in 16 KiB of shared memory a warp and no global memory of its own. Errors: of the launch.
cudaError_t screen(const SelectiveScreen& problem, std::uint8_t* suspect, float* ratio, cudaStream_t stream);

}  // namespace exactscan::device
