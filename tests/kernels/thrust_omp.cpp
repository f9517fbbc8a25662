#include <thrust/system/omp/execution_policy.h>

#include "tests/kernels/thrust_run.hpp"

namespace exactscan::kernels {

void run_thrust_omp(const Call& call) { run_thrust(thrust::omp::par, call); }

}  // namespace exactscan::kernels
