// Times the S5 kernels. Exit code 77: no device.
#include "bench/cuda_timing.cuh"
#include "cuda/s5/s5.hpp"

using namespace timing;
namespace s5 = exactscan::cuda::s5;
using exactscan::cuda::Status;

namespace {

__global__ void fill(float2* p, i64 n, std::uint64_t seed) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const auto k = static_cast<std::uint64_t>(2 * i) + seed;
    p[i] = {static_cast<float>(2 * uniform(k) - 1), static_cast<float>(2 * uniform(k + 1) - 1)};
  }
}
__global__ void fill_steps(float* p, i64 n, std::uint64_t seed) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x)
    p[i] =
        expf(static_cast<float>(-6.9 + 4.6 * uniform(static_cast<std::uint64_t>(i) + seed)));  // 1e-3 .. 1e-1
}
__global__ void fill_eigenvalues(float2* p, i64 n) {
  const i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) p[i] = {-0.5f, 3.14159265f * static_cast<float>(i % 1024)};
}

float2* complex_array(i64 n, std::uint64_t seed) {
  float2* p = nullptr;
  require(cudaMalloc(&p, static_cast<std::size_t>(n) * 8), "memory");
  fill<<<2048, 256>>>(p, n, seed << 40);
  return p;
}
float* step_array(i64 n, std::uint64_t seed) {
  float* p = nullptr;
  require(cudaMalloc(&p, static_cast<std::size_t>(n) * 4), "memory");
  fill_steps<<<2048, 256>>>(p, n, seed << 40);
  return p;
}
void ok(Status s) {
  if (s == Status::ok) return;
  std::printf("FATAL status %d\n", static_cast<int>(s));
  std::exit(1);
}

const char* kNames[] = {"bilinear", "zoh", "dirac"};
Copier* copier;

struct Arrays {
  i64 most;
  float2 *b, *x, *g, *gb, *A, *last, *dA, *scratch;
  float *delta, *deltaA, *ddelta, *ddeltaA;
};

void scans(const Arrays& a, i64 batch, i64 states, i64 length, const std::vector<int>& warps, bool full) {
  const i64 n = batch * states * length;
  for (int method = 0; method < 3; ++method)
    for (int two = 0; two < (full ? 2 : 1); ++two)
      for (int w : warps) {
        if (method == 2 && !full) continue;
        s5::Scan s;
        s.batch = batch, s.states = states, s.length = length,
        s.method = static_cast<s5::Discretization>(method), s.warps = w;
        s.b = a.b, s.delta = a.delta, s.deltaA = two ? a.deltaA : nullptr, s.A = a.A, s.x = a.x,
        s.last = a.last;
        char name[120];
        std::snprintf(name, sizeof name, "%s%s (%lld, %lld, %lld) warps %d", kNames[method],
                      two ? " deltaA" : "", static_cast<long long>(batch), static_cast<long long>(states),
                      static_cast<long long>(length), w);
        const double ms = median_ms([&] { ok(s5::scan(s, nullptr)); });
        copier->line(std::string("scan ") + name, ms, n * (two ? 24 : 20),
                     full && !two && method < 2
                         ? (method ? "lrnnx 0.470 on H200 (34 %)" : "lrnnx 0.463 on H200 (34 %)")
                         : "");
        s5::ScanBackward r;
        r.batch = batch, r.states = states, r.length = length, r.method = s.method, r.b = a.b,
        r.delta = a.delta, r.deltaA = s.deltaA, r.A = a.A;
        r.x = a.x, r.g = a.g, r.gb = a.gb, r.ddelta = a.ddelta, r.ddeltaA = two ? a.ddeltaA : nullptr,
        r.dA = a.dA, r.warps = w;
        const double back = median_ms([&] {
          ok(s5::scan_backward(r, a.scratch, static_cast<std::size_t>(batch * states) * 8, nullptr));
        });
        copier->line(std::string("  backward ") + name, back, n * (two ? 48 : 40));
      }
}

void system(const Arrays& a) {
  cublasHandle_t blas;
  if (cublasCreate(&blas) != CUBLAS_STATUS_SUCCESS) std::exit(1);
  const i64 batch = 8, H = 1024, P = 1024, L = 4096;
  float2 *u = complex_array(batch * H * L, 5), *y = complex_array(batch * H * L, 6),
         *dy = complex_array(batch * H * L, 7), *du = complex_array(batch * H * L, 8);
  float2 *B = complex_array(P * H, 9), *C = complex_array(P * H, 10), *dB = complex_array(P * H, 11),
         *dC = complex_array(P * H, 12);
  s5::SimplifiedScan s;
  s.batch = batch, s.inputs = H, s.states = P, s.length = L, s.method = s5::Discretization::zoh, s.u = u,
  s.A = a.A, s.B = B, s.C = C;
  s.delta = a.delta, s.b = a.b, s.x = a.x, s.y = y, s.last = a.last;
  const double flops = 2.0 * 8 * static_cast<double>(batch * H * P * L);
  const double ms = median_ms([&] { ok(s5::simplified_scan(s, blas, nullptr)); }, 7);
  std::printf(
      "simplified_scan zoh with projections, H = P = 1024: %.3f ms (%.1f TFLOP/s of real products)  lrnnx "
      "10.70 on H200\n",
      ms, flops / ms * 1e-9);
  s5::SimplifiedScanBackward r;
  r.forward = s, r.dy = dy, r.g = a.g, r.du = du, r.dA = a.dA, r.dB = dB, r.dC = dC, r.ddelta = a.ddelta;
  const double back = median_ms(
      [&] { ok(s5::simplified_scan_backward(r, a.scratch, std::size_t{1} << 20, blas, nullptr)); }, 5);
  std::printf("its adjoint: %.3f ms (%.1f TFLOP/s)\n", back, 2 * flops / back * 1e-9);
}

}  // namespace

int main() {
  if (!device_line()) return 77;
  Copier c;
  copier = &c;
  Arrays a{};
  a.most = i64{8} * 1024 * 4096 + 65536;
  a.b = complex_array(a.most, 1), a.x = complex_array(a.most, 2), a.g = complex_array(a.most, 3),
  a.gb = complex_array(a.most, 4);
  a.delta = step_array(a.most, 1), a.deltaA = step_array(a.most, 2), a.ddelta = step_array(a.most, 3),
  a.ddeltaA = step_array(a.most, 4);
  a.A = complex_array(1 << 20, 20), a.last = complex_array(1 << 20, 21), a.dA = complex_array(1 << 20, 22),
  a.scratch = complex_array(1 << 20, 23);
  fill_eigenvalues<<<(1 << 20) / 256, 256>>>(a.A, 1 << 20);
  require(cudaDeviceSynchronize(), "data");
  scans(a, 8, 1024, 4096, {0}, true);
  scans(a, 8, 1024, 4096, {1, 4}, false);
  scans(a, 8, 1024, 4095, {0}, false);  // odd rows: 8-byte accesses
  scans(a, 1, 512, 65536, {4, 16}, false);
  scans(a, 1, 128, 262144, {16}, false);
  system(a);
}
