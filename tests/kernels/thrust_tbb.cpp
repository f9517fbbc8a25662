#include <thrust/system/tbb/execution_policy.h>

#include "tests/kernels/thrust_run.hpp"

namespace exactscan::kernels {

void run_thrust_tbb(const Call& call) { run_thrust(thrust::tbb::par, call); }

}  // namespace exactscan::kernels
