// The certified check of a selective scan's outputs on a CUDA device: which channels are certainly explained,
// element by element, and which the host must judge.
#pragma once

#include <cuda_runtime.h>

#include "oracle/cuda/selective_screen.hpp"

namespace exactscan::device {

// For each channel of each batch (b D + d): suspect = 0 where every element of y and last_state there is
// certainly explained under the contract that `floor` was made for: within the host's allowance of the exact
// value, whatever the host's own bounds and enclosures. Else 1, which refutes nothing. ratio: an upper bound
// of |candidate - exact| / allowance over the channel's elements, where suspect is 0.
// Requires: states <= most_states, groups divides channels, length >= 0; all tensors in device memory, and
// `suspect` and `ratio` with room for batch * channels. No memory of its own. Errors: cudaErrorInvalidValue
// for such a shape, else those of the launch.
cudaError_t screen(const SelectiveScreen& problem, std::uint8_t* suspect, float* ratio, cudaStream_t stream);

}  // namespace exactscan::device
