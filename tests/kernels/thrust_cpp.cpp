#include <thrust/system/cpp/execution_policy.h>

#include "tests/kernels/thrust_run.hpp"

namespace exactscan::kernels {

Implementation thrust_cpp() {
  return thrust_implementation(
      "thrust_cpp", [](const Call& call) { run_thrust(thrust::cpp::par, call); },
      [](const Call& call) { run_thrust_exclusive(thrust::cpp::par, call); });
}

}  // namespace exactscan::kernels
