// Plants defects in the plain kernels of the Mamba family.
#pragma once

#include <utility>
#include <vector>

#include "tests/kernels/plain/plain.hpp"
#include "tests/mutants/system_mutant.hpp"

namespace exactscan::mutants {

class Planting {
 public:
  using Kernel = void (*)(const kernels::SystemCall&, kernels::Planted);

  // Mutants of the kernel of that name, which meet cases of `forms` alone.
  Planting(std::vector<SystemMutant>& list, const char* clean, std::vector<kernels::SystemForm> forms,
           Kernel kernel)
      : list_(list), clean_(clean_kernel(clean)), kernel_(kernel) {
    clean_.forms = std::move(forms);
  }

  void operator()(const char* name, kernels::Planted planted, const char* defect,
                  const char* evidence) const {
    kernels::SystemKernel mutant = clean_;
    mutant.name = name;
    mutant.run = [kernel = kernel_, planted](const kernels::SystemCall& call) { kernel(call, planted); };
    list_.push_back({std::move(mutant), defect, evidence});
  }

 private:
  std::vector<SystemMutant>& list_;
  kernels::SystemKernel clean_;
  Kernel kernel_;
};

}  // namespace exactscan::mutants
