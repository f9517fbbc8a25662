// Cases of systems along time: cut in two, run one part after the other, or step by step. Which axis of a
// tensor is time, the names of its dimensions say (L or T).
#pragma once

#include <cstdint>
#include <string>

#include "tests/kernels/system_placement.hpp"

namespace exactscan::kernels {

// Whether the operation's cases can be cut: it has time, and its outputs say how to go on.
bool has_time(const std::string& op);
// Whether this case can: packed sequences by cu_seqlens cannot.
bool can_be_cut(const Case& inputs);
std::int64_t steps_of(const Case& inputs);

// The first `count` steps. Requires can_be_cut.
Case first_steps(const Case& whole, std::int64_t count);
// The steps from `count` on, from the state that `first`, the outcome of the steps before, ended in.
Case later_steps(const Case& whole, std::int64_t count, const Case& first);
// The whole case with the outputs of two parts: over time one after the other, else those of the second.
Case joined(const Case& whole, const Case& first, const Case& second);

// Whether the first outputs over time of `whole` have the very bits of `part`.
bool begins_with(const Case& whole, const Case& part);

// The scan that a step's kernel does one step of: "" where the operation is no step.
std::string scan_of_step(const std::string& op);
// A case of that scan as the generator makes it, changed where a step takes less (S5: real input).
Case for_steps(Case scan);
// Its outputs, computed by the kernel of the step alone. Requires at least one step. `faults` gets what the
// kernel wrote where it must not.
Case by_steps(const SystemKernel& kernel, const Case& scan, const SystemPlacement& placement,
              std::string& faults);

}  // namespace exactscan::kernels
