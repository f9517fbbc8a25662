#include <thrust/system/omp/execution_policy.h>

#include "tests/kernels/thrust_run.hpp"

namespace exactscan::kernels {

Implementation thrust_omp() {
  return thrust_implementation(
      "thrust_omp", [](const Call& call) { run_thrust(thrust::omp::par, call); },
      [](const Call& call) { run_thrust_exclusive(thrust::omp::par, call); });
}

}  // namespace exactscan::kernels
