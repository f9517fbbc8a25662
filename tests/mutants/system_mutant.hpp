// Kernels of systems with one planted defect each. The clean ones beside them are kernels::system_kernels().
//
// To add some: a function of a list in a file of its own, named below and called in system_mutant.cpp.
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/kernels/system_kernel.hpp"

namespace exactscan::mutants {

struct SystemMutant {
  kernels::SystemKernel kernel;
  std::string defect;    // what is wrong, one line
  std::string evidence;  // where it was seen: project and number, or "probe": a class without an incident

  friend std::ostream& operator<<(std::ostream& out, const SystemMutant& m) { return out << m.kernel; }
};

const std::vector<SystemMutant>& system_mutants();

void add_selective_mutants(std::vector<SystemMutant>& list);
void add_ssd_mutants(std::vector<SystemMutant>& list);
void add_block_mutants(std::vector<SystemMutant>& list);
void add_s5_mutants(std::vector<SystemMutant>& list);

// The kernel of that name in kernels::system_kernels(). Errors: std::out_of_range.
const kernels::SystemKernel& clean_kernel(const std::string& name);

}  // namespace exactscan::mutants
