// Kernels with one planted defect each. Most are clean schedules of one channel but for one line; each names
// the evidence that real kernels have had its defect.
#pragma once

#include <string>
#include <vector>

#include "tests/kernels/implementation.hpp"

namespace exactscan::mutants {

struct Mutant {
  kernels::Implementation kernel;
  std::string defect;    // what is wrong, one line
  std::string evidence;  // where it was seen: project and number, or "probe": a class without an incident

  friend std::ostream& operator<<(std::ostream& out, const Mutant& m) { return out << m.kernel; }
};

const std::vector<Mutant>& mutants();

// The same schedules without a defect: the oracle must never refute one.
const std::vector<kernels::Implementation>& controls();

}  // namespace exactscan::mutants
