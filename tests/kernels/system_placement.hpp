// Puts a case of a system into memory, runs the kernel, takes its outputs back and has them judged.
#pragma once

#include <string>
#include <string_view>

#include "tests/kernels/placement.hpp"
#include "tests/kernels/system_kernel.hpp"

namespace exactscan::kernels {

struct SystemPlacement {
  std::int64_t misaligned = 0;  // elements by which every tensor is off a boundary of 64 bytes
  std::byte poison{0xFF};       // of outputs and around every tensor: 0xFF is a NaN in every type
  bool in_place = false;        // outputs lie over inputs where the kernel allows it
};

std::string describe(const SystemPlacement& placement);

// Runs it: every tensor in memory of its own with guards around, outputs poisoned before, inputs compared
// afterwards. Inputs that the kernel takes wider are widened in the case that is judged, too.
// Requires can_run.
Outcome run(const SystemKernel& kernel, const Case& inputs, const SystemPlacement& placement);

// Empty, or what is wrong: something written where it must not be, or a verdict other than explained under
// the kernel's contract. Where data may overflow or be no numbers, the oracle may leave it undecided, too.
std::string complaint(const SystemKernel& kernel, const Outcome& outcome, std::string_view profile);

}  // namespace exactscan::kernels
