// Times the certified check of a selective scan on the device. Exit code 77: no device.
#include "bench/cuda_selective_data.cuh"
#include "cuda/selective/selective.hpp"
#include "oracle/cuda/check_selective.hpp"

using namespace timing;
namespace sel = exactscan::cuda::selective;
namespace dev = exactscan::device;

namespace {

template <class T>
void shape(i64 batch, i64 channels, i64 states, i64 length) {
  const i64 n = batch * channels * length, m = batch * states * length, units = batch * channels;
  T *u = array<T>(n, 1), *delta = array<T>(n, 2, 0.5f), *z = array<T>(n, 3), *B = array<T>(m, 4),
    *C = array<T>(m, 5), *y = array<T>(n, 6);
  float *A = array<float>(channels * states, 7), *bias = array<float>(channels, 8),
        *D = array<float>(channels, 9), *ratio = array<float>(units, 10);
  std::uint8_t* suspect = nullptr;
  require(cudaMalloc(&suspect, static_cast<std::size_t>(units)), "memory");
  fill_parameters<<<static_cast<unsigned>((channels + 127) / 128), 128>>>(A, bias, channels, states);
  require(cudaDeviceSynchronize(), "data");
  sel::Scan s;
  s.type = sizeof(T) == 4 ? sel::Storage::f32 : sel::Storage::bf16;
  s.batch = batch, s.channels = channels, s.states = states, s.length = length, s.u = u, s.delta = delta,
  s.A = A, s.B = B, s.C = C, s.D = D, s.z = z, s.delta_bias = bias, s.softplus = true, s.y = y;
  const double kernel_ms = median_ms([&] {
    if (sel::scan(s, nullptr) != exactscan::cuda::Status::ok) std::exit(1);
  });
  const auto type = sizeof(T) == 4 ? dev::Storage::f32 : dev::Storage::bf16;
  dev::SelectiveScreen p;
  p.batch = batch, p.channels = channels, p.states = states, p.length = length, p.softplus = true;
  p.u = {u, type}, p.delta = {delta, type}, p.B = {B, type}, p.C = {C, type}, p.z = {z, type},
  p.y = {y, type};
  p.A = {A}, p.D = {D}, p.delta_bias = {bias};
  if (sizeof(T) == 2) p.y_rule = {false, 0x1p-8F, 0x1p-126F};
  const float unit = 0x1p-24F;  // a little below what allowance_floor gives for fp32
  p.floor.multiplier = std::min(4.9F * unit, 0.03F / static_cast<float>(length)),
  p.floor.summand = 5.9F * unit;
  p.floor.readout = 0.99F * unit * static_cast<float>(states + 1), p.floor.gate = 4.9F * unit;
  const auto run = [&] { require(dev::screen(p, suspect, ratio, nullptr), "launch"); };
  const double ms = median_ms(run);
  std::vector<std::uint8_t> found(static_cast<std::size_t>(units));
  std::vector<float> ratios(found.size());
  const auto suspects = [&] {
    require(cudaMemcpy(found.data(), suspect, found.size(), cudaMemcpyDeviceToHost), "read");
    require(cudaMemcpy(ratios.data(), ratio, ratios.size() * 4, cudaMemcpyDeviceToHost), "read");
    return static_cast<long long>(std::count(found.begin(), found.end(), 1));
  };
  const long long honest = suspects();
  float most = 0;
  for (std::size_t i = 0; i < found.size(); ++i) most = found[i] ? most : std::max(most, ratios[i]);
  std::sort(ratios.begin(), ratios.end());
  // One NaN: exactly one channel more.
  require(cudaMemset(y + n / 2, 0xff, sizeof(T)), "plant");
  run();
  const long long planted = suspects();
  std::printf(
      "check %s (%lld, %lld, N %lld, %lld): %.3f ms (its kernel %.3f ms), %.2f ps a state step; "
      "suspects %lld of %lld, with one NaN %lld; largest ratio %.3f, median of channels' %.3f\n",
      sizeof(T) == 4 ? "f32" : "bf16", static_cast<long long>(batch), static_cast<long long>(channels),
      static_cast<long long>(states), static_cast<long long>(length), ms, kernel_ms,
      ms * 1e9 / static_cast<double>(n * states), honest, static_cast<long long>(units), planted,
      static_cast<double>(most), static_cast<double>(ratios[ratios.size() / 2]));
  std::fflush(stdout);
  for (void* q : std::initializer_list<void*>{u, delta, z, B, C, y, A, bias, D, ratio, suspect}) cudaFree(q);
}

}  // namespace

int main(int argc, char**) {
  if (!device_line()) return 77;
  shape<float>(8, 5120, 16, 4096);
  if (argc > 1) return 0;
  shape<__nv_bfloat16>(8, 5120, 16, 4096);
  shape<float>(8, 2048, 16, 4096);
  shape<float>(8, 2048, 64, 4096);
  shape<float>(1, 5120, 16, 4096);
}
