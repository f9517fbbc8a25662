// S5 on one CPU: the scan alone and with its projections, forward and backward, beside copying and a scalar
// loop, and the certified check beside the kernel on the same case. Times are processor time of one thread,
// for one element: one state at one step of one sequence. Of the repetitions the fastest counts (aggregate
// "min"): other work on the machine can only add.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstring>
#include <random>
#include <vector>

#include "impl/s5.hpp"
#include "oracle/check/check.hpp"
#include "oracle/generate/generate.hpp"

namespace exactscan::bench {
namespace {

using Z = std::complex<float>;
using impl::s5::Discretization;

struct Shape {
  const char* name;
  std::int64_t batch, inputs, states, length;
  std::int64_t elements() const { return batch * states * length; }
};
// The first fits a second-level cache with all that the forward scan reads and writes; the second no cache.
constexpr Shape shapes[] = {{"in_cache", 1, 16, 16, 1024}, {"from_memory", 2, 64, 256, 8192}};
constexpr const char* methods[] = {"bilinear", "zoh", "dirac"};

// S4D-Lin's eigenvalues, steps as a trained layer has them.
struct Data {
  explicit Data(const Shape& s) : shape(s), engine(7) {
    const auto signal = s.batch * s.inputs * s.length, weights = s.inputs * s.states;
    for (auto* v : {&b, &x, &g, &gb}) draw(*v, s.elements());
    for (auto* v : {&u, &y, &dy, &du}) draw(*v, signal);
    for (auto* v : {&B, &C, &dB, &dC}) draw(*v, weights);
    draw(dA, s.states);
    for (std::int64_t p = 0; p < s.states; ++p) A.emplace_back(-0.5F, 3.14159F * static_cast<float>(p));
    std::uniform_real_distribution<float> exponent(-10, -4);
    for (std::int64_t i = 0; i < s.elements(); ++i) delta.push_back(std::exp2(exponent(engine)));
    ddelta.resize(delta.size());
  }
  void draw(std::vector<Z>& v, std::int64_t count) {
    std::uniform_real_distribution<float> unit(-1, 1);
    for (std::int64_t i = 0; i < count; ++i) v.emplace_back(unit(engine), unit(engine));
  }
  impl::s5::Scan<float> scan(Discretization method) {
    impl::s5::Scan<float> s;
    s.batch = shape.batch, s.states = shape.states, s.length = shape.length, s.method = method;
    s.b = b.data(), s.delta = delta.data(), s.A = A.data(), s.x = x.data();
    return s;
  }
  impl::s5::SimplifiedScan<float> system(Discretization method) {
    impl::s5::SimplifiedScan<float> s;
    s.batch = shape.batch, s.inputs = shape.inputs, s.states = shape.states, s.length = shape.length;
    s.method = method;
    s.u = u.data(), s.A = A.data(), s.B = B.data(), s.C = C.data(), s.delta = delta.data(), s.y = y.data();
    return s;
  }

  Shape shape;
  std::minstd_rand engine;
  std::vector<Z> b, x, g, gb, u, y, dy, du, A, B, C, dA, dB, dC;
  std::vector<float> delta, ddelta;
};

Data& data_of(std::int64_t shape) {
  static Data small(shapes[0]), large(shapes[1]);
  return shape == 0 ? small : large;
}

// `bytes`: that must be moved for an element.
void report(benchmark::State& state, std::int64_t elements, double bytes) {
  using benchmark::Counter;
  const auto done = static_cast<double>(state.iterations() * elements);
  state.counters["time/element"] = Counter(done, Counter::kIsRate | Counter::kInvert);
  if (bytes > 0) state.counters["rate"] = Counter(done * bytes, Counter::kIsRate);
}

// The bytes of the forward scan: b and delta read, x written. memcpy reads half of them and writes half.
constexpr double forward_bytes = 20, backward_bytes = 40;
void copy(benchmark::State& state) {
  Data& d = data_of(state.range(0));
  // From and to the start of a cache line: memcpy may be several times slower elsewhere.
  const auto bytes = static_cast<std::size_t>(d.shape.elements()) * 10;
  std::vector<std::byte> from(bytes + 64), to(bytes + 64);
  const auto aligned = [](std::vector<std::byte>& v) {
    return v.data() + (64 - reinterpret_cast<std::uintptr_t>(v.data()) % 64) % 64;
  };
  for (auto _ : state) {
    std::memcpy(aligned(to), aligned(from), bytes);
    benchmark::ClobberMemory();
  }
  report(state, d.shape.elements(), forward_bytes);
}

void scan_forward(benchmark::State& state) {
  Data& d = data_of(state.range(0));
  const auto s = d.scan(static_cast<Discretization>(state.range(1)));
  state.SetLabel(methods[state.range(1)]);
  for (auto _ : state) impl::s5::scan(s);
  report(state, d.shape.elements(), forward_bytes);
}

// With the states of the forward pass, or (recompute) without them.
void scan_backward(benchmark::State& state) {
  Data& d = data_of(state.range(0));
  impl::s5::ScanBackward<float> back;
  back.forward = d.scan(static_cast<Discretization>(state.range(1)));
  impl::s5::scan(back.forward);
  if (state.range(2) != 0) back.forward.x = nullptr;
  back.g = d.g.data(), back.gb = d.gb.data(), back.dA = d.dA.data(), back.ddelta = d.ddelta.data();
  state.SetLabel(methods[state.range(1)]);
  for (auto _ : state) impl::s5::scan_backward(back);
  report(state, d.shape.elements(), state.range(2) != 0 ? 0 : backward_bytes);
}

void with_projections(benchmark::State& state) {
  Data& d = data_of(state.range(0));
  const auto s = d.system(static_cast<Discretization>(state.range(1)));
  state.SetLabel(methods[state.range(1)]);
  for (auto _ : state) impl::s5::simplified_scan(s);
  report(state, d.shape.elements(), 0);
}
void with_projections_backward(benchmark::State& state) {
  Data& d = data_of(state.range(0));
  impl::s5::SimplifiedScanBackward<float> back;
  back.forward = d.system(static_cast<Discretization>(state.range(1)));
  back.dy = d.dy.data(), back.du = d.du.data(), back.dA = d.dA.data();
  back.dB = d.dB.data(), back.dC = d.dC.data(), back.ddelta = d.ddelta.data();
  state.SetLabel(methods[state.range(1)]);
  for (auto _ : state) impl::s5::simplified_scan_backward(back);
  report(state, d.shape.elements(), 0);
}

// As one writes it, row by row, compiled for the baseline processor.
void scalar_forward(benchmark::State& state) {
  Data& d = data_of(state.range(0));
  const auto s = d.scan(static_cast<Discretization>(state.range(1)));
  state.SetLabel(methods[state.range(1)]);
  for (auto _ : state) {
    for (std::int64_t row = 0; row < s.batch * s.states; ++row) {
      const Z a = s.A[row % s.states];
      Z x = 0;
      for (std::int64_t i = row * s.length; i < (row + 1) * s.length; ++i) {
        const float step = s.delta[i];
        Z multiplier, gain = 1;
        if (s.method == Discretization::bilinear) {
          const Z inverse = 1.0F / (1.0F - step / 2 * a);
          multiplier = (1.0F + step / 2 * a) * inverse;
          gain = step * inverse;
        } else {
          multiplier = std::exp(step * a);
          if (s.method == Discretization::zoh) gain = (multiplier - 1.0F) / a;
        }
        s.x[i] = x = multiplier * x + gain * s.b[i];
      }
    }
    benchmark::ClobberMemory();
  }
  report(state, d.shape.elements(), forward_bytes);
}

// One case of moderate size, by the kernel and by the oracle. The seed chooses the discretization; even seeds
// have no deltaA.
constexpr std::uint64_t seeds[] = {0, 4, 2};
Case sample(std::int64_t method, bool backward) {
  GenerateRequest request;
  request.op = "simplified_scan";
  request.profile = "mamba";
  request.seed = seeds[method];
  request.backward = backward;
  request.shape = {{"N", 1}, {"H", 8}, {"P", 32}, {"L", 512}};
  return exact_outputs(generate(request));
}
void certified_check(benchmark::State& state) {
  const Case value = sample(state.range(0), state.range(1) != 0);
  state.SetLabel(methods[state.range(0)]);
  for (auto _ : state) {
    const CaseReport found = check(value);
    if (found.verdict != Verdict::explained) return state.SkipWithError(found.reason.c_str());
  }
  report(state, 32 * 512, 0);
}
void kernel_of_check(benchmark::State& state) {
  Data d({"check", 1, 8, 32, 512});
  impl::s5::SimplifiedScanBackward<float> back;
  back.forward = d.system(static_cast<Discretization>(state.range(0)));
  back.dy = d.dy.data(), back.du = d.du.data(), back.dA = d.dA.data();
  back.dB = d.dB.data(), back.dC = d.dC.data(), back.ddelta = d.ddelta.data();
  state.SetLabel(methods[state.range(0)]);
  for (auto _ : state) {
    impl::s5::simplified_scan(back.forward);
    if (state.range(1) != 0) impl::s5::simplified_scan_backward(back);
  }
  report(state, 32 * 512, 0);
}

void fastest(benchmark::internal::Benchmark* b) {
  b->Repetitions(7)->MinTime(0.02)->ReportAggregatesOnly()->ComputeStatistics(
      "min", [](const std::vector<double>& v) { return *std::min_element(v.begin(), v.end()); });
}
void by_shape(benchmark::internal::Benchmark* b) { fastest(b->ArgNames({"shape"})->ArgsProduct({{0, 1}})); }
void by_shape_and_method(benchmark::internal::Benchmark* b) {
  fastest(b->ArgNames({"shape", "method"})->ArgsProduct({{0, 1}, {0, 1, 2}}));
}
void by_shape_method_and_states(benchmark::internal::Benchmark* b) {
  fastest(b->ArgNames({"shape", "method", "recompute"})->ArgsProduct({{0, 1}, {0, 1, 2}, {0, 1}}));
}
void by_method_and_direction(benchmark::internal::Benchmark* b) {
  fastest(b->ArgNames({"method", "backward"})->ArgsProduct({{0, 1, 2}, {0, 1}}));
  b->Repetitions(3);
}
BENCHMARK(copy)->Apply(by_shape);
BENCHMARK(scan_forward)->Apply(by_shape_and_method);
BENCHMARK(scalar_forward)->Apply(by_shape_and_method);
BENCHMARK(scan_backward)->Apply(by_shape_method_and_states);
BENCHMARK(with_projections)->Apply(by_shape_and_method);
BENCHMARK(with_projections_backward)->Apply(by_shape_and_method);
BENCHMARK(kernel_of_check)->Apply(by_method_and_direction);
BENCHMARK(certified_check)->Apply(by_method_and_direction);

}  // namespace
}  // namespace exactscan::bench

BENCHMARK_MAIN();
