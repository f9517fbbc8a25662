// What the screen of a selective scan is asked: tensors, shapes, and the contract's floor of the allowance.
#pragma once

#include <bit>
#include <cstdint>

#include "oracle/cuda/selective_step.hpp"

namespace exactscan::device {

enum class Storage : std::uint8_t { f32, bf16, f16 };

// Row-major, aligned to its elements; null: missing.
struct DeviceTensor {
  const void* data = nullptr;
  Storage type = Storage::f32;
};

// Shapes as `exactscan describe selective_scan` gives them: u, delta, z, y [B, D, L]; A [D, N]; B, C
// [B, G, N, L]; D, delta_bias [D]; initial_state, last_state [B, D, N].
struct SelectiveScreen {
  std::int64_t batch = 0, channels = 0, groups = 1, states = 0, length = 0;
  DeviceTensor u, delta, A, B, C, D, z, delta_bias, initial_state;
  DeviceTensor y, last_state;  // the candidates; either may be missing
  StoreRule y_rule, last_state_rule;
  bool softplus = false;
  AllowanceFloor floor;
};

inline constexpr std::int64_t most_states = 64;

EXACTSCAN_HOST_DEVICE inline float float_of_bits(std::uint32_t bits) {
#ifdef __CUDA_ARCH__
  return __uint_as_float(bits);
#else
  return std::bit_cast<float>(bits);
#endif
}
// The number that a binary16 pattern stands for; exact. A subnormal one is its fraction times 2^-24.
EXACTSCAN_HOST_DEVICE inline float half_value(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t{bits} >> 15 << 31, rest = bits & 0x7fffU;
  if (rest >= 0x7c00U) return float_of_bits(sign | 0x7f800000U | (rest & 0x3ffU) << 13);
  if (rest >= 0x400U) return float_of_bits(sign | ((rest << 13) + (112U << 23)));
  const float tiny = static_cast<float>(rest) * 0x1p-24F;
  return sign != 0 ? -tiny : tiny;
}
// Element i as a binary32 number; exact. Requires: the tensor is there.
EXACTSCAN_HOST_DEVICE inline float load(const DeviceTensor& tensor, std::int64_t i) {
  if (tensor.type == Storage::f32) return static_cast<const float*>(tensor.data)[i];
  const std::uint16_t bits = static_cast<const std::uint16_t*>(tensor.data)[i];
  return tensor.type == Storage::bf16 ? float_of_bits(std::uint32_t{bits} << 16) : half_value(bits);
}
EXACTSCAN_HOST_DEVICE inline float load_or_zero(const DeviceTensor& tensor, std::int64_t i) {
  return tensor.data == nullptr ? 0.0F : load(tensor, i);
}

}  // namespace exactscan::device
