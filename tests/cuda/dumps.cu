// Writes inputs and outputs of a few cases, for a judge elsewhere.
#include "tests/cuda/support.cuh"

namespace cuda_test {
namespace {

template <class T>
void write_raw(const std::string& path, const std::vector<T>& v) {
  std::FILE* f = std::fopen(path.c_str(), "wb");
  if (!f || std::fwrite(v.data(), sizeof(T), v.size(), f) != v.size()) {
    std::printf("FATAL cannot write %s\n", path.c_str());
    std::exit(1);
  }
  std::fclose(f);
}

// Writes a, b, h0, h, h_last as raw little-endian files and one line "type length channels rows".
template <class E>
void dump(const std::string& folder, const char* name, Schedule schedule, i64 length, i64 channels, bool rows,
          double low) {
  using S = State<E>;
  const i64 n = length * channels;
  Tensor<E> a(1, length, channels, rows, 0, 0), b(1, length, channels, rows, 0, 0),
      h(1, length, channels, rows, 0, 0);
  States<S> h0(channels), last(channels);
  for (i64 t = 0; t < length; ++t)
    for (i64 d = 0; d < channels; ++d) {
      const std::uint64_t i = static_cast<std::uint64_t>(t * channels + d);
      a.at(0, t, d) = from_double<E>(low + (1 - low) * uniform(i));
      b.at(0, t, d) = from_double<E>(2 * uniform(i ^ 0x999) - 1);
    }
  for (std::size_t k = 0; k < h0.host.size(); ++k) h0.host[k] = static_cast<S>(uniform(k));
  a.up();
  b.up();
  h.up();
  h0.up();
  last.up();
  AffineScan s;
  s.type = Type<E>::value;
  s.length = length;
  s.channels = channels;
  s.schedule = schedule;
  s.a = a.in();
  s.b = b.in();
  s.h = h.out();
  s.h0 = h0.device;
  s.h_last = last.device;
  scratch().need(scratch_bytes(s));
  expect(affine_scan(s, scratch().data, scratch().size, nullptr) == Status::ok, name);
  require(cudaDeviceSynchronize(), name);
  h.down();
  last.down();
  const std::string base = folder + "/" + name;
  auto body = [&](Tensor<E>& t) {
    const auto from = t.host.begin() + Tensor<E>::kGuard;
    return std::vector<E>(from, from + n);
  };
  write_raw(base + ".a", body(a));
  write_raw(base + ".b", body(b));
  write_raw(base + ".h", body(h));
  write_raw(base + ".h0", h0.host);
  write_raw(base + ".h_last", last.host);
  std::FILE* f = std::fopen((base + ".shape").c_str(), "w");
  if (!f) {
    std::printf("FATAL cannot write %s\n", base.c_str());
    std::exit(1);
  }
  std::fprintf(f, "%s %lld %lld %d\n", Type<E>::name, static_cast<long long>(length),
               static_cast<long long>(channels), rows ? 1 : 0);
  std::fclose(f);
}

}  // namespace

void write_dumps(const std::string& folder) {
  dump<float>(folder, "rows_f32", Schedule::rows, 100003, 1, true, 0.9);
  dump<float>(folder, "rows_f32_near_one", Schedule::rows, 200000, 1, true, 1 - 2e-5);
  dump<float>(folder, "rows_f32_many", Schedule::rows, 777, 150, true, 0.5);
  dump<float>(folder, "slabs_f32", Schedule::slabs, 9001, 7, false, 0.9);
  dump<float>(folder, "slabs_f32_wide", Schedule::slabs, 2000, 40, false, 0.9);
  dump<float>(folder, "channels_f32", Schedule::channels, 333, 300, false, 0.5);
  dump<double>(folder, "rows_f64", Schedule::rows, 30001, 2, true, 0.9);
  dump<double>(folder, "slabs_f64", Schedule::slabs, 5001, 5, false, 0.9);
  dump<__nv_bfloat16>(folder, "rows_bf16", Schedule::rows, 40001, 2, true, 0.5);
  dump<__half>(folder, "slabs_f16", Schedule::slabs, 5001, 8, false, 0.5);
  dump<__nv_bfloat16>(folder, "channels_bf16", Schedule::channels, 501, 64, false, 0.5);
}

}  // namespace cuda_test
