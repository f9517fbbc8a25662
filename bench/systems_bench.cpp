// What is not the fast path: a refuted case (the careful judgement), diagonal_ssm, diagonal_s4. Time an
// element of the scan.
#include <benchmark/benchmark.h>

#include "bench/sample.hpp"
#include "oracle/check/check.hpp"

namespace exactscan::bench {
namespace {

void judge(benchmark::State& state, const Case& value, std::int64_t elements, Verdict expected) {
  for (auto _ : state) {
    const CaseReport report = check(value);
    if (report.verdict != expected) return state.SkipWithError(report.reason.c_str());
    benchmark::DoNotOptimize(report.verdict);
  }
  state.counters["time/element"] =
      benchmark::Counter(static_cast<double>(state.iterations() * elements),
                         benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

// Every state of every channel is off by a part in a thousand.
void refuted_everywhere(benchmark::State& state) {
  const std::int64_t length = 1024, channels = 64;
  Case value = affine_case(length, channels);
  for (std::int64_t i = 0; i < length * channels; ++i) floats(value.outputs["h"])[i] *= 1.001F;
  judge(state, value, length * channels, Verdict::refuted);
}
// A carry lost in one channel from half time on.
void refuted_in_one_channel(benchmark::State& state) {
  const std::int64_t length = 1024, channels = 64;
  Case value = affine_case(length, channels);
  for (std::int64_t t = length / 2; t < length; ++t) floats(value.outputs["h"])[t * channels] += 1.0F;
  judge(state, value, length * channels, Verdict::refuted);
}

void all_outputs(benchmark::State& state) {
  const std::int64_t length = 1024, channels = 64;
  Case value = exact_outputs([&] {
    Case inputs = affine_case(length, channels);
    inputs.outputs.clear();
    return inputs;
  }());
  judge(state, value, length * channels, Verdict::explained);
}

Case ssm_case(std::int64_t length, std::int64_t channels, bool backward) {
  Case value;
  value.file = "sample";
  value.op = "diagonal_ssm";
  value.inputs["A"] = uniform({channels}, 0.5F, 1, 1);
  value.inputs["B"] = uniform({channels}, -1, 1, 2);
  value.inputs["x"] = uniform({length, channels}, -1, 1, 3);
  value.inputs["h0"] = uniform({channels}, -1, 1, 4);
  if (backward) value.inputs["dh"] = uniform({length, channels}, -1, 1, 5);
  return exact_outputs(value);
}
void ssm(benchmark::State& state) {
  judge(state, ssm_case(1024, 64, state.range(0) != 0), 1024 * 64, Verdict::explained);
}

void s4(benchmark::State& state) {
  const std::int64_t length = 256, width = 16, channels = 64;
  Case value;
  value.file = "sample";
  value.op = "diagonal_s4";
  value.inputs["in_proj"] = uniform({width, channels}, -1, 1, 1);
  value.inputs["out_proj"] = uniform({channels, width}, -1, 1, 2);
  value.inputs["A"] = uniform({channels}, 0.5F, 1, 3);
  value.inputs["B"] = uniform({channels}, -1, 1, 4);
  value.inputs["C"] = uniform({channels}, -1, 1, 5);
  value.inputs["D"] = uniform({channels}, -1, 1, 6);
  value.inputs["x"] = uniform({length, width}, -1, 1, 7);
  value.inputs["h0"] = uniform({channels}, -1, 1, 8);
  judge(state, exact_outputs(value), length * channels, Verdict::explained);
}

BENCHMARK(refuted_everywhere)->Repetitions(3)->Unit(benchmark::kMillisecond);
BENCHMARK(refuted_in_one_channel)->Repetitions(3)->Unit(benchmark::kMillisecond);
BENCHMARK(all_outputs)->Repetitions(3)->Unit(benchmark::kMillisecond);
BENCHMARK(ssm)->ArgName("backward")->Arg(0)->Arg(1)->Repetitions(3)->Unit(benchmark::kMillisecond);
BENCHMARK(s4)->Repetitions(3)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace exactscan::bench

BENCHMARK_MAIN();
