// The rounding cell of a candidate, against rounding itself.
#include "oracle/check/output_rule.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "spec/rounding.hpp"

namespace exactscan {
namespace {

using spec::Dyadic;

OutputRule stored_as(ElementType type, const char* contract = "fp32") {
  return {type, parse_contract(contract)};
}

// Whether a value lies in the cell: distance zero, and not on an end that is left out.
bool in_cell(const Dyadic& x, const Cell& cell) {
  return decide(x, x, Dyadic(), cell) == Decision::explained;
}

// For every binary16 candidate: points on, between and beside the midpoints are in its cell iff they round to
// it.
void check_cells(ElementType type, const spec::FloatFormat& format) {
  const OutputRule rule = stored_as(type);
  for (std::uint32_t bits = 0; bits < 0x8000; ++bits) {
    const spec::FloatValue value = spec::decode(bits, format);
    if (value.kind == spec::FloatKind::nan) continue;
    const double c = spec::to_double(value);
    const Cell cell = cell_of(c, rule);
    const Dyadic unit = Dyadic::power_of_two(format.min_exponent - 3);
    for (const auto& end : {cell.low, cell.high}) {
      if (!end) continue;
      for (const Dyadic& x : {*end - unit, *end, *end + unit}) {
        ASSERT_EQ(in_cell(x, cell), spec::round_to_double(x, format) == c) << bits;
      }
    }
  }
}

TEST(Cell, EveryBinary16) { check_cells(ElementType::f16, spec::binary16); }
TEST(Cell, EveryBfloat16) { check_cells(ElementType::bf16, spec::bfloat16); }

TEST(Cell, Binary32UnderBinary64Arithmetic) {
  const OutputRule rule = stored_as(ElementType::f32, "fp64");
  EXPECT_FALSE(rule.direct);
  const Cell one = cell_of(1.0, rule);
  EXPECT_EQ(*one.low, Dyadic(1 - 0x1p-25));
  EXPECT_EQ(*one.high, Dyadic(1 + 0x1p-24));
  EXPECT_TRUE(one.closed);
  EXPECT_FALSE(cell_of(1 + 0x1p-23, rule).closed);
}

TEST(Cell, DirectOutputsArePoints) {
  const OutputRule rule = stored_as(ElementType::f32);
  EXPECT_TRUE(rule.direct);
  EXPECT_EQ(*cell_of(-2.5, rule).low, Dyadic(-2.5));
  const Cell infinite = cell_of(std::numeric_limits<double>::infinity(), rule);
  EXPECT_EQ(*infinite.low,
            Dyadic(static_cast<double>(std::numeric_limits<float>::max())) + Dyadic::power_of_two(103));
  EXPECT_FALSE(infinite.high);
}

TEST(Cell, StochasticStoreAdmitsBothNeighbours) {
  const Cell cell = cell_of(1.0, stored_as(ElementType::bf16, "fp32,store=any"));
  EXPECT_TRUE(in_cell(Dyadic(1 + 0x1.fp-8), cell));
  EXPECT_FALSE(in_cell(Dyadic(1 + 0x1p-7), cell));
  EXPECT_TRUE(in_cell(Dyadic(1 - 0x1.fp-9), cell));
  EXPECT_FALSE(in_cell(Dyadic(1 - 0x1p-8), cell));
}

TEST(Cell, FlushedStoreAdmitsZeroForSubnormals) {
  const Dyadic subnormal = Dyadic::power_of_two(-16);
  EXPECT_FALSE(in_cell(subnormal, cell_of(0.0, stored_as(ElementType::f16))));
  EXPECT_TRUE(in_cell(subnormal, cell_of(0.0, stored_as(ElementType::f16, "fp32,underflow=ftz"))));
}

TEST(Decide, IsExactAtTheEdge) {
  const Cell point{Dyadic(1), Dyadic(1), true};
  const Dyadic e = Dyadic::power_of_two(-200);
  EXPECT_EQ(decide(Dyadic(1) + e, Dyadic(1) + e, e, point), Decision::explained);
  EXPECT_EQ(decide(Dyadic(1) + e + e, Dyadic(1) + e + e, e, point), Decision::refuted);
  EXPECT_EQ(decide(Dyadic(1), Dyadic(1) + e + e, e, point), Decision::open);
}

}  // namespace
}  // namespace exactscan
