// The generated cases that every mutant of a system meets.
#pragma once

#include <string>
#include <vector>

#include "tests/mutants/attack.hpp"
#include "tests/mutants/system_mutant.hpp"

namespace exactscan::mutants {

struct SystemAttack {
  std::string profile;  // of `exactscan generate`
  Case inputs;
};

// Every form that some kernel or mutant has: every profile, float32 and bfloat16, some variants; small, and
// the same in each run. Computed once.
const std::vector<SystemAttack>& system_attacks();

// As judge of attack.hpp. Requires can_run(kernel, attack.inputs).
Verdict judge(const kernels::SystemKernel& kernel, const SystemAttack& attack, Closeness* close = nullptr);

}  // namespace exactscan::mutants
