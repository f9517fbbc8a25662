// The vector functions of the Mamba kernels on every instruction set, against the C library in a wider
// format.
#include <gtest/gtest.h>
#include <hwy/targets.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <functional>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "impl/mamba_rows.hpp"
#include "tests/kernels/on_target.hpp"

namespace exactscan::kernels {
namespace {

template <class S>
using Wider = std::conditional_t<std::is_same_v<S, float>, double, long double>;

// Numbers of every exponent and sign, `step` bit patterns apart, in whole rows.
template <class S>
std::vector<S> arguments() {
  using Bits = std::conditional_t<std::is_same_v<S, float>, std::uint32_t, std::uint64_t>;
  const Bits step = sizeof(S) == 4 ? Bits(25013) : Bits(105553116266496999ULL / 1000);
  std::vector<S> list;
  for (Bits bits = 0; bits <= std::numeric_limits<Bits>::max() - step; bits += step) {
    const S x = std::bit_cast<S>(bits);
    if (std::isfinite(x)) list.push_back(x);
  }
  while (list.size() % impl::kTileWidth != 0) list.push_back(S(1));
  return list;
}

// The largest error in units of the last place of the result, of the smallest number below the normal ones.
template <class S, class Exact>
double largest_error(const std::vector<S>& x, const std::vector<S>& y, const Exact& exact) {
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Wider<S> e = exact(static_cast<Wider<S>>(x[i]));
    if (e > Wider<S>(std::numeric_limits<S>::max())) {
      // Within an ulp of overflow either is right.
      if (!std::isinf(y[i]) && e > Wider<S>(std::numeric_limits<S>::max()) * Wider<S>(1.000001)) return 1e30;
      continue;
    }
    const int exponent =
        std::max(std::ilogb(e == 0 ? Wider<S>(1e-300L) : e), std::numeric_limits<S>::min_exponent - 1);
    const Wider<S> ulp = std::ldexp(Wider<S>(1), exponent - std::numeric_limits<S>::digits + 1);
    const double error = static_cast<double>(std::fabs(Wider<S>(y[i]) - e) / ulp);
    if (!(error <= worst)) worst = error;  // a NaN is worst, too
  }
  return worst;
}

template <class S>
class VectorFunctions : public testing::Test {
 protected:
  using Run = std::function<void(const S*, S*, std::int64_t)>;
  // On every instruction set: `bound`, and what a NaN gives.
  template <class Exact>
  void expect(const char* name, const Run& run, const Exact& exact, double bound, double largest) {
    std::vector<S> x = arguments<S>();
    x.erase(std::remove_if(x.begin(), x.end(), [&](S v) { return std::fabs(v) > S(largest); }), x.end());
    x.resize(x.size() - x.size() % impl::kTileWidth);
    const auto rows = static_cast<std::int64_t>(x.size()) / impl::kTileWidth;
    for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
      const OnTarget only(target);
      std::vector<S> y(x.size());
      run(x.data(), y.data(), rows);
      const double error = largest_error(x, y, exact);
      EXPECT_LE(error, bound) << name << " on " << hwy::TargetName(target);
      RecordProperty(std::string(name) + "_" + hwy::TargetName(target), std::to_string(error));
      std::vector<S> nan(impl::kTileWidth, std::numeric_limits<S>::quiet_NaN());
      run(nan.data(), nan.data(), 1);
      for (const S v : nan) EXPECT_TRUE(std::isnan(v)) << name << " on " << hwy::TargetName(target);
    }
  }
};
using Formats = testing::Types<float, double>;
TYPED_TEST_SUITE(VectorFunctions, Formats);

constexpr double everything = 1e300;

TYPED_TEST(VectorFunctions, Exp) {
  this->expect(
      "exp",
      [](const TypeParam* x, TypeParam* y, std::int64_t n) { impl::exponentials(TypeParam(1), x, y, n); },
      [](auto x) { return std::exp(x); }, 1.1, everything);
}
TYPED_TEST(VectorFunctions, FastExp2) {
  this->expect(
      "exp2",
      [](const TypeParam* x, TypeParam* y, std::int64_t n) {
        const std::vector<TypeParam> one(static_cast<std::size_t>(n * impl::kTileWidth), TypeParam(1));
        impl::exp2_each(x, one.data(), y, n);
      },
      [](auto x) { return std::exp2(x); }, 1.1, sizeof(TypeParam) == 4 ? 124.9 : 1019.9);
}
TYPED_TEST(VectorFunctions, Softplus) {
  this->expect(
      "softplus",
      [](const TypeParam* x, TypeParam* y, std::int64_t n) { impl::softplus_each(TypeParam(1e30), x, y, n); },
      [](auto x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }, 2.5, everything);
}
TYPED_TEST(VectorFunctions, Sigmoid) {
  this->expect(
      "sigmoid", [](const TypeParam* x, TypeParam* y, std::int64_t n) { impl::sigmoid_each(x, y, n); },
      [](auto x) { return x > 0 ? 1 / (1 + std::exp(-x)) : std::exp(x) / (1 + std::exp(x)); }, 2.5,
      everything);
}

TYPED_TEST(VectorFunctions, SpecialValues) {
  using S = TypeParam;
  const S infinity = std::numeric_limits<S>::infinity();
  for (const std::int64_t target : hwy::SupportedAndGeneratedTargets()) {
    const OnTarget only(target);
    std::vector<S> x(impl::kTileWidth), y(impl::kTileWidth);
    x[0] = 0, x[1] = infinity, x[2] = -infinity, x[3] = S(-0.0);
    impl::exponentials(S(1), x.data(), y.data(), 1);
    EXPECT_EQ(y[0], 1);
    EXPECT_EQ(y[1], infinity);
    EXPECT_EQ(y[2], 0);
    EXPECT_EQ(y[3], 1);
    impl::softplus_each(S(20), x.data(), y.data(), 1);
    EXPECT_EQ(y[1], infinity);
    EXPECT_EQ(y[2], 0);
    impl::sigmoid_each(x.data(), y.data(), 1);
    EXPECT_EQ(y[0], S(0.5));
    EXPECT_EQ(y[1], 1);
    EXPECT_EQ(y[2], 0);
    // Beyond the threshold the argument itself, at it not yet.
    x[0] = 5, x[1] = S(5.5);
    impl::softplus_each(S(5), x.data(), y.data(), 1);
    EXPECT_GT(y[0], 5);
    EXPECT_EQ(y[1], S(5.5));
  }
}

}  // namespace
}  // namespace exactscan::kernels
