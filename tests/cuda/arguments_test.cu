// Arguments that are refused, shapes without elements, and TorchLean's own example.
#include "tests/cuda/support.cuh"

namespace cuda_test {
namespace {

// TorchLean's own example, exact in float32.
void torchlean_example() {
  const float A[] = {0.5F, 0.25F}, B[] = {1, 2}, x[] = {2, 1, 4, -2, 0, 3}, h0[] = {1, -1},
              ones[] = {1, 1, 1, 1, 1, 1};
  float* d = nullptr;
  require(cudaMalloc(&d, 64 * sizeof(float)), "cudaMalloc");
  require(cudaMemset(d, 0xFF, 64 * sizeof(float)), "memset");
  auto put = [&](int at, const float* p, int n) {
    require(cudaMemcpy(d + at, p, n * sizeof(float), cudaMemcpyHostToDevice), "put");
  };
  put(0, A, 2);
  put(2, B, 2);
  put(4, x, 6);
  put(10, h0, 2);
  put(12, ones, 6);
  DiagonalSsm f;
  f.length = 3;
  f.channels = 2;
  f.A = d;
  f.B = d + 2;
  f.x = {d + 4, 6, 2, 1};
  f.h = {d + 20, 6, 2, 1};
  f.h0 = d + 10;
  f.h_last = d + 26;
  scratch().need(scratch_bytes(f));
  expect(diagonal_ssm(f, scratch().data, scratch().size, nullptr) == Status::ok, "TorchLean forward");
  DiagonalSsmBackward g;
  g.length = 3;
  g.channels = 2;
  g.A = d;
  g.B = d + 2;
  g.x = f.x;
  g.h = {d + 20, 6, 2, 1};
  g.dh = {d + 12, 6, 2, 1};
  g.dx = {d + 30, 6, 2, 1};
  g.h0 = d + 10;
  g.dA = d + 40;
  g.dB = d + 42;
  g.dh0 = d + 44;
  scratch().need(scratch_bytes(g));
  expect(diagonal_ssm_backward(g, scratch().data, scratch().size, nullptr) == Status::ok,
         "TorchLean backward");
  float r[64];
  require(cudaMemcpy(r, d, sizeof r, cudaMemcpyDeviceToHost), "get");
  const float h[] = {2.5F, 1.75F, 5.25F, -3.5625F, 2.625F, 5.109375F, 2.625F, 5.109375F};
  const float dx[] = {1.75F, 2.625F, 1.5F, 2.5F, 1, 2},
              rest[] = {10.75F, -2.6875F, 9.5F, 1.8125F, 0.875F, 0.328125F};
  expect(std::memcmp(r + 20, h, sizeof h) == 0, "TorchLean h");
  expect(std::memcmp(r + 30, dx, sizeof dx) == 0, "TorchLean dX");
  expect(std::memcmp(r + 40, rest, sizeof rest) == 0, "TorchLean dA, dB, dH0");
  cudaFree(d);
}

void refusals() {
  float* d = nullptr;
  require(cudaMalloc(&d, 1024), "cudaMalloc");
  AffineScan s;
  s.length = 8;
  s.a = {d, 8, 1, 8};
  s.b = {d + 16, 8, 1, 8};
  s.h = {d + 32, 8, 1, 8};
  expect(affine_scan(s, nullptr, 0, nullptr) == Status::scratch_too_small, "scratch is asked for");
  AffineScan t = s;
  t.a.data = nullptr;
  expect(affine_scan(t, scratch().data, scratch().size, nullptr) == Status::bad_argument, "null a");
  t = s;
  t.length = -1;
  expect(affine_scan(t, scratch().data, scratch().size, nullptr) == Status::bad_argument, "negative length");
  t = s;
  t.type = static_cast<Element>(9);
  expect(affine_scan(t, scratch().data, scratch().size, nullptr) == Status::bad_argument, "unknown type");
  t = s;
  t.b.time = 2;
  t.schedule = Schedule::rows;
  expect(affine_scan(t, scratch().data, scratch().size, nullptr) == Status::unsupported,
         "rows with a time stride");
  DiagonalSsm c;
  c.length = 8;
  c.A = c.B = c.C = d;
  c.x = {d + 16, 8, 1, 8};
  c.h = {d + 32, 8, 1, 8};
  c.schedule = Schedule::slabs;
  expect(diagonal_ssm(c, scratch().data, scratch().size, nullptr) == Status::unsupported,
         "slabs have no readout");
  t = s;
  t.batch = 0;
  t.a.data = nullptr;
  expect(affine_scan(t, nullptr, 0, nullptr) == Status::ok, "empty batch");
  const float h0 = 3;
  float last = 0;
  require(cudaMemcpy(d, &h0, 4, cudaMemcpyHostToDevice), "put");
  t = AffineScan{};
  t.h0 = d;
  t.h_last = d + 1;
  expect(affine_scan(t, nullptr, 0, nullptr) == Status::ok, "no steps");
  require(cudaMemcpy(&last, d + 1, 4, cudaMemcpyDeviceToHost), "get");
  expect(last == 3, "the last state of no steps is the first");
  cudaFree(d);
}

}  // namespace

void test_arguments() {
  refusals();
  torchlean_example();
}

}  // namespace cuda_test
