// Tensor::of and Tensor::at: every value of the 16-bit formats, and every place where rounding can go wrong.
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "oracle/casefile/case.hpp"

namespace exactscan {

// GoogleTest shows parameters by this name.
static void PrintTo(ElementType type, std::ostream* to) { *to << element_name(type); }

namespace {

constexpr double inf = std::numeric_limits<double>::infinity();

Tensor from_bits16(ElementType type, const std::vector<std::uint16_t>& bits) {
  Tensor tensor{type, {static_cast<std::int64_t>(bits.size())}, std::vector<std::byte>(2 * bits.size())};
  std::memcpy(tensor.data.data(), bits.data(), tensor.data.size());
  return tensor;
}

std::uint32_t bits_of(ElementType type, double value) {
  const Tensor tensor = Tensor::of(type, {}, std::span(&value, 1));
  std::uint32_t bits = 0;
  std::memcpy(&bits, tensor.data.data(), tensor.data.size());
  return bits;
}

double value_of(ElementType type, std::uint16_t bits) { return from_bits16(type, {bits}).at(0); }

// By the definition of the formats: (-1)^s 2^(max(e,1) - bias - f) (fraction + [e > 0] 2^f).
double defined_value(ElementType type, unsigned bits) {
  const int fraction_bits = type == ElementType::f16 ? 10 : 7;
  const int bias = type == ElementType::f16 ? 15 : 127;
  const int exponent = static_cast<int>((bits & 0x7FFF) >> fraction_bits);
  const unsigned fraction = bits & ((1U << fraction_bits) - 1);
  const double sign = (bits & 0x8000) != 0 ? -1 : 1;
  if (exponent == 2 * bias + 1) return fraction == 0 ? sign * inf : std::nan("");
  const double significand = fraction + (exponent > 0 ? std::ldexp(1.0, fraction_bits) : 0.0);
  return sign * std::ldexp(significand, std::max(exponent, 1) - bias - fraction_bits);
}

class SixteenBits : public testing::TestWithParam<ElementType> {};

TEST_P(SixteenBits, EveryPatternHasItsValueAndComesBack) {
  const ElementType type = GetParam();
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const double value = value_of(type, static_cast<std::uint16_t>(bits));
    const double wanted = defined_value(type, bits);
    if (std::isnan(wanted)) {
      ASSERT_TRUE(std::isnan(value)) << bits;
      const std::uint32_t back = bits_of(type, value);
      const unsigned quiet = type == ElementType::f16 ? 0x200 : 0x40;
      ASSERT_EQ(back, bits | quiet) << "a NaN keeps sign and payload, and is quiet";
    } else {
      ASSERT_EQ(value, wanted) << bits;
      ASSERT_EQ(std::signbit(value), (bits & 0x8000) != 0) << bits;
      ASSERT_EQ(bits_of(type, value), bits);
    }
  }
}

// Between each two neighbours: the midpoint goes to the even one, its neighbours among the doubles to the
// near one. The last pair is the largest number and what would follow it, to which infinity stands in.
TEST_P(SixteenBits, EveryMidpointGoesToEven) {
  const ElementType type = GetParam();
  const std::uint16_t infinity = type == ElementType::f16 ? 0x7C00 : 0x7F80;
  const double beyond = std::ldexp(1.0, type == ElementType::f16 ? 16 : 128);
  for (std::uint16_t low = 0; low < infinity; ++low) {
    const std::uint32_t high = low + 1U;
    const double upper = high == infinity ? beyond : value_of(type, static_cast<std::uint16_t>(high));
    const double middle = (value_of(type, low) + upper) / 2;  // exact
    const std::uint32_t even = low % 2 == 0 ? low : high;
    ASSERT_EQ(bits_of(type, middle), even) << low;
    ASSERT_EQ(bits_of(type, std::nextafter(middle, 0)), low);
    ASSERT_EQ(bits_of(type, std::nextafter(middle, inf)), high);
    ASSERT_EQ(bits_of(type, -middle), even | 0x8000U) << low;
  }
}

INSTANTIATE_TEST_SUITE_P(Conversion, SixteenBits, testing::Values(ElementType::f16, ElementType::bf16),
                         [](const auto& type) { return std::string(element_name(type.param)); });

TEST(Conversion, DoublesFarOutside) {
  for (const ElementType type : {ElementType::f32, ElementType::f16, ElementType::bf16}) {
    const std::uint32_t sign = type == ElementType::f32 ? 0x80000000U : 0x8000U;
    EXPECT_EQ(bits_of(type, 0.0), 0U);
    EXPECT_EQ(bits_of(type, -0.0), sign);
    EXPECT_EQ(bits_of(type, std::numeric_limits<double>::denorm_min()), 0U);
    EXPECT_EQ(bits_of(type, -std::numeric_limits<double>::min()), sign);
    EXPECT_EQ(bits_of(type, std::numeric_limits<double>::max()), bits_of(type, inf));
    EXPECT_EQ(bits_of(type, -1e308), bits_of(type, -inf));
  }
  // Rounded once: to float first, this would become the midpoint 1 + 2^-11, and then the even 1.
  EXPECT_EQ(bits_of(ElementType::f16, 1 + 0x1p-11 + 0x1p-40), 0x3C01U);
  EXPECT_EQ(bits_of(ElementType::bf16, 1 + 0x1p-8 + 0x1p-40), 0x3F81U);
}

RC_GTEST_PROP(Conversion, Float32RoundsAsTheProcessorDoes, (std::uint64_t random)) {
  const auto bits = *rc::gen::inRange<std::uint32_t>(0, 0x7F7FFFFF);
  const double low = std::bit_cast<float>(bits), high = std::bit_cast<float>(bits + 1);
  const double middle = (low + high) / 2;
  const double anywhere = low + (high - low) * static_cast<double>(random >> 11) * 0x1p-53;
  for (const double value :
       {low, middle, std::nextafter(middle, 0), std::nextafter(middle, inf), anywhere, -middle}) {
    RC_ASSERT(bits_of(ElementType::f32, value) == std::bit_cast<std::uint32_t>(static_cast<float>(value)));
  }
  RC_ASSERT(Tensor::of(ElementType::f32, {1}, std::span(&low, 1)).at(0) == low);
}

RC_GTEST_PROP(Conversion, Float64IsKept, (std::uint64_t bits)) {
  const auto value = std::bit_cast<double>(bits);
  const Tensor tensor = Tensor::of(ElementType::f64, {1, 1}, std::span(&value, 1));
  RC_ASSERT(std::bit_cast<std::uint64_t>(tensor.at(0)) == bits);
}

TEST(Conversion, Float32Ends) {
  constexpr double largest = std::numeric_limits<float>::max(), smallest = 0x1p-149;
  EXPECT_EQ(bits_of(ElementType::f32, largest), 0x7F7FFFFFU);
  EXPECT_EQ(bits_of(ElementType::f32, largest + 0x1p103),
            0x7F800000U);  // half an ulp more: to even, infinity
  EXPECT_EQ(bits_of(ElementType::f32, std::nextafter(largest + 0x1p103, 0)), 0x7F7FFFFFU);
  EXPECT_EQ(bits_of(ElementType::f32, smallest), 1U);
  EXPECT_EQ(bits_of(ElementType::f32, smallest / 2), 0U);
  EXPECT_EQ(bits_of(ElementType::f32, std::nextafter(smallest / 2, 1)), 1U);
  EXPECT_EQ(bits_of(ElementType::f32, smallest * 1.5), 2U);
}

TEST(Tensor, WrongUseThrows) {
  const std::vector<double> values{1, 2, 3};
  EXPECT_THROW(Tensor::of(ElementType::f32, {2}, values), std::invalid_argument);
  EXPECT_THROW(Tensor::of(ElementType::i32, {3}, values), std::invalid_argument);
  EXPECT_THROW((Tensor{ElementType::i8, {1}, {std::byte{1}}}.at(0)), std::invalid_argument);
}

TEST(Tensor, SizeIsTheProductOfTheShape) {
  EXPECT_EQ(Tensor{}.size(), 1);
  EXPECT_EQ(Tensor::of(ElementType::bf16, {0, 5}, {}).size(), 0);
  EXPECT_EQ(Tensor::of(ElementType::f16, {1, 3}, std::vector<double>{1, 2, 3}).size(), 3);
}

TEST(Conversion, ComplexPartByPart) {
  const std::vector<std::complex<double>> values{{1.5, -2}, {0x1p-149, 1 + 0x1p-30}};
  const Tensor narrow = Tensor::of_complex(ElementType::c64, {2}, values),
               wide = Tensor::of_complex(ElementType::c128, {1, 2}, values);
  EXPECT_EQ(narrow.data.size(), 16U);
  EXPECT_EQ(narrow.complex_at(0), values[0]);
  EXPECT_EQ(narrow.complex_at(1), std::complex<double>(0x1p-149, 1));  // rounded to binary32
  EXPECT_EQ(wide.data.size(), 32U);
  EXPECT_EQ(wide.shape, (std::vector<std::int64_t>{1, 2}));
  EXPECT_EQ(wide.complex_at(1), values[1]);
  EXPECT_EQ(Tensor::of(ElementType::f32, {1}, std::vector<double>{3}).complex_at(0),
            std::complex<double>(3, 0));
  EXPECT_THROW(narrow.at(0), std::invalid_argument);
  EXPECT_THROW(Tensor::of_complex(ElementType::f32, {2}, values), std::invalid_argument);
  EXPECT_THROW(Tensor::of_complex(ElementType::c64, {3}, values), std::invalid_argument);
  EXPECT_THROW((Tensor{ElementType::i32, {1}, std::vector<std::byte>(4)}.complex_at(0)),
               std::invalid_argument);
}

}  // namespace
}  // namespace exactscan
