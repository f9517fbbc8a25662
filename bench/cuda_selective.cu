// Times the selective scan kernels. Exit code 77: no device.
#include "bench/cuda_selective_data.cuh"
#include "cuda/selective/selective.hpp"

using namespace timing;
namespace sel = exactscan::cuda::selective;
using exactscan::cuda::Status;
using bf16 = __nv_bfloat16;

namespace {

Copier* copier;

void ok(Status s) {
  if (s == Status::ok) return;
  std::printf("FATAL status %d\n", static_cast<int>(s));
  std::exit(1);
}

template <class T>
void shape(i64 batch, i64 channels, i64 states, i64 length, bool gate, const char* peer,
           const char* backward_peer = nullptr) {
  const i64 n = batch * channels * length, m = batch * states * length;
  T *u = array<T>(n, 1), *delta = array<T>(n, 2, 0.5f), *z = array<T>(n, 3), *B = array<T>(m, 4),
    *C = array<T>(m, 5), *y = array<T>(n, 6);
  float *A = array<float>(channels * states, 7), *bias = array<float>(channels, 8),
        *D = array<float>(channels, 9);
  std::vector<void*> owned{u, delta, z, B, C, y, A, bias, D};
  fill_parameters<<<static_cast<unsigned>((channels + 127) / 128), 128>>>(A, bias, channels, states);
  require(cudaDeviceSynchronize(), "data");
  sel::Scan s;
  s.type = sizeof(T) == 4 ? sel::Storage::f32 : sel::Storage::bf16;
  s.batch = batch, s.channels = channels, s.states = states, s.length = length, s.u = u, s.delta = delta,
  s.A = A, s.B = B, s.C = C, s.D = D;
  s.z = gate ? z : nullptr, s.delta_bias = bias, s.softplus = true, s.y = y;
  char name[120];
  std::snprintf(name, sizeof name, "%s (%lld, %lld, N %lld, %lld)%s", sizeof(T) == 4 ? "f32" : "bf16",
                static_cast<long long>(batch), static_cast<long long>(channels),
                static_cast<long long>(states), static_cast<long long>(length), gate ? "" : " no z");
  const i64 size = sizeof(T);
  copier->line(std::string("forward ") + name, median_ms([&] { ok(sel::scan(s, nullptr)); }),
               (n * (gate ? 4 : 3) + 2 * m) * size, peer);
  if (backward_peer) {
    auto floats = [&](i64 count) {
      return owned.push_back(array<float>(count, 10 + owned.size())), static_cast<float*>(owned.back());
    };
    s.checkpoints = floats(static_cast<i64>(sel::checkpoint_bytes(s) / 4));
    copier->line(std::string("  with checkpoints ") + name, median_ms([&] { ok(sel::scan(s, nullptr)); }),
                 (n * (gate ? 4 : 3) + 2 * m) * size + static_cast<i64>(sel::checkpoint_bytes(s)));
    sel::ScanBackward g;
    g.forward = s, g.dy = floats(n), g.du = floats(n), g.ddelta = floats(n),
    g.dz = gate ? floats(n) : nullptr, g.dA = floats(channels * states);
    g.dB = floats(m), g.dC = floats(m), g.dD = floats(channels), g.ddelta_bias = floats(channels);
    const std::size_t bytes = sel::scratch_bytes(g);
    float* scratch = floats(static_cast<i64>(bytes / 4));
    copier->line(std::string("  backward ") + name,
                 median_ms([&] { ok(sel::scan_backward(g, scratch, bytes, nullptr)); }, 11),
                 (n * (gate ? 8 : 6) + 4 * m) * size, backward_peer);
  }
  for (void* p : owned) cudaFree(p);
}

void step() {
  const i64 batch = 256, channels = 5120, states = 16, n = batch * channels;
  sel::StateUpdate s;
  s.batch = batch, s.channels = channels, s.states = states, s.softplus = true;
  s.state = array<float>(n * states, 1), s.x = array<float>(n, 2), s.delta = array<float>(n, 3),
  s.z = array<float>(n, 4), s.y = array<float>(n, 5);
  s.B = array<float>(batch * states, 6), s.C = array<float>(batch * states, 7);
  float *A = array<float>(channels * states, 8), *bias = array<float>(channels, 9);
  fill_parameters<<<40, 128>>>(A, bias, channels, states);
  s.A = A, s.delta_bias = bias, s.D = array<float>(channels, 10);
  copier->line("state update f32 (256, 5120, N 16)", median_ms([&] { ok(sel::state_update(s, nullptr)); }),
               n * (2 * states + 4) * 4);
}

}  // namespace

int main() {
  if (!device_line()) return 77;
  Copier c;
  copier = &c;
  shape<float>(8, 5120, 16, 4096, true, "mamba_ssm 5.70 on H200; target 1.05",
               "mamba_ssm 13.55 on H200; target 4");
  shape<bf16>(8, 5120, 16, 4096, true, "mamba_ssm 2.846 on H200; target 1.02");
  shape<float>(8, 4224, 16, 4096, true, "");
  shape<float>(8, 5120, 16, 4096, false, "");
  shape<float>(8, 5120, 16, 4095, true, "");
  shape<float>(8, 2048, 16, 4096, true, "mamba_ssm 2.322 on H200", "mamba_ssm 5.52 on H200");
  shape<float>(8, 2048, 64, 4096, true, "");
  step();
}
