// The generated cases that every mutant meets, and what the oracle and allclose say of its outputs.
#pragma once

#include <array>
#include <complex>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "oracle/casefile/case.hpp"
#include "oracle/check/report.hpp"
#include "tests/kernels/placement.hpp"

namespace exactscan::mutants {

// |out - exact| <= atol + rtol |exact| on every element, a NaN equal to a NaN; by the type of the output.
struct Tolerance {
  std::string_view name;
  double rtol_f32, atol_f32, rtol_bf16, atol_bf16;
};
// torch.testing.assert_close's defaults; mamba_ssm's tests/ops/test_selective_scan.py; and the usual 1e-3.
inline constexpr std::array<Tolerance, 3> tolerances{{{"torch", 1.3e-6, 1e-5, 1.6e-2, 1e-5},
                                                      {"mamba", 6e-4, 2e-3, 3e-2, 5e-2},
                                                      {"1e-3", 1e-3, 1e-3, 1e-3, 1e-3}}};

// Of one element; a complex one by its modulus.
bool close(std::complex<double> value, std::complex<double> exact, double rtol, double atol);

struct Attack {
  std::string profile;  // of `exactscan generate`
  Case inputs;
  kernels::Placement placement;
};

// Scans, gradients (A and B constant, and varying) and layers: every profile in both types, some shapes; the
// same in each run. Computed once.
const std::vector<Attack>& attacks();

// What the oracle says of the kernel's outputs: refuted as well if it wrote where it must not. `close`, if it
// is wanted: what allclose says at each tolerance. Requires can_run(kernel, attack.inputs).
using Closeness = std::array<bool, tolerances.size()>;
Verdict judge(const kernels::Implementation& kernel, const Attack& attack, Closeness* close = nullptr);

}  // namespace exactscan::mutants
