// What the benchmarks of the CUDA systems share: median launch times, and a device copy of as many bytes
// beside them.
#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace timing {

using i64 = std::int64_t;

inline void require(cudaError_t e, const char* what) {
  if (e == cudaSuccess) return;
  std::printf("FATAL %s: %s\n", what, cudaGetErrorString(e));
  std::exit(1);
}

__host__ __device__ inline double uniform(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
  x ^= x >> 31;
  return static_cast<double>(x >> 11) * 0x1p-53;
}

// Keeps the device busy while the host launches what is timed behind it: the time is then the device's alone,
// of a copy as of a kernel. timing_idle: without, so that the host's time of a launch counts.
inline bool timing_idle = false;
static __global__ void hold(long long cycles) {
  const long long start = clock64();
  while (clock64() - start < cycles) {
  }
}

template <class F>
double median_ms(F&& f, int runs = 21) {
  cudaEvent_t from, to;
  require(cudaEventCreate(&from), "event");
  require(cudaEventCreate(&to), "event");
  for (int i = 0; i < 3; ++i) f();
  std::vector<float> times;
  for (int i = 0; i < runs; ++i) {
    if (!timing_idle) hold<<<1, 1>>>(100000);
    require(cudaEventRecord(from), "record");
    f();
    require(cudaEventRecord(to), "record");
    require(cudaEventSynchronize(to), "run");
    float ms = 0;
    require(cudaEventElapsedTime(&ms, from, to), "time");
    times.push_back(ms);
  }
  require(cudaGetLastError(), "launch");
  cudaEventDestroy(from);
  cudaEventDestroy(to);
  std::sort(times.begin(), times.end());
  return times[times.size() / 2];
}

// Two arrays for the copy; 1.5 GiB each.
struct Copier {
  static constexpr std::size_t kBytes = std::size_t{3} << 29;
  char *from = nullptr, *to = nullptr;
  Copier() {
    require(cudaMalloc(&from, kBytes), "copy");
    require(cudaMalloc(&to, kBytes), "copy");
    require(cudaMemset(from, 0x3c, kBytes), "copy");
  }
  // Milliseconds of a copy that reads and writes `bytes` together.
  double ms(i64 bytes) const {
    const std::size_t half = std::min(static_cast<std::size_t>(bytes) / 2, kBytes);
    return median_ms([&] { cudaMemcpyAsync(to, from, half, cudaMemcpyDeviceToDevice); }) *
           (static_cast<double>(bytes) / 2 / static_cast<double>(half));
  }
  void line(const std::string& what, double ms_taken, i64 bytes, const char* peer = "") const {
    const double copy = ms(bytes);
    std::printf("%-46s %8.4f ms %6.0f GB/s %6.1f %% of copy (%.4f ms)  %s\n", what.c_str(), ms_taken,
                static_cast<double>(bytes) / ms_taken * 1e-6, 100 * copy / ms_taken, copy, peer);
    std::fflush(stdout);
  }
};

inline bool device_line() {
  int n = 0;
  if (cudaGetDeviceCount(&n) != cudaSuccess || n == 0) return false;
  cudaDeviceProp p;
  require(cudaGetDeviceProperties(&p, 0), "device");
  std::printf(
      "%s, %d multiprocessors; median of 21 launches; copy: device to device, as many bytes, same run\n",
      p.name, p.multiProcessorCount);
  return true;
}

}  // namespace timing
