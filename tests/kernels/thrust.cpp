// Thrust on the host.
#include "tests/kernels/implementation.hpp"

namespace exactscan::kernels {

Implementation thrust_cpp();
Implementation thrust_omp();
Implementation thrust_tbb();

void add_thrust(std::vector<Implementation>& list) {
  list.push_back(thrust_cpp());
  list.push_back(thrust_omp());
  // TBB's scan is parallel from about 1e5 elements on; where it cuts depends on which thread is free.
  Implementation tbb = thrust_tbb();
  tbb.causal_bits = false;
  tbb.repeatable = false;
  tbb.enough = 300'000;
  list.push_back(std::move(tbb));
}

}  // namespace exactscan::kernels
