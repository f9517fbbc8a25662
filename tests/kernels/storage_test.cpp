// 16-bit storage, against the oracle's own conversion: every pattern, and every float32 near a boundary.
#include <gtest/gtest.h>

#include <bit>
#include <cmath>

#include "impl/storage.hpp"
#include "oracle/casefile/float_bits.hpp"

namespace exactscan {
namespace {

template <class T>
void compare_all(FloatFormat format) {
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const float value = impl::to_state(static_cast<T>(bits));
    const double exact = widen_from_format(format, bits);
    ASSERT_TRUE(std::isnan(exact) ? std::isnan(value)
                                  : value == exact && std::signbit(value) == std::signbit(exact));
    const auto pattern = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t half = format.fraction_bits == 7 ? 0x8000 : 0x1000;
    for (const std::uint32_t near :
         {pattern, pattern + 1, pattern - 1, pattern + half, pattern + half - 1, pattern + half + 1}) {
      const auto number = std::bit_cast<float>(near);
      const auto rounded = static_cast<std::uint32_t>(impl::from_state<T>(number));
      const std::uint32_t expected = round_to_format(format, number);
      if (std::isnan(number)) {
        ASSERT_TRUE(std::isnan(widen_from_format(format, rounded))) << near;
      } else {
        ASSERT_EQ(rounded, expected) << near;
      }
    }
  }
}

TEST(Storage, Binary16) { compare_all<impl::Float16>(binary16); }
TEST(Storage, BFloat16) { compare_all<impl::BFloat16>(bfloat16); }

}  // namespace
}  // namespace exactscan
