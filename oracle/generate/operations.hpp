// Which tensors an operation needs, and which role each plays.
#pragma once

#include "oracle/generate/generate.hpp"

namespace exactscan {

// The inputs and opt.exact of a request whose operation, profile and shape are known to exist.
// Errors: GenerateError (too many elements; a lattice that the operation does not have).
Case generate_inputs(const GenerateRequest& request, const Dimensions& shape);

}  // namespace exactscan
