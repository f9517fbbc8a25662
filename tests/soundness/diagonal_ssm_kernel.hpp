// Legitimate diagonal_ssm kernels, forward and backward, as cases.
#pragma once

#include "tests/soundness/affine_scan_kernel.hpp"

namespace exactscan::soundness {

// Channels of random profiles; A and B each constant or varying in time; gradients in three of four cases.
Case diagonal_ssm_case(Random& random, const Setting& setting, emulation::Schedule schedule, ScanShape shape);

}  // namespace exactscan::soundness
