// An emulated selective_scan kernel, forward and backward: a legitimate one in every free choice.
#pragma once

#include "tests/soundness/data.hpp"
#include "tests/soundness/mamba_setting.hpp"

namespace exactscan::soundness {

struct MambaShape {
  std::size_t batch, channels, steps, states, groups;
};

// A case with inputs of the setting's formats, and the outputs of a kernel that keeps its contract.
Case selective_scan_case(Random& random, const MambaSetting& setting, emulation::Schedule schedule,
                         const MambaShape& shape, bool backward);

}  // namespace exactscan::soundness
