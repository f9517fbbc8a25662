// Puts a case into memory as a kernel will meet it, runs the kernel, and takes its outputs back.
#pragma once

#include <string>

#include "oracle/casefile/case.hpp"
#include "tests/kernels/implementation.hpp"
#include "tests/kernels/placed.hpp"

namespace exactscan::kernels {

std::string describe(const Placement& placement);

struct Outcome {
  Case judged;        // the case with the kernel's outputs
  std::string fault;  // empty, or what the kernel wrote that it must not: "changed an input"
};

// Whether the implementation has the case's operation: affine_scan, diagonal_ssm (with in.dh: its gradients),
// diagonal_s4.
bool can_run(const Implementation& implementation, const Case& inputs);

// Runs it: outputs are poisoned before, guard bytes lie around them and between their rows, inputs are
// compared afterwards. Gradients take the states before each step from the kernel itself, or, where
// `with_states`, from a plain float loop of the test. Requires can_run.
Outcome run(const Implementation& implementation, const Case& inputs, const Placement& placement,
            bool with_states = false);

}  // namespace exactscan::kernels
