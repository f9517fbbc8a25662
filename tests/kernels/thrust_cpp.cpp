#include <thrust/system/cpp/execution_policy.h>

#include "tests/kernels/thrust_run.hpp"

namespace exactscan::kernels {

void run_thrust_cpp(const Call& call) { run_thrust(thrust::cpp::par, call); }

}  // namespace exactscan::kernels
