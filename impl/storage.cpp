#include "impl/storage.hpp"

#include <bit>

namespace exactscan::impl {

float to_state(BFloat16 value) { return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16U); }

float to_state(Float16 value) {
  const auto bits = static_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits & 0x8000U) << 16U, magnitude = bits & 0x7fffU;
  if (magnitude >= 0x7c00U) return std::bit_cast<float>(sign | 0x7f800000U | (magnitude << 13U));
  // The pattern read as a float32 is 2^112 times too small, subnormals included.
  const float scaled = std::bit_cast<float>(magnitude << 13U) * 0x1p112F;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(scaled));
}

template <>
float from_state<float>(float value) {
  return value;
}
template <>
double from_state<double>(double value) {
  return value;
}

template <>
BFloat16 from_state<BFloat16>(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffU) > 0x7f800000U) return static_cast<BFloat16>((bits >> 16U) | 0x40U);
  return static_cast<BFloat16>((bits + 0x7fffU + ((bits >> 16U) & 1U)) >> 16U);
}

template <>
Float16 from_state<Float16>(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16U) & 0x8000U, magnitude = bits & 0x7fffffffU;
  std::uint32_t half = 0;
  if (magnitude > 0x7f800000U) {
    half = 0x7e00U;
  } else if (magnitude >= 0x477ff000U) {  // 65520 and above round to infinity
    half = 0x7c00U;
  } else if (magnitude < 0x38800000U) {  // below 2^-14: adding 0.5 rounds to multiples of 2^-24
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5F) - 0x3f000000U;
  } else {
    half = (magnitude - 0x38000000U + 0xfffU + ((magnitude >> 13U) & 1U)) >> 13U;
  }
  return static_cast<Float16>(sign | half);
}

}  // namespace exactscan::impl
