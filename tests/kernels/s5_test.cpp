// What S5's kernels promise beyond the suite: the error of their exponential, and laws of S5 itself.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <optional>
#include <vector>

#include "impl/s5_tile.hpp"
#include "oracle/generate/generate.hpp"
#include "oracle/generate/random.hpp"
#include "tests/kernels/system_trial.hpp"

namespace exactscan::kernels {
namespace {

constexpr int kCount = 16;

// In unit roundoffs: of e^z by its modulus, of e^z - 1 by |(|expm1 x cos y| + 2 sin^2(y/2), e^x sin y)|, what
// the contract's rule for an expm1 measures by.
struct Errors {
  double exponential = 0, minus_one = 0;
};

template <class S>
void measure(const std::array<std::complex<S>, kCount>& z, Errors& worst) {
  std::array<std::complex<S>, kCount> e, m;
  impl::s5::run(impl::s5::ExponentialTile<S>{kCount, z.data(), e.data(), m.data()});
  const long double unit = std::is_same_v<S, float> ? 0x1p-24L : 0x1p-53L;
  for (std::size_t i = 0; i < z.size(); ++i) {
    const long double x = z[i].real(), y = z[i].imag(), half = std::sin(y / 2);
    const long double size = std::exp(x), imaginary = size * std::sin(y), cosine = std::cos(y);
    const long double real = std::expm1(x) * cosine;
    const auto off = [&](const std::complex<S>& got, long double re) {
      return std::hypot(static_cast<long double>(got.real()) - re,
                        static_cast<long double>(got.imag()) - imaginary);
    };
    const auto note = [&](double& at, long double error, long double by) {
      at = std::max(at, static_cast<double>(by == 0 ? (error == 0 ? 0 : 1e9L) : error / (by * unit)));
    };
    note(worst.exponential, off(e[i], size * cosine), size);
    note(worst.minus_one, off(m[i], real - 2 * half * half),
         std::hypot(std::fabs(real) + 2 * half * half, imaginary));
  }
}

template <class S>
Errors worst_of(double widest_angle, double largest) {
  Errors worst;
  std::array<std::complex<S>, kCount> z;
  for (std::uint64_t trial = 0; trial < 4000; ++trial) {
    for (std::size_t i = 0; i < z.size(); ++i) {
      Random r(trial, 1, i);
      const double x = r.symmetric(), y = r.symmetric(),
                   tiny = std::ldexp(1.0, -static_cast<int>(40 * r.unit()));
      const std::array<std::complex<double>, 5> kinds{
          {{x, 4 * y}, {largest * x, widest_angle * y}, {tiny * x, tiny * y}, {0, 4 * y}, {5 * x, 0}}};
      const std::complex<double> w = kinds[(trial + i) % kinds.size()];
      z[i] = {static_cast<S>(w.real()), static_cast<S>(w.imag())};
    }
    measure(z, worst);
  }
  return worst;
}

TEST(Exponential, IsAsGoodAsItSays) {
  for (const double widest : {40.0, 49000.0, 1e7}) {
    const Errors narrow = worst_of<float>(widest, 86), wide = worst_of<double>(widest, 700);
    EXPECT_LT(narrow.exponential, 7) << widest;
    EXPECT_LT(narrow.minus_one, 7) << widest;
    EXPECT_LT(wide.exponential, 7) << widest;
    EXPECT_LT(wide.minus_one, 7) << widest;
  }
}

template <class S>
std::array<std::complex<S>, kCount> exponentials(S x, S y, bool minus_one) {
  std::array<std::complex<S>, kCount> z, e, m;
  z.fill({x, y});
  impl::s5::run(impl::s5::ExponentialTile<S>{kCount, z.data(), e.data(), m.data()});
  return minus_one ? m : e;
}

TEST(Exponential, OfSpecialValues) {
  const float inf = INFINITY, nan = NAN;
  EXPECT_EQ(exponentials<float>(0, 0, false)[3], std::complex<float>(1));
  EXPECT_EQ(exponentials<float>(0, 0, true)[3], std::complex<float>(0));
  EXPECT_EQ(exponentials<float>(-inf, 1, true)[0].real(), -1);
  EXPECT_EQ(exponentials<float>(-104, 0, false)[5].real(), 0);
  EXPECT_EQ(exponentials<float>(-103, 0, false)[5].real(), std::exp(-103.0F));  // subnormal
  EXPECT_EQ(exponentials<float>(inf, 1, false)[0].real(), inf);
  EXPECT_EQ(exponentials<double>(720, 1, true)[0].real(), std::numeric_limits<double>::infinity());
  for (const bool minus_one : {false, true}) {
    EXPECT_TRUE(std::isnan(exponentials<float>(nan, 1, minus_one)[7].real()));
    EXPECT_TRUE(std::isnan(exponentials<float>(0, nan, minus_one)[7].real()));
    EXPECT_TRUE(std::isnan(exponentials<float>(0, inf, minus_one)[7].imag()));
  }
}

class S5 : public testing::TestWithParam<SystemKernel> {
 protected:
  const SystemKernel& kernel() const { return GetParam(); }
  Case outcome(const Case& inputs) const { return run(kernel(), inputs, {}).judged; }
  bool does(const SystemForm& form) const {
    return std::any_of(kernel().forms.begin(), kernel().forms.end(),
                       [&](const SystemForm& f) { return f.op == form.op && f.backward == form.backward; });
  }
};

Case case_of(const SystemForm& form, std::uint64_t seed, const char* profile, const Dimensions& shape,
             ElementType type = ElementType::f32) {
  GenerateRequest request;
  request.op = form.op;
  request.backward = form.backward;
  request.seed = seed;
  request.profile = profile;
  request.type = type;
  request.shape = shape;
  return generate(request);
}
const Dimensions usual{{"N", 2}, {"H", 3}, {"P", 5}, {"L", 21}};

// Two states for one, with conjugated eigenvalue, weights and readout.
Tensor with_conjugates(const Tensor& tensor, bool columns) {
  const std::int64_t rows = tensor.shape[0], width = tensor.shape.size() > 1 ? tensor.shape[1] : 1;
  std::vector<std::complex<double>> values;
  for (std::int64_t r = 0; r < rows * (columns ? 1 : 2); ++r) {
    for (std::int64_t c = 0; c < width * (columns ? 2 : 1); ++c) {
      const std::complex<double> z = tensor.complex_at(r % rows * width + c % width);
      values.push_back(r < rows && c < width ? z : std::conj(z));
    }
  }
  std::vector<std::int64_t> shape = tensor.shape;
  shape[columns ? 1 : 0] *= 2;
  return Tensor::of_complex(tensor.type, shape, values);
}
Tensor twice(const Tensor& steps) {
  std::vector<double> values;
  const std::int64_t each = steps.shape[1] * steps.shape[2];
  for (std::int64_t i = 0; i < 2 * steps.size(); ++i)
    values.push_back(steps.at(i / (2 * each) * each + i % each));
  return Tensor::of(steps.type, {steps.shape[0], 2 * steps.shape[1], steps.shape[2]}, values);
}

// For real input, conj_sym is the system with every eigenvalue's conjugate beside it, computed in full.
TEST_P(S5, HalfOfTheConjugatePairsStandsForAll) {
  if (!does({"s5_inner", false})) return;
  for (std::uint64_t seed = 0; seed < 12; ++seed) {
    Case half = case_of({"s5_inner", false}, seed, seed % 2 == 0 ? "uniform" : "mamba", usual);
    half.options["conj_sym"] = true;
    Tensor& u = half.inputs.at("u");
    std::vector<std::complex<double>> signal;
    for (std::int64_t i = 0; i < u.size(); ++i) signal.emplace_back(u.complex_at(i).real());
    u = Tensor::of_complex(u.type, u.shape, signal);
    Case full = half;
    full.options["conj_sym"] = false;
    for (const char* name : {"A", "B", "C"})
      full.inputs[name] = with_conjugates(half.inputs.at(name), *name == 'C');
    for (const char* name : {"delta", "deltaA"}) {
      if (half.inputs.count(name) != 0) full.inputs[name] = twice(half.inputs.at(name));
    }
    half.outputs["y"] = outcome(full).outputs.at("y");
    EXPECT_EQ(complaint(kernel(), Outcome{half, ""}, "uniform"), "") << seed;
  }
}

// deltaA = delta is the same as none: to the bit, and the gradients of the two add up to that of the one.
TEST_P(S5, EqualStepsAreOneStep) {
  for (const SystemForm& form : {SystemForm{"simplified_scan", true}, {"s5_inner", true}}) {
    if (!does(form)) continue;
    for (const std::uint64_t seed : {0U, 2U, 4U}) {  // one of each discretization, without deltaA
      Case one = case_of(form, seed, "decay", usual), two = one;
      two.inputs["deltaA"] = one.inputs.at("delta");
      one = outcome(one), two = outcome(two);
      for (const char* name : {"y", "last_state", "du", "dA", "dB", "dC", "dx0"})
        EXPECT_TRUE(one.outputs.at(name) == two.outputs.at(name)) << name << ", " << seed;
      const Tensor &sum = one.outputs.at("ddelta"), &d = two.outputs.at("ddelta"),
                   &e = two.outputs.at("ddeltaA");
      for (std::int64_t i = 0; i < sum.size(); ++i)
        EXPECT_EQ(static_cast<float>(sum.at(i)), static_cast<float>(e.at(i)) + static_cast<float>(d.at(i)));
    }
  }
}

// Bilinear with e a = -2: the multiplier is 0, and what forgets the state still has gradients.
TEST_P(S5, GradientsWhereTheMultiplierIsZero) {
  if (!does({"simplified_scan", true})) return;
  Case value = case_of({"simplified_scan", true}, 0, "uniform", usual);
  value.options["discretization"] = std::string("bilinear");
  const std::vector<std::complex<double>> eigenvalues{-4.0, -2.0, -1.0, -0.5, {-1.0, 2.0}};
  value.inputs["A"] = Tensor::of_complex(ElementType::c64, {5}, eigenvalues);
  std::vector<double> steps;
  for (std::int64_t i = 0; i < value.inputs.at("delta").size(); ++i)
    steps.push_back(std::array{0.5, 1.0, 2.0, 4.0}[static_cast<std::size_t>(i / 21 % 5 % 4)]);
  value.inputs["delta"] = Tensor::of(ElementType::f32, value.inputs.at("delta").shape, steps);
  value.inputs.erase("deltaA");
  const Outcome found = run(kernel(), value, {});
  EXPECT_EQ(complaint(kernel(), found, "uniform"), "");
  for (const auto& [name, tensor] : found.judged.outputs) {
    for (std::int64_t i = 0; i < tensor.size(); ++i)
      EXPECT_TRUE(std::isfinite(is_complex(tensor.type) ? std::abs(tensor.complex_at(i)) : tensor.at(i)))
          << name;
  }
}

// A multiplier that overflows, of a state that is 0: infinity times 0 is NaN, which nobody can be blamed for.
// What does not depend on it has to be right: under dirac with deltaA, ddelta is 0.
TEST_P(S5, MultiplierThatOverflows) {
  if (!does({"s5_inner", true})) return;
  for (const std::uint64_t seed : {1U, 2U, 5U}) {  // zoh, dirac without and with deltaA
    Case value = case_of({"s5_inner", true}, seed, "uniform", usual);
    const std::vector<std::complex<double>> eigenvalues(5, 1e5);
    value.inputs["A"] = Tensor::of_complex(ElementType::c64, {5}, eigenvalues);
    for (const char* name : {"u", "dy"}) {
      Tensor& zero = value.inputs.at(name);
      std::fill(zero.data.begin(), zero.data.end(), std::byte{0});
    }
    EXPECT_EQ(complaint(kernel(), run(kernel(), value, {}), "special"), "") << seed;
  }
}

// Zero-order hold at A = 0, and close to it, where the oracle leaves NaN open: the limit, d and d^2/2.
TEST_P(S5, ZeroOrderHoldIsContinuousAtZero) {
  if (!does({"simplified_scan", true})) return;
  for (const double a : {0.0, 1e-30, 1e-10}) {
    Case value = case_of({"simplified_scan", true}, 1, "uniform", {{"N", 1}, {"H", 1}, {"P", 1}, {"L", 1}});
    const std::vector<std::complex<double>> one{1};
    for (const char* name : {"B", "C", "u", "dy"})
      value.inputs[name] = Tensor::of_complex(ElementType::c64, value.inputs.at(name).shape, one);
    const std::vector<std::complex<double>> eigenvalue{-a};
    value.inputs["A"] = Tensor::of_complex(ElementType::c64, {1}, eigenvalue);
    value.inputs["delta"] = Tensor::of(ElementType::f32, {1, 1, 1}, std::vector{0.75});
    value.inputs.erase("deltaA");
    const Case found = outcome(value);
    EXPECT_EQ(found.outputs.at("y").complex_at(0), 0.75) << a;
    EXPECT_EQ(found.outputs.at("dA").complex_at(0), 0.28125) << a;
    EXPECT_EQ(found.outputs.at("ddelta").at(0), 1) << a;
  }
}

// Trials that the oracle refuted once, with kernels in the right: products of gradients that over- or
// underflow on the way in one order of their factors, and not in another.
TEST_P(S5, WhatTrialsFound) {
  const std::vector<std::vector<std::uint8_t>> trials{
      {0, 7, 0, 3, 121, 1, 0, 1, 1, 0, 0, 0,  0,   0, 0, 0, 0, 0,
       0, 0, 0, 0, 0,   0, 0, 0, 0, 0, 0, 65, 127, 0, 0, 0, 0},
      {0, 31, 0, 0, 0, 1, 1, 2, 2, 0, 0, 0, 0, 0, 0, 0, 143, 190, 137, 43, 0, 66, 69},
      {6,   1,  0,  0,   18, 108, 97,  115, 116, 95, 115, 244, 100, 117, 4, 18, 102,
       112, 51, 49, 115, 95, 116, 153, 2,   0,   1,  0,   63,  0,   0,   0, 63}};
  for (const std::vector<std::uint8_t>& bytes : trials) {
    const std::optional<SystemTrial> trial = decode_system(bytes, &kernel());
    if (!trial) continue;  // of an operation that the kernel has not
    EXPECT_EQ(complaint(*trial), "");
  }
}

// More states and steps than the kernels work at together.
TEST_P(S5, ManyStatesAndSteps) {
  for (const SystemForm& form : kernel().forms) {
    if (form.op == "simplified_state_update") continue;
    // zoh in float32 forward, dirac in float64 backward.
    const Case value =
        case_of(form, form.backward ? 2 : 1, "decay", {{"N", 1}, {"H", 2}, {"P", 130}, {"L", 66}},
                form.backward ? ElementType::f64 : ElementType::f32);
    EXPECT_EQ(complaint(kernel(), run(kernel(), value, {}), "decay"), "") << form.op;
  }
}

// Long enough to be scanned in segments; growth makes their products overflow, or nearly.
TEST_P(S5, LongSequencesOfFewStates) {
  if (kernel().name.rfind("s5_scan", 0) != 0) return;
  const char* const profiles[] = {"mamba", "decay", "cancellation", "subnormal", "growth"};
  for (std::uint64_t seed = 0; seed < 5; ++seed) {
    const char* const profile = profiles[seed];
    const std::int64_t states = 1 + static_cast<std::int64_t>(seed % 2);
    Case value =
        case_of({"simplified_scan", seed == 1}, seed, profile,
                {{"N", 1}, {"H", 1}, {"P", states}, {"L", 4096 + 13 * static_cast<std::int64_t>(seed)}});
    if (seed % 3 == 0) {
      const std::vector<std::complex<double>> initial(static_cast<std::size_t>(states), {0.5, -1.25});
      value.inputs["x0"] = Tensor::of_complex(ElementType::c64, {1, states}, initial);
    }
    EXPECT_EQ(complaint(kernel(), run(kernel(), value, {}), profile), "") << seed;
  }
}

std::vector<SystemKernel> kernels_of_s5() {
  std::vector<SystemKernel> result;
  for (const SystemKernel& kernel : system_kernels()) {
    if (kernel.name.rfind("s5_", 0) == 0) result.push_back(kernel);
  }
  return result;
}
INSTANTIATE_TEST_SUITE_P(All, S5, testing::ValuesIn(kernels_of_s5()),
                         [](const auto& instance) { return instance.param.name; });

}  // namespace
}  // namespace exactscan::kernels
