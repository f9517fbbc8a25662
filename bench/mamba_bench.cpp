// The Mamba kernels beside naive loops, the machine's bandwidth and the throughput of exp alone, in one run.
// Time a state update: batch * length * channels * states for the selective scan, T * H * P * N for SSD.
// Processor time of one thread; of the repetitions read the minimum, the machine may be loaded.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "bench/peers.hpp"
#include "bench/sample.hpp"
#include "impl/selective_scan.hpp"
#include "impl/ssd.hpp"
#include "oracle/check/check.hpp"

namespace exactscan::bench {
namespace {

using Floats = std::vector<float>;

Floats random(std::int64_t count, float low, float high, std::uint64_t seed) {
  std::mt19937_64 engine(seed);
  std::uniform_real_distribution<float> draw(low, high);
  Floats values(static_cast<std::size_t>(count));
  for (float& value : values) value = draw(engine);
  return values;
}

template <class T>
std::vector<T> stored(const Floats& from) {
  std::vector<T> to(from.size());
  std::transform(from.begin(), from.end(), to.begin(), [](float x) { return impl::from_state<T>(x); });
  return to;
}

void report(benchmark::State& state, std::int64_t updates) {
  state.counters["time/update"] =
      benchmark::Counter(static_cast<double>(state.iterations() * updates),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// ---- Mamba-1 ----

// Step sizes of about 0.002 to 0.3, rates of -1 to -16, with all options on.
template <class T>
struct ScanData {
  impl::SelectiveShape shape;
  std::vector<T> u, delta, z, B, C, dy, y;
  Floats A, D, bias, last;

  ScanData(std::int64_t channels, std::int64_t length, std::int64_t states = 16)
      : shape{1, channels, 1, states, length},
        u(stored<T>(random(channels * length, -1, 1, 1))),
        delta(stored<T>(random(channels * length, -6, -1, 2))),
        z(stored<T>(random(channels * length, -2, 2, 3))),
        B(stored<T>(random(states * length, -1, 1, 4))),
        C(stored<T>(random(states * length, -1, 1, 5))),
        dy(stored<T>(random(channels * length, -1, 1, 9))),
        y(u.size()),
        A(random(channels * states, -16, -1, 6)),
        D(random(channels, -1, 1, 7)),
        bias(random(channels, -0.1F, 0.1F, 8)),
        last(A.size()) {}

  impl::SelectiveInputs<T> inputs() const {
    impl::SelectiveInputs<T> in;
    in.u = u.data(), in.delta = delta.data(), in.A = A.data(), in.B = B.data(), in.C = C.data();
    in.D = D.data(), in.z = z.data(), in.delta_bias = bias.data();
    in.step.softplus = true;
    return in;
  }
  std::int64_t updates() const { return shape.channels * shape.length * shape.states; }
};

// The textbook: channel by channel, step by step, the C library's functions.
void naive_scan(const ScanData<float>& s, float* y, float* last) {
  const auto [batch, channels, groups, states, length] = s.shape;
  Floats h(static_cast<std::size_t>(states));
  for (std::int64_t d = 0; d < channels; ++d) {
    std::fill(h.begin(), h.end(), 0.0F);
    for (std::int64_t t = 0; t < length; ++t) {
      const std::int64_t i = d * length + t;
      const auto at = static_cast<std::size_t>(i), row = static_cast<std::size_t>(d);
      const float x = s.delta[at] + s.bias[row], delta = x > 20 ? x : std::log1p(std::exp(x));
      float sum = s.D[row] * s.u[at];
      for (std::int64_t n = 0; n < states; ++n) {
        const auto k = static_cast<std::size_t>(n), weight = static_cast<std::size_t>(n * length + t);
        h[k] = std::exp(delta * s.A[static_cast<std::size_t>(d * states + n)]) * h[k] +
               delta * s.B[weight] * s.u[at];
        sum += s.C[weight] * h[k];
      }
      y[i] = sum * s.z[at] / (1 + std::exp(-s.z[at]));
    }
    std::copy(h.begin(), h.end(), last + d * states);
  }
}

void mamba1_naive(benchmark::State& state) {
  ScanData<float> s(state.range(0), state.range(1));
  for (auto _ : state) {
    naive_scan(s, s.y.data(), s.last.data());
    benchmark::ClobberMemory();
  }
  report(state, s.updates());
}
template <class T>
void mamba1(benchmark::State& state) {
  ScanData<T> s(state.range(0), state.range(1));
  const auto in = s.inputs();
  for (auto _ : state) {
    impl::selective_scan<T>(s.shape, in, s.y.data(), s.last.data());
    benchmark::ClobberMemory();
  }
  report(state, s.updates());
}
// What softplus and gate cost: the same without them.
void mamba1_bare(benchmark::State& state) {
  ScanData<float> s(state.range(0), state.range(1));
  for (float& x : s.delta) x = std::exp(x);
  auto in = s.inputs();
  in.z = nullptr, in.step.softplus = false;
  for (auto _ : state) {
    impl::selective_scan<float>(s.shape, in, s.y.data(), s.last.data());
    benchmark::ClobberMemory();
  }
  report(state, s.updates());
}
void mamba1_backward(benchmark::State& state) {
  const ScanData<float> s(state.range(0), state.range(1));
  Floats du(s.u.size()), ddelta(du), dz(du), dB(s.B.size()), dC(dB), dA(s.A.size()), dD(s.D.size()),
      dbias(dD);
  impl::SelectiveGradients<float> out;
  out.du = du.data(), out.ddelta = ddelta.data(), out.dz = dz.data(), out.dB = dB.data(), out.dC = dC.data();
  out.dA = dA.data(), out.dD = dD.data(), out.ddelta_bias = dbias.data();
  for (auto _ : state) {
    impl::selective_scan_backward<float>(s.shape, s.inputs(), s.dy.data(), out);
    benchmark::ClobberMemory();
  }
  report(state, s.updates());
}
void mamba1_step(benchmark::State& state) {
  ScanData<float> s(state.range(0), 1);
  for (auto _ : state) {
    impl::selective_state_update<float>(s.shape, s.inputs(), s.last.data(), s.y.data());
    benchmark::ClobberMemory();
  }
  report(state, s.updates());
}
// 2^(x y) alone, one a state update, operands and results in the first-level cache.
void exp_alone(benchmark::State& state) {
  constexpr std::int64_t rows = 64;
  const Floats x = random(rows * impl::kTileWidth, 0, 0.3F, 1),
               y = random(rows * impl::kTileWidth, -16, -1, 2);
  Floats out(x.size());
  for (auto _ : state) {
    impl::exp2_each(x.data(), y.data(), out.data(), rows);
    benchmark::ClobberMemory();
  }
  report(state, rows * impl::kTileWidth);
}

// ---- Mamba-2 ----

template <class T>
struct SsdData {
  impl::SsdShape shape;
  std::vector<T> x, dt, B, C, y;
  Floats A, D, final;

  explicit SsdData(std::int64_t steps, std::int64_t heads = 80, std::int64_t width = 64,
                   std::int64_t states = 128)
      : shape{1, steps, heads, width, states, 1},
        x(stored<T>(random(steps * heads * width, -1, 1, 1))),
        dt(stored<T>(random(steps * heads, -6, -1, 2))),
        B(stored<T>(random(steps * states, -1, 1, 3))),
        C(stored<T>(random(steps * states, -1, 1, 4))),
        y(x.size()),
        A(random(heads, -16, -1, 5)),
        D(random(heads, -1, 1, 6)),
        final(static_cast<std::size_t>(heads * width * states)) {}

  impl::SsdTensors<T> tensors() const {
    impl::SsdTensors<T> in;
    in.x = x.data(), in.dt = dt.data(), in.A = A.data(), in.B = B.data(), in.C = C.data(), in.D = D.data();
    in.step.softplus = true;
    return in;
  }
  std::int64_t updates() const { return shape.steps * shape.heads * shape.width * shape.states; }
};

void naive_ssd(const SsdData<float>& s, float* y, float* final) {
  const auto [batch, steps, heads, width, states, groups] = s.shape;
  std::fill_n(final, heads * width * states, 0.0F);
  for (std::int64_t t = 0; t < steps; ++t) {
    for (std::int64_t h = 0; h < heads; ++h) {
      const float dt = std::log1p(std::exp(s.dt[static_cast<std::size_t>(t * heads + h)]));
      const float a = std::exp(dt * s.A[static_cast<std::size_t>(h)]);
      for (std::int64_t p = 0; p < width; ++p) {
        const std::int64_t i = (t * heads + h) * width + p;
        const float x = s.x[static_cast<std::size_t>(i)];
        float* const row = final + (h * width + p) * states;
        float sum = s.D[static_cast<std::size_t>(h)] * x;
        for (std::int64_t n = 0; n < states; ++n) {
          const auto weight = static_cast<std::size_t>(t * states + n);
          row[n] = a * row[n] + dt * s.B[weight] * x;
          sum += s.C[weight] * row[n];
        }
        y[i] = sum;
      }
    }
  }
}
void mamba2_naive(benchmark::State& state) {
  SsdData<float> s(state.range(0));
  for (auto _ : state) {
    naive_ssd(s, s.y.data(), s.final.data());
    benchmark::ClobberMemory();
  }
  report(state, s.updates());
}
template <class T>
void mamba2(benchmark::State& state) {
  SsdData<T> s(state.range(0));
  const auto in = s.tensors();
  for (auto _ : state) {
    impl::ssd<T>(s.shape, in, s.y.data(), s.final.data(), nullptr);
    benchmark::ClobberMemory();
  }
  report(state, s.updates());
}

// ---- Yardsticks ----

// h = a h + b in float32, one channel in the first-level cache: four cycles a step.
void chain(benchmark::State& state) {
  const std::int64_t length = 2048;
  const Floats a = random(length, 0.5F, 1, 1), b = random(length, -1, 1, 2);
  Floats h(a.size());
  for (auto _ : state) {
    scan_f32_channel(a.data(), b.data(), h.data(), length);
    benchmark::ClobberMemory();
  }
  report(state, length);
}
// Bytes read and written.
void copy(benchmark::State& state) {
  const std::vector<char> from(static_cast<std::size_t>(state.range(0)), 1);
  std::vector<char> to(from.size());
  for (auto _ : state) {
    std::memcpy(to.data(), from.data(), from.size());
    benchmark::ClobberMemory();
  }
  state.SetBytesProcessed(state.iterations() * 2 * state.range(0));
}

// ---- The certified check beside the kernel, on one case ----

Tensor tensor(std::vector<std::int64_t> shape, const Floats& values) {
  Tensor result{ElementType::f32, std::move(shape), {}};
  result.data.resize(values.size() * sizeof(float));
  std::memcpy(result.data.data(), values.data(), result.data.size());
  return result;
}
void judge(benchmark::State& state, const Case& value, std::int64_t updates) {
  for (auto _ : state) {
    const CaseReport verdict = check(value);
    if (verdict.verdict != Verdict::explained) return state.SkipWithError("not explained");
  }
  report(state, updates);
}
void mamba1_check(benchmark::State& state) {
  ScanData<float> s(state.range(0), state.range(1));
  const auto [batch, channels, groups, states, length] = s.shape;
  impl::selective_scan<float>(s.shape, s.inputs(), s.y.data(), s.last.data());
  Case value;
  value.op = "selective_scan";
  value.options["delta_softplus"] = true;
  const std::vector<std::int64_t> rows{1, channels, length}, weights{1, states, length};
  value.inputs = {{"u", tensor(rows, s.u)},       {"delta", tensor(rows, s.delta)},
                  {"z", tensor(rows, s.z)},       {"A", tensor({channels, states}, s.A)},
                  {"B", tensor(weights, s.B)},    {"C", tensor(weights, s.C)},
                  {"D", tensor({channels}, s.D)}, {"delta_bias", tensor({channels}, s.bias)}};
  value.outputs = {{"y", tensor(rows, s.y)}, {"last_state", tensor({1, channels, states}, s.last)}};
  judge(state, value, s.updates());
}
void mamba2_check(benchmark::State& state) {
  SsdData<float> s(state.range(0), 2, 16, 32);
  const auto [batch, steps, heads, width, states, groups] = s.shape;
  impl::ssd<float>(s.shape, s.tensors(), s.y.data(), s.final.data(), nullptr);
  Case value;
  value.op = "ssd";
  value.options["dt_softplus"] = true;
  value.inputs = {{"x", tensor({1, steps, heads, width}, s.x)},
                  {"dt", tensor({1, steps, heads}, s.dt)},
                  {"A", tensor({heads}, s.A)},
                  {"B", tensor({1, steps, 1, states}, s.B)},
                  {"C", tensor({1, steps, 1, states}, s.C)},
                  {"D", tensor({heads}, s.D)}};
  value.outputs = {{"y", tensor({1, steps, heads, width}, s.y)},
                   {"final_states", tensor({1, heads, width, states}, s.final)}};
  judge(state, value, s.updates());
}

double least(const std::vector<double>& values) { return *std::min_element(values.begin(), values.end()); }
void repeated(benchmark::internal::Benchmark* b) {
  b->Repetitions(5)
      ->ComputeStatistics("least", least)
      ->ReportAggregatesOnly()
      ->MinTime(0.1)
      ->Unit(benchmark::kMillisecond);
}
void scan_shapes(benchmark::internal::Benchmark* b) {
  for (const std::int64_t channels : {1536, 5120}) {
    for (const std::int64_t length : {512, 2048}) b->Args({channels, length});
  }
  repeated(b->ArgNames({"D", "L"}));
}
void ssd_shapes(benchmark::internal::Benchmark* b) { repeated(b->ArgName("T")->Arg(512)->Arg(2048)); }

BENCHMARK(chain)->Apply(repeated);
BENCHMARK(copy)->Arg(1 << 18)->Arg(1 << 27)->Apply(repeated);
BENCHMARK(exp_alone)->Apply(repeated);
BENCHMARK(mamba1_naive)->Args({1536, 512})->ArgNames({"D", "L"})->Apply(repeated);
BENCHMARK_TEMPLATE(mamba1, float)->Apply(scan_shapes);
BENCHMARK_TEMPLATE(mamba1, impl::BFloat16)->Apply(scan_shapes);
BENCHMARK(mamba1_bare)->Apply(scan_shapes);
BENCHMARK(mamba1_backward)->Args({1536, 512})->ArgNames({"D", "L"})->Apply(repeated);
BENCHMARK(mamba1_step)->Arg(1536)->Arg(5120)->ArgName("D")->Apply(repeated);
BENCHMARK(mamba2_naive)->Arg(512)->ArgName("T")->Apply(repeated);
BENCHMARK_TEMPLATE(mamba2, float)->Apply(ssd_shapes);
BENCHMARK_TEMPLATE(mamba2, impl::BFloat16)->Apply(ssd_shapes);
BENCHMARK_TEMPLATE(mamba1, float)->Args({32, 256})->ArgNames({"D", "L"})->Apply(repeated);
BENCHMARK(mamba1_check)->Args({32, 256})->ArgNames({"D", "L"})->Apply(repeated);
BENCHMARK(mamba2_check)->Arg(256)->ArgName("T")->Apply(repeated);

}  // namespace
}  // namespace exactscan::bench

BENCHMARK_MAIN();
