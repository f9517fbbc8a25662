// How the plain kernels read and write: element by element, in float32 whatever the storage.
#pragma once

#include <cmath>
#include <cstdint>

#include "impl/storage.hpp"
#include "tests/kernels/system_kernel.hpp"

namespace exactscan::kernels {

inline float get(const Buffer& b, std::int64_t i) {
  switch (b.type) {
    case ElementType::bf16:
      return impl::to_state(b.as<const impl::BFloat16>()[i]);
    case ElementType::f16:
      return impl::to_state(b.as<const impl::Float16>()[i]);
    default:
      return b.as<const float>()[i];
  }
}
inline void set(const Buffer& b, std::int64_t i, float value) {
  switch (b.type) {
    case ElementType::bf16:
      b.as<impl::BFloat16>()[i] = impl::from_state<impl::BFloat16>(value);
      return;
    case ElementType::f16:
      b.as<impl::Float16>()[i] = impl::from_state<impl::Float16>(value);
      return;
    default:
      b.as<float>()[i] = value;
  }
}
// 0 where the tensor is missing.
inline float get_or_zero(const Buffer& b, std::int64_t i) { return b.data == nullptr ? 0.0F : get(b, i); }
inline void set_if(const Buffer& b, std::int64_t i, float value) {
  if (b.data != nullptr) set(b, i, value);
}
inline std::int64_t get_integer(const Buffer& b, std::int64_t i) { return b.as<const std::int64_t>()[i]; }

inline float sigmoid(float x) { return 1.0F / (1.0F + std::exp(-x)); }
inline float silu(float x) { return x * sigmoid(x); }
inline float softplus(float x, float threshold) { return x > threshold ? x : std::log1p(std::exp(x)); }

}  // namespace exactscan::kernels
