// Legitimate affine_scan kernels, as cases.
#pragma once

#include "oracle/casefile/case.hpp"
#include "tests/emulation/schedules.hpp"
#include "tests/soundness/data.hpp"
#include "tests/soundness/setting.hpp"

namespace exactscan::soundness {

struct ScanShape {
  std::size_t steps = 1, channels = 1;
};

// Channels of random profiles.
std::vector<Sequence> draw_channels(Random& random, const Setting& setting, ScanShape shape);

// A case without outputs.
Case affine_scan_inputs(const Setting& setting, const std::vector<Sequence>& channels, bool with_h0);

// All outputs by a kernel of the given schedule under the setting's arithmetic; seldom without an initial
// state. `depth`, if there, becomes the greatest additive depth of all outputs, as counted while computing.
// Requires: at least one channel, all of the same number of steps, at least one.
Case affine_scan_case(Random& random, const Setting& setting, emulation::Schedule schedule,
                      const std::vector<Sequence>& channels, int* depth = nullptr);

}  // namespace exactscan::soundness
