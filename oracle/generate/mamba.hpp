// Inputs for the Mamba systems' operations.
#pragma once

#include "oracle/generate/generate.hpp"

namespace exactscan {

bool is_mamba(std::string_view op);
std::vector<GeneratorSpec> mamba_generators();

// As generate_inputs has it. Softplus is on, groups are shared, skip, gate, bias and initial state are there.
// What the profiles mean here: uniform, everything of size 1, rates in (-2, 0]; decay, rates of -8 to -64;
// mamba, rates -1 … -16 and biases of -6 to -2; growth, rates up to 0.1; subnormal, signals around the
// smallest normal number; special, NaN and infinities among the signals; trigger, what brings out the defects
// that kernels of this family had: rates of -1e-6 to -100 and above 0, step sizes on both sides of softplus's
// threshold and where log(1 + e^x) fails, one huge value before small ones, and, for ssd, sequences that
// begin within and at the edge of a chunk, numbered from 5. The others are refused.
// SSD's stages get step sizes and cumulative sums as the stage before gives them, of the same profiles.
// Variants beside 0 leave out each optional tensor one time in three, draw every option, and give tensors
// their other shapes: constant B and C, one group for all, a skip weight for each head, steps without heads.
Case generate_mamba(const GenerateRequest& request, const Dimensions& shape);

}  // namespace exactscan
