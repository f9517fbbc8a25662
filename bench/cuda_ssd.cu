// Times the SSD kernels. Exit code 77: no device.
#include "bench/cuda_timing.cuh"
#include "cuda/selective/functions.cuh"
#include "cuda/ssd/ssd.hpp"

using namespace timing;
namespace ssd = exactscan::cuda::ssd;
using exactscan::cuda::Status;
using exactscan::cuda::selective::narrow;
using bf16 = __nv_bfloat16;

namespace {

Copier* copier;

// Normal-like: a sum of uniforms.
template <class T>
__global__ void fill(T* p, i64 n, std::uint64_t seed, float scale) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const auto k = static_cast<std::uint64_t>(3 * i) + seed;
    p[i] = narrow<T>(scale * static_cast<float>(2 * (uniform(k) + uniform(k + 1) + uniform(k + 2)) - 3));
  }
}
// Mamba-2's: A between -16 and -1, bias the inverse softplus of a step between 1e-3 and 1e-1.
__global__ void fill_parameters(float* A, float* bias, i64 heads) {
  const i64 h = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (h >= heads) return;
  A[h] = -1 - 15 * static_cast<float>(uniform(static_cast<std::uint64_t>(h)));
  bias[h] = static_cast<float>(log(expm1(exp(-6.9 + 4.6 * uniform(static_cast<std::uint64_t>(h) + 77)))));
}
void ok(Status s) {
  if (s == Status::ok) return;
  std::printf("FATAL status %d\n", static_cast<int>(s));
  std::exit(1);
}

struct Arrays {
  std::vector<void*> owned;
  template <class T>
  T* make(i64 n, float scale = 1) {
    T* p = nullptr;
    require(cudaMalloc(&p, static_cast<std::size_t>(n) * sizeof(T) + 16), "memory");
    owned.push_back(p);
    fill<<<2048, 256>>>(p, n, owned.size() << 40, scale);
    return p;
  }
  ~Arrays() {
    for (void* p : owned) cudaFree(p);
  }
};

template <class T>
void shape(i64 batch, i64 length, i64 heads, i64 width, i64 groups, i64 states, int segments, bool gate,
           const char* peer = "") {
  Arrays a;
  const i64 n = batch * length * heads * width, m = batch * length * groups * states,
            k = batch * length * heads;
  ssd::Scan s;
  s.type = sizeof(T) == 4 ? ssd::Storage::f32 : ssd::Storage::bf16;
  s.batch = batch, s.length = length, s.heads = heads, s.width = width, s.groups = groups, s.states = states;
  s.x = a.make<T>(n), s.B = a.make<T>(m), s.C = a.make<T>(m), s.y = a.make<T>(n), s.dt = a.make<T>(k, 0.5f);
  if (gate) s.z = a.make<T>(n);
  float *A = a.make<float>(heads), *bias = a.make<float>(heads);
  fill_parameters<<<static_cast<unsigned>((heads + 127) / 128), 128>>>(A, bias, heads);
  s.A = A, s.dt_bias = bias, s.D = a.make<float>(heads), s.softplus = true, s.segments = segments;
  const std::size_t bytes = ssd::scratch_bytes(s);
  void* scratch = a.make<float>(static_cast<i64>(bytes / 4));
  require(cudaDeviceSynchronize(), "data");
  char name[120];
  std::snprintf(name, sizeof name, "ssd %s (%lld, %lld, %lld x %lld, N %lld)%s%s%s",
                sizeof(T) == 4 ? "f32" : "bf16", static_cast<long long>(batch),
                static_cast<long long>(length), static_cast<long long>(heads), static_cast<long long>(width),
                static_cast<long long>(states), groups > 1 ? " groups" : "", gate ? " z" : "",
                bytes > 0 ? " cut in time" : "");
  copier->line(name, median_ms([&] { ok(ssd::scan(s, scratch, bytes, nullptr)); }),
               (n * (gate ? 3 : 2) + 2 * m + k) * static_cast<i64>(sizeof(T)), peer);
}

void step() {
  Arrays a;
  const i64 batch = 128, heads = 80, width = 64, states = 128, n = batch * heads * width;
  ssd::StateUpdate s;
  s.batch = batch, s.heads = heads, s.width = width, s.states = states, s.softplus = true;
  s.state = a.make<float>(n * states), s.x = a.make<float>(n), s.dt = a.make<float>(batch * heads);
  s.B = a.make<float>(batch * states), s.C = a.make<float>(batch * states), s.y = a.make<float>(n);
  float *A = a.make<float>(heads), *bias = a.make<float>(heads);
  fill_parameters<<<1, 128>>>(A, bias, heads);
  s.A = A, s.dt_bias = bias, s.D = a.make<float>(heads);
  copier->line("ssd step f32 (128, 80 x 64, N 128)", median_ms([&] { ok(ssd::state_update(s, nullptr)); }),
               n * (2 * states + 2) * 4);
}

}  // namespace

int main(int argc, char** argv) {
  if (!device_line()) return 77;
  Copier c;
  copier = &c;
  shape<bf16>(8, 4096, 80, 64, 1, 128, 1, false, "mamba_ssm (Triton) 1.41 on H200; target 0.5");
  if (argc > 1) return 0;  // for a profiler
  shape<float>(8, 4096, 80, 64, 1, 128, 1, false, "mamba_ssm (Triton, tf32) 2.48 on H200");
  shape<bf16>(8, 4096, 80, 64, 1, 128, 1, true);
  shape<bf16>(8, 4096, 80, 64, 8, 128, 1, false);
  shape<bf16>(8, 4096, 80, 64, 1, 64, 1, false);
  shape<bf16>(8, 4095, 80, 64, 1, 128, 1, false);
  shape<bf16>(1, 4096, 80, 64, 1, 128, 1, false);
  shape<bf16>(1, 4096, 80, 64, 1, 128, 0, false);
  shape<bf16>(1, 65536, 24, 64, 1, 128, 0, false);
  shape<float>(1, 4096, 80, 64, 1, 128, 0, false);
  step();
}
