// The check of affine_scan against float32 and float64 recurrences and the machine's bandwidth, shape by
// shape, in one process. After Google Benchmark's own table come the ratios, from the fastest repetition of
// each: other programs on the machine only ever make a run slower.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <map>
#include <memory>

#include "bench/sample.hpp"
#include "oracle/check/check.hpp"

namespace exactscan::bench {
namespace {

struct Shape {
  const char* name;
  std::int64_t length, channels;
};
constexpr Shape shapes[] = {{"L1", 64, 32},
                            {"L2", 512, 64},
                            {"L3", 1024, 512},
                            {"DRAM", 4096, 4096},
                            {"DRAM wide", 1024, 16384},
                            {"DRAM ragged", 4096, 4091},
                            {"ragged", 512, 61},
                            {"one channel", 65536, 1}};

// The data of one shape, made once; only the latest is kept, since the largest takes hundreds of megabytes.
struct Data {
  Shape shape;
  Case value;
  Tensor out;
  std::vector<double> state;
  explicit Data(const Shape& s)
      : shape(s),
        value(affine_case(s.length, s.channels)),
        out(empty_f32({s.length * s.channels + 16})),
        state(static_cast<std::size_t>(s.channels)) {}
  const float* a() const { return floats(value.inputs.at("a")); }
  const float* b() const { return floats(value.inputs.at("b")); }
  const float* h() const { return floats(value.outputs.at("h")); }
  float* aligned_out() {
    const auto address = reinterpret_cast<std::uintptr_t>(floats(out));
    return floats(out) + (32 - address % 32) % 32 / sizeof(float);
  }
};

Data& data_of(const Shape& shape) {
  static std::unique_ptr<Data> latest;
  if (!latest || latest->shape.name != shape.name) {
    latest.reset();
    latest = std::make_unique<Data>(shape);
  }
  return *latest;
}

using Work = void (*)(Data&);
void check_work(Data& d) {
  const CaseReport report = check(d.value);
  if (report.verdict != Verdict::explained) std::abort();
  benchmark::DoNotOptimize(report.tensors[0].max_ratio);
}
void f32_work(Data& d) {
  scan_f32(d.a(), d.b(), d.aligned_out(), d.shape.length, d.shape.channels);
  benchmark::ClobberMemory();
}
void f32_channel_work(Data& d) {
  scan_f32_channel(d.a(), d.b(), d.aligned_out(), d.shape.length);
  benchmark::ClobberMemory();
}
void f32_streaming_work(Data& d) {
  scan_f32_streaming(d.a(), d.b(), d.aligned_out(), d.shape.length, d.shape.channels);
  benchmark::ClobberMemory();
}
void f64_work(Data& d) {
  benchmark::DoNotOptimize(
      scan_f64_compare(d.a(), d.b(), d.h(), d.state.data(), d.shape.length, d.shape.channels));
}
std::size_t elements(const Data& d) { return static_cast<std::size_t>(d.shape.length * d.shape.channels); }
void copy_work(Data& d) {
  std::memcpy(d.aligned_out(), d.a(), 4 * elements(d));
  benchmark::ClobberMemory();
}
void copy_streaming_work(Data& d) {
  copy_streaming(d.a(), d.aligned_out(), elements(d));
  benchmark::ClobberMemory();
}
void read_work(Data& d) {  // the check's twelve bytes an element
  benchmark::DoNotOptimize(read_all(d.a(), elements(d)));
  benchmark::DoNotOptimize(read_all(d.b(), elements(d)));
  benchmark::DoNotOptimize(read_all(d.h(), elements(d)));
}

struct Subject {
  const char* name;
  Work work;
};
constexpr Subject subjects[] = {{"check", check_work},
                                {"f32", f32_work},
                                {"f32 channel", f32_channel_work},
                                {"f32 stream", f32_streaming_work},
                                {"f64", f64_work},
                                {"copy", copy_work},
                                {"copy stream", copy_streaming_work},
                                {"read", read_work}};

bool applies(const Subject& subject, const Shape& shape) {
  if (subject.work == f32_channel_work) return shape.channels == 1;
  if (subject.work == f32_streaming_work) return shape.channels % 8 == 0;
  return true;
}

// Keeps the fastest time per element of each benchmark.
class Ratios : public benchmark::ConsoleReporter {
 public:
  Ratios() : ConsoleReporter(OO_Tabular) {}
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      if (run.run_type != Run::RT_Iteration || run.error_occurred) continue;
      const double ns = 1e9 / run.counters.at("items_per_second").value;
      auto& best = best_[run.run_name.function_name];
      if (best == 0 || ns < best) best = ns;
    }
    if (std::getenv("EXACTSCAN_BENCH_VERBOSE") != nullptr) ConsoleReporter::ReportRuns(runs);
  }
  bool ReportContext(const Context& context) override { return ConsoleReporter::ReportContext(context); }

  void table() const {
    std::printf(
        "\nns per element (fastest of all repetitions)\n%-12s %14s %7s %7s %7s %7s %7s | %9s %9s %9s %9s\n",
        "", "L x D", "check", "f32", "f64", "copy", "read12", "/best f32", "/copy", "/floor", "72ns/");
    for (const Shape& shape : shapes) row(shape);
  }

 private:
  double of(const Shape& shape, const char* subject) const {
    const auto found = best_.find(std::string(subject) + "/" + shape.name);
    return found == best_.end() ? 0 : found->second;
  }
  static double least(double x, double y) { return y == 0 || (x != 0 && x < y) ? x : y; }
  void row(const Shape& shape) const {
    const double check_ns = of(shape, "check"), read = of(shape, "read");
    if (check_ns == 0) return;
    const double f32 = least(least(of(shape, "f32"), of(shape, "f32 stream")), of(shape, "f32 channel")),
                 copy = least(of(shape, "copy"), of(shape, "copy stream"));
    std::printf("%-12s %7ld x %4ld %7.3f %7.3f %7.3f %7.3f %7.3f | %9.2f %9.2f %9.2f %9.1f\n", shape.name,
                static_cast<long>(shape.length), static_cast<long>(shape.channels), check_ns, f32,
                of(shape, "f64"), copy, read, check_ns / f32, check_ns / copy, check_ns / read,
                72 / check_ns);
  }
  std::map<std::string, double> best_;
};

void register_all() {
  for (const Shape& shape : shapes) {
    for (const Subject& subject : subjects) {
      if (!applies(subject, shape)) continue;
      const std::string name = std::string(subject.name) + "/" + shape.name;
      benchmark::RegisterBenchmark(
          name.c_str(),
          [&shape, work = subject.work](benchmark::State& state) {
            Data& data = data_of(shape);
            for (auto _ : state) work(data);
            state.SetItemsProcessed(state.iterations() * shape.length * shape.channels);
          })
          ->MinTime(0.05)
          ->Repetitions(7);
    }
  }
}

}  // namespace
}  // namespace exactscan::bench

int main(int argc, char** argv) {
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  exactscan::bench::register_all();
  exactscan::bench::Ratios ratios;
  benchmark::RunSpecifiedBenchmarks(&ratios);
  ratios.table();
  return 0;
}
