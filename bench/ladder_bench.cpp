// The upper rungs: one channel of affine_scan through the definition of spec/, number by number. Time a step.
#include <benchmark/benchmark.h>

#include "bench/sample.hpp"
#include "oracle/check/ladder.hpp"
#include "spec/scalar_affine.hpp"

namespace exactscan::bench {
namespace {

template <class T>
void scan(benchmark::State& state) {
  const std::int64_t length = state.range(0);
  const Tensor a = uniform({length}, 0.5F, 1, 1), b = uniform({length}, -1, 1, 2);
  for (auto _ : state) {
    T h = FromDouble<T>::make(0);
    for (std::int64_t t = 0; t < length; ++t) {
      const spec::ScalarAffineTransition<T> transition{
          FromDouble<T>::make(static_cast<double>(floats(a)[t])),
          FromDouble<T>::make(static_cast<double>(floats(b)[t]))};
      h = spec::apply(transition, std::move(h));
    }
    benchmark::DoNotOptimize(h);
  }
  state.counters["time/step"] = benchmark::Counter(static_cast<double>(state.iterations() * length),
                                                   benchmark::Counter::kIsRate | benchmark::Counter::kInvert);
}

#define RUNG(...)                       \
  BENCHMARK_TEMPLATE(scan, __VA_ARGS__) \
      ->Arg(256)                        \
      ->Arg(1024)                       \
      ->Arg(4096)                       \
      ->Repetitions(5)                  \
      ->MinTime(0.05)                   \
      ->ReportAggregatesOnly(false)
RUNG(Ball<double>);
RUNG(Ball<DoubleDouble>);
RUNG(spec::Interval<256>);
RUNG(spec::Interval<1024>);
RUNG(spec::Dyadic);

}  // namespace
}  // namespace exactscan::bench

BENCHMARK_MAIN();
