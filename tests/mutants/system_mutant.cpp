#include "tests/mutants/system_mutant.hpp"

#include <stdexcept>

namespace exactscan::mutants {

const std::vector<SystemMutant>& system_mutants() {
  static const std::vector<SystemMutant> all = [] {
    std::vector<SystemMutant> list;
    add_selective_mutants(list);
    add_ssd_mutants(list);
    add_block_mutants(list);
    add_s5_mutants(list);
    return list;
  }();
  return all;
}

const kernels::SystemKernel& clean_kernel(const std::string& name) {
  for (const kernels::SystemKernel& kernel : kernels::system_kernels()) {
    if (kernel.name == name) return kernel;
  }
  throw std::out_of_range("no kernel " + name);
}

}  // namespace exactscan::mutants
