// More than 2^31 elements, on an exact lattice.
#include "tests/cuda/device_data.cuh"
#include "tests/cuda/support.cuh"

namespace cuda_test {
namespace {

// Checks a lattice scan from zero exactly: a chunk of 256 steps starts from the last zero gate before it.
__global__ void check_lattice(const float* a, const float* b, const float* h, i64 length, i64 channels,
                              i64 st, i64 sc, unsigned long long* wrong) {
  const i64 chunks = (length + 255) / 256;
  for (i64 job = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; job < chunks * channels;
       job += static_cast<i64>(gridDim.x) * blockDim.x) {
    const i64 d = st == 1 ? job / chunks : job % channels,
              from = (st == 1 ? job % chunks : job / channels) * 256;
    i64 t = from;
    while (t > 0 && a[t * st + d * sc] != 0) --t;
    float s = 0;
    for (; t < from + 256 && t < length; ++t) {
      s = a[t * st + d * sc] * s + b[t * st + d * sc];
      if (t >= from && h[t * st + d * sc] != s) atomicAdd(wrong, 1ULL);
    }
  }
}

}  // namespace

bool test_large() {
  const i64 most = (i64{1} << 31) + (i64{1} << 24);
  std::size_t free_bytes = 0, total = 0;
  require(cudaMemGetInfo(&free_bytes, &total), "memory");
  if (free_bytes < static_cast<std::size_t>(most) * 12 + (1u << 30)) {
    std::printf("skipped: more than 2^31 elements need 27 GB\n");
    return false;
  }
  float *a, *b, *h;
  unsigned long long *wrong, count = 0;
  require(cudaMalloc(&a, most * 4), "a");
  require(cudaMalloc(&b, most * 4), "b");
  require(cudaMalloc(&h, most * 4), "h");
  require(cudaMalloc(&wrong, 8), "wrong");
  fill<float><<<4096, 256>>>(a, b, most, true, 0);
  struct Big {
    Schedule schedule;
    i64 length, channels;
    bool rows;
  };
  for (const Big& c :
       {Big{Schedule::rows, (i64{1} << 31) + 12345, 1, true}, Big{Schedule::rows, 715827883, 3, true},
        Big{Schedule::rows, 4099, 524000, true}, Big{Schedule::slabs, (i64{1} << 31) / 40 + 77, 40, false},
        Big{Schedule::channels, (i64{1} << 31) / 12288 + 11, 12288, false}}) {
    AffineScan s;
    s.length = c.length;
    s.channels = c.channels;
    s.schedule = c.schedule;
    const i64 st = c.rows ? 1 : c.channels, sc = c.rows ? c.length : 1;
    s.a = {a, 0, st, sc};
    s.b = {b, 0, st, sc};
    s.h = {h, 0, st, sc};
    scratch().need(scratch_bytes(s));
    require(cudaMemset(h, 0xFF, most * 4), "memset");
    require(cudaMemset(wrong, 0, 8), "memset");
    const Status status = affine_scan(s, scratch().data, scratch().size, nullptr);
    check_lattice<<<8192, 256>>>(a, b, h, c.length, c.channels, st, sc, wrong);
    require(cudaMemcpy(&count, wrong, 8, cudaMemcpyDeviceToHost), "large");
    char text[128];
    std::snprintf(text, sizeof text, "large %lld x %lld %s: %s, %llu wrong of %lld",
                  static_cast<long long>(c.length), static_cast<long long>(c.channels),
                  c.rows ? "[D,L]" : "[L,D]", message(status), count,
                  static_cast<long long>(c.length * c.channels));
    std::printf("%s\n", text);
    expect(status == Status::ok && count == 0, text);
  }
  cudaFree(a);
  cudaFree(b);
  cudaFree(h);
  cudaFree(wrong);
  return true;
}

}  // namespace cuda_test
