// Puts a case into memory as a kernel will meet it, runs the kernel, and takes its outputs back.
#pragma once

#include <cstdint>
#include <string>

#include "oracle/casefile/case.hpp"
#include "tests/kernels/implementation.hpp"

namespace exactscan::kernels {

struct Placement {
  Layout layout = Layout::time_major;
  std::int64_t padding = 0;     // elements between rows
  std::int64_t misaligned = 0;  // elements by which every tensor is off a boundary of 64 bytes
  enum : std::uint8_t { apart, over_a, over_b } output = apart;  // over b: over x where there is one
};

std::string describe(const Placement& placement);

struct Outcome {
  Case judged;        // the case with out.h (and out.h_last for affine_scan)
  std::string fault;  // empty, or what the kernel wrote that it must not: "wrote behind the end of h"
};

// Runs `implementation` on an affine_scan or diagonal_ssm case: outputs are poisoned before, guard bytes lie
// around them and between their rows, inputs are compared afterwards.
Outcome run(const Implementation& implementation, const Case& inputs, const Placement& placement);

}  // namespace exactscan::kernels
