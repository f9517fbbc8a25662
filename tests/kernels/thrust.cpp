// Thrust on the host.
#include "tests/kernels/implementation.hpp"

namespace exactscan::kernels {

void run_thrust_cpp(const Call& call);
void run_thrust_omp(const Call& call);
void run_thrust_tbb(const Call& call);

void add_thrust(std::vector<Implementation>& list) {
  const auto add = [&](const char* name, void (*run)(const Call&)) {
    Implementation result;
    result.name = name;
    result.layouts = {Layout::time_major, Layout::channel_major, Layout::scattered};
    result.types = {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16};
    result.run = run;
    list.push_back(result);
  };
  add("thrust_cpp", run_thrust_cpp);
  add("thrust_omp", run_thrust_omp);
  add("thrust_tbb", run_thrust_tbb);
  // TBB's scan is parallel from about 1e5 elements on; where it cuts depends on which thread is free.
  list.back().causal_bits = false;
  list.back().repeatable = false;
  list.back().enough = 300'000;
}

}  // namespace exactscan::kernels
