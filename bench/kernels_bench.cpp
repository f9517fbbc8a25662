// Speed of the scans on one CPU, beside the yardsticks of the same run: copying, the floor (h = 0.5 a + b,
// the same reads and writes without a recurrence; the better of plain and streaming stores), a scalar loop,
// std::inclusive_scan and Thrust.
//
// Rounds of all methods are interleaved and the median over rounds of each method's time, and of its ratio to
// the floor of the same round, is reported, so that a machine that slows down slows all of them down. Bytes
// are those that a scan must move: a, b and h once each.
#include <fmt/format.h>
#include <thrust/system/cpp/execution_policy.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "bench/peers.hpp"
#include "cuda/thrust_affine_scan.hpp"
#include "impl/diagonal_scan.hpp"

namespace exactscan {
namespace {

// Seconds: of this process's processors for one thread, so that other work on the machine counts less; of the
// clock on the wall for several.
double now(bool several_threads) {
  timespec t{};
  clock_gettime(several_threads ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &t);
  return static_cast<double>(t.tv_sec) + 1e-9 * static_cast<double>(t.tv_nsec);
}

struct Shape {
  const char* name;
  std::int64_t length, channels;
  bool rows;  // [D, L] rather than [L, D]
};

// Arrays that start at a cache line, apart by more than a page so that their sets in the cache differ.
struct Arrays {
  explicit Arrays(std::int64_t n) : a(padded(n)), b(padded(n)), h(padded(n)) {
    for (std::size_t i = 0; i < a.size(); ++i) {
      a[i] = 0.5F + 0.4F * static_cast<float>(i * 2654435761U % 1000) / 1000;
      b[i] = static_cast<float>(i * 40503U % 2001) / 1000 - 1;
    }
  }
  static std::size_t padded(std::int64_t n) { return static_cast<std::size_t>(n) + 64; }
  static float* aligned(std::vector<float>& v) {
    const auto address = reinterpret_cast<std::uintptr_t>(v.data());
    return v.data() + (64 - address % 64) % 64 / sizeof(float);
  }
  std::vector<float> a, b, h;
};

struct Method {
  std::string name;
  double bytes;  // per element
  std::function<void()> run;
  bool several_threads = false;
  std::vector<double> seconds = {};
};

struct Pair {
  float a, b;
};

// Compiled for the baseline processor, as a plain loop in a user's program would be.
void scalar_scan(const Shape& s, const float* a, const float* b, float* h) {
  if (s.rows) {
    for (std::int64_t n = 0; n < s.channels; ++n) {
      float state = 0;
      for (std::int64_t i = n * s.length; i < (n + 1) * s.length; ++i) h[i] = state = a[i] * state + b[i];
    }
    return;
  }
  for (std::int64_t i = 0; i < s.channels; ++i) h[i] = b[i];
  for (std::int64_t i = s.channels; i < s.length * s.channels; ++i) h[i] = a[i] * h[i - s.channels] + b[i];
}

// The places of the yardsticks in the list.
enum : std::size_t { copying, plain_floor, streaming_floor, yardsticks };

std::vector<Method> yardstick_methods(std::int64_t n, const float* a, const float* b, float* h) {
  const auto count = static_cast<std::size_t>(n);
  return {{"copy (memcpy)", 8, [=] { std::memcpy(h, b, count * sizeof(float)); }},
          {"floor, plain stores", 12, [=] { bench::halve_and_add(a, b, h, count); }},
          {"floor, streaming stores", 12, [=] { bench::halve_and_add_streaming(a, b, h, count); }}};
}

void add_peers(std::vector<Method>& list, const Shape& s, const float* a, const float* b, float* h) {
  const std::int64_t n = s.length * s.channels;
  auto pairs = std::make_shared<std::vector<Pair>>();
  for (std::int64_t i = 0; i < n; ++i) pairs->push_back({i % s.length == 0 ? 0 : a[i], b[i]});
  list.push_back({"std::inclusive_scan (pairs, in place)", 12, [=] {
                    std::inclusive_scan(pairs->begin(), pairs->end(), pairs->begin(),
                                        [](const Pair& x, const Pair& y) {
                                          return Pair{y.a * x.a, y.a * x.b + y.b};
                                        });
                  }});
  list.push_back({"Thrust, CPP system", 12, [=] {
                    using Storage = thrust_kernels::Plain<float>;
                    thrust_kernels::inclusive_affine_scan(
                        thrust::cpp::par, thrust_kernels::AffineScan<Storage>{s.length,
                                                                              s.channels,
                                                                              {a, 1, s.length},
                                                                              {b, 1, s.length},
                                                                              nullptr,
                                                                              {h, 1, s.length},
                                                                              nullptr});
                  }});
}

std::vector<Method> methods(const Shape& s, const float* a, const float* b, float* h, int threads) {
  const std::int64_t n = s.length * s.channels;
  const std::int64_t time = s.rows ? 1 : s.channels, channel = s.rows ? s.length : 1;
  const auto scan = [=](int count) {
    impl::diagonal_scan<float>({s.length, s.channels}, {a, time, channel}, {b, time, channel}, nullptr,
                               {h, time, channel}, nullptr, {count});
  };
  std::vector<Method> list = yardstick_methods(n, a, b, h);
  list.push_back({"this kernel", 12, [=] { scan(1); }});
  if (threads > 1) {
    list.push_back({"this kernel, by the wall, best", 12, [=] { scan(1); }, true});
    list.push_back({fmt::format("this kernel, {} threads, by the wall, best", threads), 12,
                    [=] { scan(threads); }, true});
  }
  list.push_back({"scalar loop", 12, [=] { scalar_scan(s, a, b, h); }});
  if (s.rows) add_peers(list, s, a, b, h);
  return list;
}

double median(std::vector<double> v) {
  std::nth_element(v.begin(), v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2), v.end());
  return v[v.size() / 2];
}

// Of each round, the floor's time over the method's, and the rate over the copy's.
double share_of_floor(const std::vector<Method>& list, const Method& m) {
  std::vector<double> shares;
  for (std::size_t i = 0; i < m.seconds.size(); ++i)
    shares.push_back(std::min(list[plain_floor].seconds[i], list[streaming_floor].seconds[i]) / m.seconds[i] *
                     m.bytes / 12);
  return median(shares);
}
double share_of_copy(const std::vector<Method>& list, const Method& m) {
  std::vector<double> shares;
  for (std::size_t i = 0; i < m.seconds.size(); ++i)
    shares.push_back(list[copying].seconds[i] / m.seconds[i] * m.bytes / 8);
  return median(shares);
}

void measure(const Shape& s, int rounds) {
  const std::int64_t n = s.length * s.channels;
  Arrays arrays(n);
  std::vector<Method> list = methods(s, Arrays::aligned(arrays.a), Arrays::aligned(arrays.b),
                                     Arrays::aligned(arrays.h), n >= (1 << 20) ? 2 : 1);
  const std::int64_t repeats = std::max<std::int64_t>(1, (1 << 22) / n);
  for (Method& m : list) m.run();
  for (int round = 0; round < rounds; ++round) {
    for (Method& m : list) {
      const double start = now(m.several_threads);
      for (std::int64_t i = 0; i < repeats; ++i) m.run();
      m.seconds.push_back((now(m.several_threads) - start) / static_cast<double>(repeats));
    }
  }
  for (const Method& m : list) {
    const double time =
        m.several_threads ? *std::min_element(m.seconds.begin(), m.seconds.end()) : median(m.seconds);
    fmt::print("| {} | {} | {:.3f} | {:.1f} | {:.0f} % | {:.0f} % |\n", s.name, m.name,
               time / static_cast<double>(n) * 1e9, m.bytes * static_cast<double>(n) / time * 1e-9,
               100 * share_of_copy(list, m), 100 * share_of_floor(list, m));
  }
}

}  // namespace
}  // namespace exactscan

// kernels_bench [ROUNDS]
int main(int count, char** words) {
  using exactscan::Shape;
  const int rounds = std::max(count > 1 ? std::atoi(words[1]) : 25, 1);
  fmt::print("float32; medians over {} interleaved rounds\n\n", rounds);
  fmt::print("| shape | method | ns/element | GB/s | of copy | of floor |\n|---|---|---|---|---|---|\n");
  for (const Shape& s :
       {Shape{"[L, D] 128 x 256, in cache", 128, 256, false},
        Shape{"[D, L] 256 x 128, in cache", 128, 256, true},
        Shape{"[D, L] 8 x 4096, in cache", 4096, 8, true}, Shape{"[L, D] 8192 x 2560", 8192, 2560, false},
        Shape{"[D, L] 2560 x 8192", 8192, 2560, true}, Shape{"[1, L] 2^20", 1 << 20, 1, true},
        Shape{"[1, L] 2^24", 1 << 24, 1, true}}) {
    exactscan::measure(s, rounds);
  }
}
