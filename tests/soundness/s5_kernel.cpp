#include "tests/soundness/s5_kernel.hpp"

#include "tests/soundness/s5_run.hpp"

namespace exactscan::soundness {
namespace {

double fitted(double x, const emulation::BinaryFormat& format) {
  return format.precision > 24 ? x : emulation::round_to(x, format);
}

// Sizes of one profile's numbers.
struct Scales {
  double rate_low, rate_high;  // of -Re A
  double turn;                 // of Im A
  double step_low, step_high;
  double signal = 1;
};
Scales scales_of(S5Profile profile) {
  switch (profile) {
    case S5Profile::decay:
      return {1, 20, 20, 0.2, 3};
    case S5Profile::long_memory:
      return {1e-5, 1e-3, 30, 0.01, 0.1};
    case S5Profile::unstable:
      return {-0.5, -0.05, 10, 0.05, 0.3};
    case S5Profile::near_minus_2:
      return {10, 20, 0.01, 0.1, 0.2};
    case S5Profile::small_steps:
      return {0.2, 2, 5, 1e-7, 1e-4};
    case S5Profile::tiny:
      return {0.1, 2, 10, 0.01, 0.2, 1e-40};
    default:
      return {0.1, 1, 40, 0.001, 0.1};
  }
}

struct Drawer {
  Random& random;
  const emulation::BinaryFormat& format;
  double real(double size) const { return fitted(random.uniform(-size, size), format); }
  Complex complex(double size) const { return {real(size), real(size)}; }
  // Spread evenly over the orders of magnitude.
  double between(double low, double high) const {
    return fitted(std::exp(random.uniform(std::log(low), std::log(high))), format);
  }
};

// Each input undoes most of the one before.
void cancel(const Drawer& draw, S5Data& d) {
  for (std::size_t row = 0; row < d.N * d.H; ++row) {
    for (std::size_t t = 1; t < d.L; t += 2) {
      const Complex before = d.u[row * d.L + t - 1];
      const double off = 1 + draw.random.uniform(-1, 1) * 0x1p-12;
      d.u[row * d.L + t] = {fitted(-before.real() * off, draw.format),
                            fitted(-before.imag() * off, draw.format)};
    }
  }
}

template <class A>
S5Results run_in(const A& arithmetic, const S5Data& data, int precision, emulation::Schedule schedule,
                 const Style& style, Random& random, S5Defect defect) {
  const auto fma = static_cast<emulation::Fma>(random.below(3));
  ComplexKernel<A> kernel(arithmetic, fma, style, precision, random);
  return S5Run<A>(data, kernel, schedule, defect).run();
}

Tensor complex_tensor(bool wide, std::vector<std::int64_t> shape, const std::vector<Complex>& values) {
  return Tensor::of_complex(wide ? ElementType::c128 : ElementType::c64, std::move(shape), values);
}
Tensor real_tensor(bool wide, std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return Tensor::of(wide ? ElementType::f64 : ElementType::f32, std::move(shape), values);
}
std::vector<double> real_parts(const std::vector<Complex>& values) {
  std::vector<double> result;
  for (const Complex& z : values) result.push_back(z.real());
  return result;
}

}  // namespace

S5Data draw_s5(Random& random, const emulation::BinaryFormat& format, S5Profile profile, S5Kind kind) {
  const Drawer draw{random, format};
  const Scales scales = scales_of(profile);
  S5Data d;
  d.kind = kind;
  d.method = static_cast<S5Method>(random.below(3));
  d.conj_sym = random.coin(), d.separate_step = random.coin(), d.start = random.one_in(3);
  d.backward = kind != S5Kind::update && random.coin(), d.last_gradient = d.backward && random.one_in(3);
  d.N = 1 + random.below(2), d.H = 1 + random.below(4), d.P = 1 + random.below(4);
  d.L = kind == S5Kind::update ? 1 : 1 + random.below(random.coin() ? 6 : 40);
  if (kind == S5Kind::update) d.start = true;
  for (std::size_t p = 0; p < d.P; ++p) {
    const double rate = scales.rate_low > 0 ? draw.between(scales.rate_low, scales.rate_high)
                                            : -draw.between(-scales.rate_high, -scales.rate_low);
    d.A.push_back({-rate, draw.real(scales.turn)});
  }
  for (std::size_t i = 0; i < d.N * d.P * d.L; ++i) {
    d.delta.push_back(draw.between(scales.step_low, scales.step_high));
    d.deltaA.push_back(draw.between(scales.step_low, scales.step_high));
  }
  if (profile == S5Profile::near_minus_2) {
    for (std::size_t i = 0; i < d.deltaA.size(); ++i) {
      const double exactly = -2 / d.A[(i / d.L) % d.P].real();
      d.deltaA[i] = fitted(exactly * (1 + random.between(-2, 2) * 0x1p-23), format);
      if (random.coin()) d.delta[i] = d.deltaA[i];
    }
  }
  const auto fill = [&](std::vector<Complex>& list, std::size_t count, double size) {
    for (std::size_t i = 0; i < count; ++i) list.push_back(draw.complex(size));
  };
  fill(d.B, d.P * d.H, 1), fill(d.C, d.H * d.P, 1), fill(d.u, d.N * d.H * d.L, 2 * scales.signal);
  fill(d.x0, d.N * d.P, scales.signal), fill(d.dy, d.N * d.H * d.L, scales.signal),
      fill(d.dlast, d.N * d.P, scales.signal);
  const std::size_t skips = kind == S5Kind::update ? d.H * d.H : d.H;
  for (std::size_t i = 0; i < skips; ++i) d.D.push_back(draw.real(1));
  if (kind != S5Kind::scan) {
    for (Complex& g : d.dy) g = g.real();
  }
  if (kind == S5Kind::update) {
    for (Complex& u : d.u) u = u.real();
  }
  if (profile == S5Profile::cancelling) cancel(draw, d);
  return d;
}

S5Results run_reference(const S5Data& data) {
  Random random(0);
  Style style;
  style.quotient = 2;
  return run_in(LongDouble{}, data, 64, emulation::Schedule::sequential, style, random, S5Defect::none);
}

S5Results run_kernel(const S5Data& data, const Setting& setting, emulation::Schedule schedule,
                     const Style& style, Random& random, S5Defect defect) {
  return with_arithmetic(setting, random, [&](const auto& arithmetic) {
    return run_in(arithmetic, data, setting.accumulate.precision, schedule, style, random, defect);
  });
}

Case s5_case(const S5Data& d, const S5Results& results, bool wide) {
  const auto i = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  const std::int64_t N = i(d.N), H = i(d.H), P = i(d.P), L = i(d.L);
  const bool update = d.kind == S5Kind::update, scan = d.kind == S5Kind::scan;
  Case value;
  value.op = scan ? "simplified_scan" : update ? "simplified_state_update" : "s5_inner";
  const std::vector<std::int64_t> steps = update ? std::vector{N, P} : std::vector{N, P, L},
                                  signal = update ? std::vector{N, H} : std::vector{N, H, L};
  auto& in = value.inputs;
  in["u"] = update ? real_tensor(wide, signal, real_parts(d.u)) : complex_tensor(wide, signal, d.u);
  in["delta"] = real_tensor(wide, steps, d.delta);
  if (d.separate_step) in["deltaA"] = real_tensor(wide, steps, d.deltaA);
  in["A"] = complex_tensor(wide, {P}, d.A), in["B"] = complex_tensor(wide, {P, H}, d.B);
  in["C"] = complex_tensor(wide, {H, P}, d.C);
  if (!scan) in["D"] = real_tensor(wide, update ? std::vector{H, H} : std::vector{H}, d.D);
  if (d.start) in[update ? "state" : "x0"] = complex_tensor(wide, {N, P}, d.x0);
  if (d.backward)
    in["dy"] = scan ? complex_tensor(wide, signal, d.dy) : real_tensor(wide, signal, real_parts(d.dy));
  if (d.last_gradient) in["dlast_state"] = complex_tensor(wide, {N, P}, d.dlast);
  constexpr std::array<const char*, 3> methods{"bilinear", "zoh", "dirac"};
  value.options["discretization"] = std::string(methods[static_cast<std::size_t>(d.method)]);
  if (!scan) value.options["conj_sym"] = d.conj_sym;
  const std::map<std::string, std::vector<std::int64_t>> shapes{
      {"y", signal}, {"last_state", {N, P}}, {"du", signal}, {"ddelta", steps}, {"ddeltaA", steps},
      {"dA", {P}},   {"dB", {P, H}},         {"dC", {H, P}}, {"dD", {H}},       {"dx0", {N, P}}};
  for (const auto& [name, values] : results) {
    if (name == "ddeltaA" && !d.separate_step) continue;
    const bool real = name == "ddelta" || name == "ddeltaA" || name == "dD" || (name == "y" && !scan);
    value.outputs[name] = real ? real_tensor(wide, shapes.at(name), real_parts(values))
                               : complex_tensor(wide, shapes.at(name), values);
  }
  return value;
}

}  // namespace exactscan::soundness
