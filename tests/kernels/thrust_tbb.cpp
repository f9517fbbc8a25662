#include <thrust/system/tbb/execution_policy.h>

#include "tests/kernels/thrust_run.hpp"

namespace exactscan::kernels {

Implementation thrust_tbb() {
  return thrust_implementation(
      "thrust_tbb", [](const Call& call) { run_thrust(thrust::tbb::par, call); },
      [](const Call& call) { run_thrust_exclusive(thrust::tbb::par, call); });
}

}  // namespace exactscan::kernels
