// Legitimate diagonal_s4 kernels, as cases.
#pragma once

#include "tests/soundness/affine_scan_kernel.hpp"

namespace exactscan::soundness {

// `shape.channels` states; one to nine inputs and outputs.
Case diagonal_s4_case(Random& random, const Setting& setting, emulation::Schedule schedule, ScanShape shape);

}  // namespace exactscan::soundness
