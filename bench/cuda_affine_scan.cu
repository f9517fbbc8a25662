// Times the CUDA scans: median time, bytes a second, share of a device-to-device copy of as many bytes in the
// same run, and the error against a sequential double recurrence. Exit code 77: no device.
//
//   cuda_affine_scan [--quick] [--sweep] [--no-errors] [--idle] [--only WORDS]
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "bench/cuda_timing.cuh"
#include "cuda/affine_scan.hpp"
#include "cuda/device/launch.hpp"
#include "cuda/device/transition.cuh"

using namespace exactscan::cuda;
using timing::i64;
using timing::require;
using timing::uniform;

namespace {

constexpr i64 k64M = i64{1} << 26;  // larger ones are not checked on the host
bool quick = false, sweep = false, errors = true;
const char* only = nullptr;
constexpr i64 kMost = (i64{1} << 30) + 4096;  // elements of the largest float32 tensor here
char *buffer_a, *buffer_b, *buffer_h, *scratch;
constexpr std::size_t kScratch = std::size_t{1} << 28;

template <class E>
__global__ void fill(E* a, E* b, i64 n, double low) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const std::uint64_t k = static_cast<std::uint64_t>(i);
    a[i] = narrow<E>(static_cast<State<E>>(low + (1 - low) * uniform(k)));
    b[i] = narrow<E>(static_cast<State<E>>(2 * uniform(k ^ 0x1234567) - 1));
  }
}

// The sequential recurrence in double, one thread a channel; sums of squares of deviation and of value,
// largest of both. Also the same in float32, sequential, for comparison.
struct Deviation {
  double square = 0, reference = 0, largest = 0, value = 0;
};
__device__ void raise(double* p, double x) {
  auto* q = reinterpret_cast<unsigned long long*>(p);
  atomicMax(q, static_cast<unsigned long long>(__double_as_longlong(x)));
}
template <class E>
__global__ void deviation(const E* a, const E* b, const E* h, i64 length, i64 total, i64 channels, i64 sb,
                          i64 st, i64 sc, Deviation* out) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < total;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const i64 at = i / channels * sb + i % channels * sc;
    double s = 0, square = 0, reference = 0, largest = 0, value = 0;
    for (i64 t = 0; t < length; ++t) {
      s = static_cast<double>(widen(a[at + t * st])) * s + static_cast<double>(widen(b[at + t * st]));
      const double e = fabs(static_cast<double>(widen(h[at + t * st])) - s);
      square += e * e;
      reference += s * s;
      if (!(e <= largest)) largest = e;
      if (fabs(s) > value) value = fabs(s);
    }
    atomicAdd(&out->square, square);
    atomicAdd(&out->reference, reference);
    raise(&out->largest, largest);
    raise(&out->value, value);
  }
}

template <class E>
Deviation deviation_host(i64 rows, i64 length, bool sequential_float) {
  std::vector<E> a(static_cast<std::size_t>(rows * length)), b(a.size()), h(a.size());
  require(cudaMemcpy(a.data(), buffer_a, a.size() * sizeof(E), cudaMemcpyDeviceToHost), "get");
  require(cudaMemcpy(b.data(), buffer_b, a.size() * sizeof(E), cudaMemcpyDeviceToHost), "get");
  require(cudaMemcpy(h.data(), buffer_h, a.size() * sizeof(E), cudaMemcpyDeviceToHost), "get");
  Deviation r;
  for (i64 d = 0; d < rows; ++d) {
    double s = 0;
    float f = 0;
    for (i64 t = 0; t < length; ++t) {
      const std::size_t i = static_cast<std::size_t>(d * length + t);
      s = static_cast<double>(a[i]) * s + static_cast<double>(b[i]);
      f = std::fmaf(static_cast<float>(a[i]), f, static_cast<float>(b[i]));
      const double e = std::fabs((sequential_float ? static_cast<double>(f) : static_cast<double>(h[i])) - s);
      r.square += e * e;
      r.reference += s * s;
      if (!(e <= r.largest)) r.largest = e;
      r.value = std::max(r.value, std::fabs(s));
    }
  }
  return r;
}

// Whether --only names another case.
bool skipped(const char* what) { return only && std::strstr(what, only) == nullptr; }

template <class F>
double median_ms(F&& f) {
  return timing::median_ms(f, 15);
}

// Milliseconds of a copy that reads and writes `bytes` together.
double copy_ms(i64 bytes) {
  const std::size_t half = static_cast<std::size_t>(std::min<i64>(bytes / 2, kMost * 4));
  return median_ms([&] { cudaMemcpyAsync(buffer_h, buffer_a, half, cudaMemcpyDeviceToDevice); }) *
         (static_cast<double>(bytes) / 2 / static_cast<double>(half));
}

template <class E>
const char* type_name() {
  return sizeof(E) == 8 ? "f64" : sizeof(E) == 4 ? "f32" : std::is_same_v<E, __half> ? "f16" : "bf16";
}
template <class E>
constexpr Element element() {
  return sizeof(E) == 8              ? Element::f64
         : sizeof(E) == 4            ? Element::f32
         : std::is_same_v<E, __half> ? Element::f16
                                     : Element::bf16;
}

void line(const char* what, const char* type, i64 batch, i64 length, i64 channels, const char* layout,
          double ms, i64 bytes) {
  const double copy = copy_ms(bytes);
  std::printf("%-26s %-4s %5lld x %10lld x %6lld %-5s %9.4f ms %7.0f GB/s %6.1f %% of copy (%.0f GB/s)", what,
              type, static_cast<long long>(batch), static_cast<long long>(length),
              static_cast<long long>(channels), layout, ms, static_cast<double>(bytes) / ms * 1e-6,
              100 * copy / ms, static_cast<double>(bytes) / copy * 1e-6);
}

void print(const Deviation& d) {
  std::printf("  rel L2 %.1e max/max %.1e", std::sqrt(d.square / d.reference), d.largest / d.value);
}

template <class E>
void time_scan(const char* what, Schedule schedule, i64 batch, i64 length, i64 channels, bool rows,
               double low = 0.9, Multiplier multiplier = Multiplier::pair, i64 shift = 0,
               bool constant = false) {
  const i64 n = batch * length * channels;
  if ((n + shift) * static_cast<i64>(sizeof(E)) > kMost * 4 || skipped(what)) return;
  E* a = reinterpret_cast<E*>(buffer_a) + shift;
  E* b = reinterpret_cast<E*>(buffer_b) + shift;
  E* h = reinterpret_cast<E*>(buffer_h) + shift;
  fill<E><<<2048, 256>>>(a, b, n, low);
  const i64 st = rows ? 1 : channels, sc = rows ? length : 1, sb = length * channels;
  AffineScan s;
  s.type = element<E>();
  s.batch = batch;
  s.length = length;
  s.channels = channels;
  s.schedule = schedule;
  s.multiplier = multiplier;
  s.a = {a, sb, st, sc};
  s.b = {b, sb, st, sc};
  s.h = {h, sb, st, sc};
  DiagonalSsm c;
  c.type = s.type;
  c.batch = batch;
  c.length = length;
  c.channels = channels;
  c.schedule = schedule;
  c.A = a;
  c.B = b;
  c.x = s.b;
  c.h = s.h;
  if ((constant ? scratch_bytes(c) : scratch_bytes(s)) > kScratch) {
    std::printf("%s: scratch too large\n", what);
    return;
  }
  auto call = [&] {
    return constant ? diagonal_ssm(c, scratch, kScratch, nullptr)
                    : affine_scan(s, scratch, kScratch, nullptr);
  };
  const Status status = call();
  if (status != Status::ok) {
    std::printf("%s: %s\n", what, message(status));
    return;
  }
  const double ms = median_ms(call);
  line(what, type_name<E>(), batch, length, channels, rows ? "[D,L]" : "[L,D]", ms,
       n * static_cast<i64>(sizeof(E)) * (constant ? 2 : 3));
  if (errors && !constant) {
    require(cudaMemset(h, 0xFF, n * sizeof(E)), "memset");
    call();
    if (batch * channels >= 500) {
      Deviation d, *out;
      require(cudaMalloc(&out, sizeof d), "deviation");
      require(cudaMemset(out, 0, sizeof d), "deviation");
      deviation<E><<<static_cast<unsigned>((batch * channels + 63) / 64), 64>>>(
          a, b, h, length, batch * channels, channels, sb, st, sc, out);
      require(cudaMemcpy(&d, out, sizeof d, cudaMemcpyDeviceToHost), "deviation");
      cudaFree(out);
      print(d);
    } else if constexpr (sizeof(E) >= 4) {
      if (rows && shift == 0 && n <= k64M) {
        print(deviation_host<E>(batch * channels, length, false));
        if (sizeof(E) == 4 && channels == 1) {
          std::printf("  [sequential f32:");
          print(deviation_host<E>(batch * channels, length, true));
          std::printf("]");
        }
      }
    }
  }
  std::printf("\n");
  std::fflush(stdout);
}

// A schedule's kernel with settings of its own: launch(problem).
template <class E, class F>
void time_setting(const std::string& what, i64 batch, i64 length, i64 channels, F&& launch) {
  const i64 n = batch * length * channels, sb = length * channels;
  if (skipped(what.c_str())) return;
  Problem p{element<E>(),
            false,
            batch,
            length,
            channels,
            nullptr,
            nullptr,
            {buffer_a, sb, channels, 1},
            {buffer_b, sb, channels, 1},
            {buffer_h, sb, channels, 1},
            nullptr,
            nullptr,
            Multiplier::pair,
            blocks_available(0),
            blocks_available(0)};
  if (launch(p) != Status::ok) {
    std::printf("%s: failed\n", what.c_str());
    cudaGetLastError();
    return;
  }
  const double ms = timing::median_ms([&] { launch(p); }, 7);
  line(what.c_str(), type_name<E>(), batch, length, channels, "[L,D]", ms,
       n * static_cast<i64>(sizeof(E)) * 3);
  std::printf("\n");
}
template <class E>
void time_channels(i64 batch, i64 length, i64 channels, int threads, int groups) {
  time_setting<E>("channels by " + std::to_string(threads) + " x " + std::to_string(groups * 8), batch,
                  length, channels, [&](const Problem& p) {
                    return launch_channels(p, {threads, groups}, nullptr);
                  });
}
template <class E>
void time_columns(i64 batch, i64 length, i64 channels, int width, int steps) {
  time_setting<E>("columns " + std::to_string(width) + " x " + std::to_string(steps), batch, length, channels,
                  [&](const Problem& p) {
                    return launch_columns(p, {width, steps}, nullptr);
                  });
}
// dA and dB are small beside dx and not counted.
void time_backward(Schedule schedule, i64 batch, i64 length, i64 channels) {
  const i64 n = batch * length * channels, sb = length * channels;
  if (skipped("backward constant A, B")) return;
  float* a = reinterpret_cast<float*>(buffer_a);
  float* b = reinterpret_cast<float*>(buffer_b);
  float* h = reinterpret_cast<float*>(buffer_h);
  fill<float><<<2048, 256>>>(a, b, n, 0.9);
  fill<float><<<2048, 256>>>(h, h + kMost / 2, n, 0.9);
  DiagonalSsmBackward s;
  s.batch = batch;
  s.length = length;
  s.channels = channels;
  s.schedule = schedule;
  s.A = a;
  s.B = b;
  s.x = {a, sb, channels, 1};
  s.h = {b, sb, channels, 1};
  s.dh = {h, sb, channels, 1};
  s.dx = {h + kMost / 2, sb, channels, 1};
  s.dA = scratch + kScratch;
  s.dB = scratch + kScratch + (1 << 20);
  if (n > kMost / 2 || batch * channels > (1 << 18) || scratch_bytes(s) > kScratch) {
    std::printf("backward: too large\n");
    return;
  }
  if (diagonal_ssm_backward(s, scratch, kScratch, nullptr) != Status::ok) {
    std::printf("backward: failed\n");
    return;
  }
  const double ms = median_ms([&] { diagonal_ssm_backward(s, scratch, kScratch, nullptr); });
  line(schedule == Schedule::channels ? "backward, channels" : "backward constant A, B", "f32", batch, length,
       channels, "[L,D]", ms, n * 16);
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("skipped: no CUDA device\n");
    return 77;
  }
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--quick") == 0)
      quick = true;
    else if (std::strcmp(argv[i], "--sweep") == 0)
      sweep = true;
    else if (std::strcmp(argv[i], "--only") == 0 && i + 1 < argc)
      only = argv[++i];
    else if (std::strcmp(argv[i], "--no-errors") == 0)
      errors = false;
    else if (std::strcmp(argv[i], "--idle") == 0)
      timing::timing_idle = true;
    else {
      std::printf("unknown argument %s\n", argv[i]);
      return 2;
    }
  }
  cudaDeviceProp device;
  require(cudaGetDeviceProperties(&device, 0), "device");
  std::printf("%s, %d multiprocessors; median of 15 launches%s\n", device.name, device.multiProcessorCount,
              timing::timing_idle ? ", the host's time of a launch included" : "");
  require(cudaMalloc(&buffer_a, kMost * 4), "a");
  require(cudaMalloc(&buffer_b, kMost * 4), "b");
  require(cudaMalloc(&buffer_h, kMost * 4), "h");
  require(cudaMalloc(&scratch, kScratch + (2 << 20)), "scratch");
  if (init_scratch(scratch, kScratch, nullptr) != Status::ok) return 1;
  const Schedule automatic = Schedule::automatic;
  const i64 k = 1024;

  time_scan<float>("one row", automatic, 1, k * k * 256, 1, true);
  time_scan<float>("one row, gates 1-2e-5U", automatic, 1, k * k * 256, 1, true, 1 - 2e-5);
  time_scan<float>("  the same, plain product", automatic, 1, k * k * 256, 1, true, 1 - 2e-5,
                   Multiplier::plain);
  time_scan<float>("8 rows", automatic, 8, k * k * 4, 1, true);
  time_scan<float>("many rows", automatic, 1, 4096, 65536, true);
  time_scan<float>("many rows", automatic, 1, 65536, 12288, true);
  time_scan<float>("time-major", automatic, 8, 65536, 1536, false);
  time_scan<float>("time-major, slabs", Schedule::slabs, 8, 65536, 1536, false);
  if (sweep) {
    for (int steps : {16, 32, 64, 128})
      for (int width : {64, 96, 128, 192}) {
        if (width * steps > 96 * 128) continue;
        time_columns<float>(8, 65536, 1536, width, steps);
        if (steps == 32 || steps == 64)
          time_columns<float>(1, 16384, 8192, width, steps),
              time_columns<float>(8, 32768, 1537, width, steps);
      }
    return 0;
  }
  // Few channels: both schedules where they meet.
  for (i64 channels : {1, 2, 3, 5, 8, 13, 16, 17, 32, 36, 64, 100, 256, 1024, 1537})
    time_scan<float>("few channels", channels == 1 ? automatic : Schedule::slabs, 1, k * k * 128 / channels,
                     channels, false);
  for (i64 channels : {2048, 3072, 4096, 6144, 8192}) {
    time_scan<float>("slabs", Schedule::slabs, 1, k * k * 128 / channels, channels, false);
    time_scan<float>("channels", Schedule::channels, 1, k * k * 128 / channels, channels, false);
  }
  if (quick) return 0;
  time_scan<float>("one row, gates 1-2e-5U", automatic, 1, k * k * 16, 1, true, 1 - 2e-5);
  time_scan<float>("  the same, plain product", automatic, 1, k * k * 16, 1, true, 1 - 2e-5,
                   Multiplier::plain);
  time_scan<float>("odd row, unaligned", automatic, 1, k * k * 256 - 3, 1, true, 0.9, Multiplier::pair, 1);
  time_scan<float>("odd rows", automatic, 1, 4095, 65536, true);
  time_scan<float>("odd rows", automatic, 1, 100003, 2048, true);
  time_scan<float>("short rows", automatic, 1, 256, 1 << 20, true);
  time_scan<float>("short rows", automatic, 1, 61, 1 << 22, true);
  time_scan<float>("short rows", automatic, 1, 5, 1 << 25, true);
  time_scan<float>("odd channels", automatic, 8, 32768, 1537, false);
  time_scan<float>("odd channels, unaligned", automatic, 8, 32768, 1537, false, 0.9, Multiplier::pair, 1);
  time_scan<double>("one row", automatic, 1, k * k * 128, 1, true);
  time_scan<double>("8 rows", automatic, 8, k * k * 4, 1, true);
  time_scan<double>("many rows", automatic, 1, 4096, 65536, true);
  time_scan<double>("time-major", automatic, 8, 32768, 1536, false);
  time_scan<double>("few channels", automatic, 1, k * k * 2, 64, false);
  time_scan<__nv_bfloat16>("one row", automatic, 1, k * k * 512, 1, true);
  time_scan<__nv_bfloat16>("8 rows", automatic, 8, k * k * 8, 1, true);
  time_scan<__nv_bfloat16>("many rows", automatic, 1, 4096, 65536, true);
  time_scan<__nv_bfloat16>("time-major", automatic, 8, 65536, 1536, false);
  time_scan<__nv_bfloat16>("few channels", automatic, 1, k * k * 4, 64, false);
  time_scan<__half>("many rows", automatic, 1, 4096, 65536, true);
  time_scan<float>("constant A, B: one row", automatic, 1, k * k * 256, 1, true, 0.9, Multiplier::pair, 0,
                   true);
  time_scan<float>("constant A, B: many rows", automatic, 1, 4096, 65536, true, 0.9, Multiplier::pair, 0,
                   true);
  time_scan<float>("constant A, B: time-major", automatic, 8, 65536, 1536, false, 0.9, Multiplier::pair, 0,
                   true);
  time_scan<float>("constant A, B: few", automatic, 1, k * k * 4, 64, false, 0.9, Multiplier::pair, 0, true);
  for (i64 channels : {1, 5, 16, 64, 100, 1024})
    time_backward(automatic, 1, k * k * 128 / channels, channels);
  time_backward(automatic, 8, 32768, 1536);
  time_backward(Schedule::channels, 8, 32768, 1536);
  time_backward(automatic, 1, 65536, 4096);
  require(cudaDeviceSynchronize(), "end");
  return 0;
}
