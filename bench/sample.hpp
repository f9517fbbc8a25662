// Cases in memory, as a kernel would leave them.
#pragma once

#include <cstring>
#include <random>

#include "bench/peers.hpp"
#include "oracle/casefile/case.hpp"

namespace exactscan::bench {

inline Tensor empty_f32(std::vector<std::int64_t> shape) {
  Tensor tensor;
  tensor.type = ElementType::f32;
  tensor.shape = std::move(shape);
  tensor.data.resize(static_cast<std::size_t>(tensor.size()) * sizeof(float));
  return tensor;
}
inline float* floats(Tensor& tensor) { return reinterpret_cast<float*>(tensor.data.data()); }
inline const float* floats(const Tensor& tensor) {
  return reinterpret_cast<const float*>(tensor.data.data());
}

// Uniform in [low, high), the same on every run.
inline Tensor uniform(std::vector<std::int64_t> shape, float low, float high, unsigned seed) {
  Tensor tensor = empty_f32(std::move(shape));
  std::minstd_rand engine(seed);
  const float scale = (high - low) / static_cast<float>(std::minstd_rand::max());
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    floats(tensor)[i] = low + scale * static_cast<float>(engine());
  }
  return tensor;
}

// affine_scan with decays in [low, 1) and summands in [-1, 1), and the float32 recurrence's states.
inline Case affine_case(std::int64_t length, std::int64_t channels, float low = 0.5F) {
  Case value;
  value.file = "sample";
  value.op = "affine_scan";
  value.inputs["a"] = uniform({length, channels}, low, 1, 1);
  value.inputs["b"] = uniform({length, channels}, -1, 1, 2);
  Tensor h = empty_f32({length, channels});
  scan_f32(floats(value.inputs["a"]), floats(value.inputs["b"]), floats(h), length, channels);
  value.outputs["h"] = std::move(h);
  return value;
}

}  // namespace exactscan::bench
