// One channel of the gradients in float32, and how a kernel of one channel becomes a kernel of all.
#pragma once

#include "tests/mutants/channel.hpp"

namespace exactscan::mutants {

struct GradientChannel {
  std::int64_t index = 0, count = 0;
  float initial = 0;
  std::vector<float> a, b, x, dh;       // one a step, also where a or b is constant
  std::vector<float> da, db, dx;        // one a step, set by the kernel
  float sum_a = 0, sum_b = 0, dh0 = 0;  // sums over time, set by the kernel

  std::int64_t length() const { return static_cast<std::int64_t>(a.size()); }
};

using GradientKernel = std::function<void(GradientChannel&)>;

kernels::Implementation each_gradient_channel(std::string name, GradientKernel kernel);

}  // namespace exactscan::mutants
