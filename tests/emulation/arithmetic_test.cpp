// The emulated arithmetics against MPFR: every operation, on random and special operands, in every direction.
#include "tests/emulation/arithmetic.hpp"

#include <gtest/gtest.h>
#include <mpfr.h>

#include <array>
#include <string>

namespace exactscan::emulation {
namespace {

// An MPFR number that frees itself.
class Number {
 public:
  explicit Number(mpfr_prec_t precision) { mpfr_init2(x_, precision); }
  Number(const Number&) = delete;
  Number& operator=(const Number&) = delete;
  ~Number() { mpfr_clear(x_); }
  mpfr_ptr get() { return x_; }

 private:
  mpfr_t x_;
};

mpfr_rnd_t mpfr_direction(Direction d) {
  switch (d) {
    case Direction::up:
      return MPFR_RNDU;
    case Direction::down:
      return MPFR_RNDD;
    case Direction::toward_zero:
      return MPFR_RNDZ;
    case Direction::away:
      return MPFR_RNDA;
    default:
      return MPFR_RNDN;
  }
}

enum class Operation : std::uint8_t { add, mul, fma };

// x + y, x y or x y + z without rounding: 2300 bits hold every such value of the formats of at most 24 bits.
void exact(Number& result, Operation operation, double x, double y, double z) {
  Number a(53), b(53), c(53);
  mpfr_set_d(a.get(), x, MPFR_RNDN), mpfr_set_d(b.get(), y, MPFR_RNDN), mpfr_set_d(c.get(), z, MPFR_RNDN);
  if (operation == Operation::add) mpfr_add(result.get(), a.get(), b.get(), MPFR_RNDN);
  if (operation == Operation::mul) mpfr_mul(result.get(), a.get(), b.get(), MPFR_RNDN);
  if (operation == Operation::fma) mpfr_fma(result.get(), a.get(), b.get(), c.get(), MPFR_RNDN);
}

// `x` rounded to the format as IEEE 754 does, by MPFR's exponent range and mpfr_subnormalize.
double rounded(Number& x, const BinaryFormat& format, Direction direction) {
  const mpfr_exp_t emin = mpfr_get_emin(), emax = mpfr_get_emax();
  const mpfr_rnd_t mode = mpfr_direction(direction);
  Number r(format.precision);
  int ternary = mpfr_set(r.get(), x.get(), mode);
  mpfr_set_emin(format.min_exponent + 1), mpfr_set_emax(format.max_exponent + 1);
  ternary = mpfr_check_range(r.get(), ternary, mode);
  mpfr_subnormalize(r.get(), ternary, mode);
  const double result = mpfr_get_d(r.get(), MPFR_RNDN);
  mpfr_set_emin(emin), mpfr_set_emax(emax);
  return result;
}

// The same with results below the smallest normal number flushed.
double reference(Operation operation, double x, double y, double z, const BinaryFormat& format, Flush flush,
                 Direction direction) {
  const double normal = format.smallest_normal();
  if (flush != Flush::never) {
    for (double* v : {&x, &y, &z}) {
      if (std::fabs(*v) < normal) *v = 0;
    }
  }
  Number value(2300);
  exact(value, operation, x, y, z);
  if (flush == Flush::before_rounding && mpfr_cmp_d(value.get(), normal) < 0 &&
      mpfr_cmp_d(value.get(), -normal) > 0)
    return 0;
  if (flush == Flush::after_rounding && mpfr_number_p(value.get()) != 0) {
    Number unlimited(format.precision);
    mpfr_set(unlimited.get(), value.get(), mpfr_direction(direction));
    if (mpfr_cmp_d(unlimited.get(), normal) < 0 && mpfr_cmp_d(unlimited.get(), -normal) > 0) return 0;
  }
  const double r = rounded(value, format, direction);
  return flush == Flush::subnormal_result && std::fabs(r) < normal ? 0 : r;
}

// A number of the format: any bits, or bits that press on rounding, seldom a special value.
double operand(Random& random, const BinaryFormat& format) {
  if (random.one_in(60)) return random.sign() * std::numeric_limits<double>::infinity();
  if (random.one_in(60)) return random.sign() * 0.0;
  const double ulp = std::ldexp(1.0, 1 - format.precision);
  double m = 1 + ulp * std::floor(random.unit() / ulp);
  if (random.coin()) m = random.coin() ? 1 + ulp * random.between(0, 3) : 2 - ulp * random.between(1, 3);
  int e = random.between(format.min_exponent, format.max_exponent);
  if (random.coin()) e = random.between(-format.precision - 2, format.precision + 2);
  e = std::min(e, format.max_exponent);
  if (e < format.min_exponent + format.precision - 1 && random.coin())
    e = format.min_exponent + random.between(0, 3);
  return random.sign() * round_to(std::ldexp(m, e), format);
}

bool same(double x, double y) { return x == y || (std::isnan(x) && std::isnan(y)); }

template <class A>
double apply(const A& arithmetic, Operation operation, double x, double y, double z) {
  const auto a = arithmetic.read(x), b = arithmetic.read(y), c = arithmetic.read(z);
  if (operation == Operation::add) return A::get(arithmetic.add(a, b));
  return A::get(operation == Operation::mul ? arithmetic.mul(a, b) : arithmetic.fma(a, b, c));
}

// An addend that makes x y + z cancel, or tie, where one is near.
double near(Random& random, double x, const BinaryFormat& format) {
  if (x == 0 || !std::isfinite(x)) return operand(random, format);
  const double r = round_to(x * std::ldexp(1.0, -random.between(0, format.precision + 2)), format);
  return random.coin() ? -r : r;
}

template <class A>
void compare(const A& arithmetic, const BinaryFormat& format, Flush flush, Direction direction,
             Random& random, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const double x = operand(random, format), y = operand(random, format);
    const double z = random.coin() ? near(random, x * y, format) : operand(random, format);
    for (const Operation o : {Operation::add, Operation::mul, Operation::fma}) {
      const double second = o == Operation::add && random.coin() ? near(random, x, format) : y;
      const double expected = reference(o, x, second, z, format, flush, direction);
      ASSERT_TRUE(same(apply(arithmetic, o, x, second, z), expected))
          << std::hexfloat << "operation " << static_cast<int>(o) << " of " << x << ", " << second << ", "
          << z << " gives " << apply(arithmetic, o, x, second, z) << ", MPFR " << expected << ", direction "
          << static_cast<int>(direction) << ", flush " << static_cast<int>(flush);
    }
  }
}

constexpr std::array<BinaryFormat, 3> formats{binary32, bfloat16, binary16};

TEST(Emulated, RoundsAsMpfrInEveryDirection) {
  Random random(1);
  for (const BinaryFormat& format : formats) {
    for (const Direction d :
         {Direction::nearest, Direction::up, Direction::down, Direction::toward_zero, Direction::away})
      compare(Emulated(format, Flush::never, d, random), format, Flush::never, d, random, 20'000);
  }
}

TEST(Emulated, FlushesAsMpfrSays) {
  Random random(2);
  for (const BinaryFormat& format : formats) {
    for (const Flush f : {Flush::before_rounding, Flush::after_rounding, Flush::subnormal_result})
      compare(Emulated(format, f, Direction::nearest, random), format, f, Direction::nearest, random, 20'000);
  }
}

TEST(Emulated, RandomDirectionGivesANeighbour) {
  Random random(3);
  for (const BinaryFormat& format : formats) {
    const Emulated any(format, Flush::never, Direction::random, random);
    int up = 0, down = 0;
    for (int i = 0; i < 20'000; ++i) {
      const double x = operand(random, format), y = operand(random, format), z = operand(random, format);
      const double r = any.fma(x, y, z);
      const double above = reference(Operation::fma, x, y, z, format, Flush::never, Direction::up),
                   below = reference(Operation::fma, x, y, z, format, Flush::never, Direction::down);
      ASSERT_TRUE(same(r, above) || same(r, below)) << std::hexfloat << x << ", " << y << ", " << z;
      if (above != below) up += r == above, down += r == below;
    }
    EXPECT_GT(up, 1000);
    EXPECT_GT(down, 1000);
  }
}

TEST(Native, Float32AndBinary64AreIeee) {
  Random random(4);
  compare(Float32(), binary32, Flush::never, Direction::nearest, random, 50'000);
  for (int i = 0; i < 50'000; ++i) {
    // Operands of binary32's range: MPFR's 2300 bits hold the exact values, subnormals included by scaling.
    const int shift = random.one_in(4) ? -random.between(400, 520) : 0;
    const auto draw = [&] {
      return std::ldexp(operand(random, binary32) * (1 + std::ldexp(random.unit(), -24)), shift);
    };
    const double x = draw(), y = draw(),
                 z = random.coin() ? draw() : -x * y * (1 + random.between(-2, 2) * 0x1p-52);
    for (const Operation o : {Operation::add, Operation::mul, Operation::fma}) {
      const double expected = reference(o, x, y, z, binary64, Flush::never, Direction::nearest);
      ASSERT_TRUE(same(apply(Binary64(), o, x, y, z), expected))
          << std::hexfloat << x << ", " << y << ", " << z;
    }
  }
}

// Reading rounds, flushes, and overflows.
TEST(Emulated, ReadsInputs) {
  Random random(5);
  const Emulated half(binary16, Flush::never, Direction::nearest, random);
  EXPECT_EQ(half.read(0x1.0028p0), 0x1.004p0);
  EXPECT_EQ(half.read(1e5), std::numeric_limits<double>::infinity());
  EXPECT_EQ(half.read(0x1p-24), 0x1p-24);
  const Emulated flushing(binary16, Flush::after_rounding, Direction::nearest, random);
  EXPECT_EQ(flushing.read(0x1p-15), 0);
  EXPECT_EQ(flushing.read(0x1p-14), 0x1p-14);
}

TEST(CountingDepth, CountsAdditionsOnTheLongestWay) {
  const CountingDepth<Float32> counting{Float32()};
  const auto x = counting.read(1), y = counting.add(x, x), z = counting.mul(y, x);
  EXPECT_EQ(y.depth, 1);
  EXPECT_EQ(z.depth, 1);
  EXPECT_EQ(counting.fma(x, z, y).depth, 2);
  EXPECT_EQ(CountingDepth<Float32>::get(counting.add(z, y)), 4);
}

}  // namespace
}  // namespace exactscan::emulation
