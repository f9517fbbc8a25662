// Inputs for S5's operations.
#pragma once

#include "oracle/generate/generate.hpp"

namespace exactscan {

bool is_s5(std::string_view op);

// As generate_inputs has it, for the three operations. The discretization follows from the seed; steps in
// Abar of their own (deltaA) for odd seeds. What the profiles mean here: uniform, eigenvalues left of the
// axis and steps below 1/2; decay, steps and rates with |e a| about 1 to 16; mamba, S4D-Lin's eigenvalues
// -1/2 + i pi p with small steps; growth, eigenvalues right of the axis, growing by e^28 at most;
// cancellation, each odd input undoes the one before it; subnormal, inputs around the smallest normal number;
// special, NaN and infinities among the inputs. The lattices are refused: sums of complex products are not
// exact in every order.
Case generate_s5(const GenerateRequest& request, const Dimensions& shape);

}  // namespace exactscan
