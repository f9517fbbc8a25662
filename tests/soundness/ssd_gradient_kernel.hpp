// Emulated kernels of SSD's gradients: in stages, as mamba_ssm has them (states recomputed chunk by chunk,
// gradients of states passed backward, the gradient of the decays as sums over pairs of steps), or one step
// after the other.
#pragma once

#include "tests/soundness/ssd_kernel.hpp"

namespace exactscan::soundness {

// A case of the operation ssd with in.dy and the gradients of a kernel that keeps the contract.
Case ssd_gradient_case(Random& random, const SsdSetting& setting);

}  // namespace exactscan::soundness
