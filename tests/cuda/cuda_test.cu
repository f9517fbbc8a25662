// Tests of the CUDA kernels on a device: exact lattices bit for bit, real data within a rounding allowance, guards,
// views, arguments, determinism, more than 2^31 elements. Exit code 77: no device (skipped), 1: failed.
//
//   cuda_test [--small | --large | --dump FOLDER]
// --small: fewer shapes, for compute-sanitizer. --large: only the cases of more than 2^31 elements (26 GB).
// --dump FOLDER: writes inputs and outputs of a few cases; each is raw little-endian numbers and a line of shapes.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include "cuda/affine_scan.hpp"
#include "cuda/device/transition.cuh"

using namespace exactscan::cuda;
using i64 = std::int64_t;

namespace {

int failures = 0, checks = 0;
std::string dump_folder;

void require(cudaError_t e, const char* what) {
  if (e == cudaSuccess) return;
  std::printf("FATAL %s: %s\n", what, cudaGetErrorString(e));
  std::exit(1);
}
void expect(bool ok, const std::string& what) {
  ++checks;
  if (ok) return;
  ++failures;
  if (failures <= 40) std::printf("FAILED %s\n", what.c_str());
}

// SplitMix64 of an index: the same data on host and device.
__host__ __device__ inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
  return x ^ x >> 31;
}
__host__ __device__ inline double uniform(std::uint64_t x) { return static_cast<double>(mix(x) >> 11) * 0x1p-53; }

template <class E> struct Type;
template <> struct Type<float> {
  static constexpr Element value = Element::f32;
  static constexpr const char* name = "f32";
  static constexpr double unit = 0x1p-24, store = 0;
};
template <> struct Type<double> {
  static constexpr Element value = Element::f64;
  static constexpr const char* name = "f64";
  static constexpr double unit = 0x1p-53, store = 0;
};
template <> struct Type<__nv_bfloat16> {
  static constexpr Element value = Element::bf16;
  static constexpr const char* name = "bf16";
  static constexpr double unit = 0x1p-24, store = 0x1p-8;
};
template <> struct Type<__half> {
  static constexpr Element value = Element::f16;
  static constexpr const char* name = "f16";
  static constexpr double unit = 0x1p-24, store = 0x1p-10;
};
double to_double(float x) { return x; }
double to_double(double x) { return x; }
double to_double(__nv_bfloat16 x) { return static_cast<double>(__bfloat162float(x)); }
double to_double(__half x) { return static_cast<double>(__half2float(x)); }
template <class E> E from_double(double x);
template <> float from_double<float>(double x) { return static_cast<float>(x); }
template <> double from_double<double>(double x) { return x; }
template <> __nv_bfloat16 from_double<__nv_bfloat16>(double x) { return __float2bfloat16(static_cast<float>(x)); }
template <> __half from_double<__half>(double x) { return __float2half(static_cast<float>(x)); }

// A tensor of [batch, length, channels] on host and device, with guards around and gaps of the strides between.
template <class E> struct Tensor {
  i64 batch, length, channels, sb, st, sc;
  i64 shift, extent;
  std::vector<E> host;
  E* device = nullptr;
  static constexpr i64 kGuard = 64;

  Tensor(i64 n, i64 l, i64 d, bool rows, i64 gap, i64 shift_elements)
      : batch(n), length(l), channels(d), shift(shift_elements) {
    st = rows ? 1 : d + gap;
    sc = rows ? l + gap : 1;
    sb = rows ? d * sc : l * st;
    extent = n * sb + 2 * kGuard + shift;
    host.resize(static_cast<std::size_t>(extent));
    std::memset(static_cast<void*>(host.data()), 0xFF, host.size() * sizeof(E));
    require(cudaMalloc(&device, host.size() * sizeof(E)), "cudaMalloc");
  }
  Tensor(const Tensor&) = delete;
  ~Tensor() { cudaFree(device); }
  E& at(i64 n, i64 t, i64 d) { return host[static_cast<std::size_t>(kGuard + shift + n * sb + t * st + d * sc)]; }
  E* origin() { return device + kGuard + shift; }
  void up() { require(cudaMemcpy(device, host.data(), host.size() * sizeof(E), cudaMemcpyHostToDevice), "up"); }
  void down() { require(cudaMemcpy(host.data(), device, host.size() * sizeof(E), cudaMemcpyDeviceToHost), "down"); }
  ConstView in() { return {origin(), sb, st, sc}; }
  View out() { return {origin(), sb, st, sc}; }
  // Every byte outside the elements still holds the poison.
  bool guards_intact() {
    std::vector<bool> used(host.size(), false);
    for (i64 n = 0; n < batch; ++n)
      for (i64 t = 0; t < length; ++t)
        for (i64 d = 0; d < channels; ++d) used[static_cast<std::size_t>(kGuard + shift + n * sb + t * st + d * sc)] = true;
    for (std::size_t i = 0; i < host.size(); ++i) {
      if (used[i]) continue;
      const auto* bytes = reinterpret_cast<const unsigned char*>(&host[i]);
      for (std::size_t k = 0; k < sizeof(E); ++k)
        if (bytes[k] != 0xFF) return false;
    }
    return true;
  }
};

template <class S> struct States {
  std::vector<S> host;
  S* device = nullptr;
  explicit States(i64 n) : host(static_cast<std::size_t>(n)) {
    std::memset(static_cast<void*>(host.data()), 0xFF, host.size() * sizeof(S));
    require(cudaMalloc(&device, std::max<std::size_t>(1, host.size()) * sizeof(S)), "cudaMalloc");
  }
  States(const States&) = delete;
  ~States() { cudaFree(device); }
  void up() { require(cudaMemcpy(device, host.data(), host.size() * sizeof(S), cudaMemcpyHostToDevice), "up"); }
  void down() { require(cudaMemcpy(host.data(), device, host.size() * sizeof(S), cudaMemcpyDeviceToHost), "down"); }
};

// One scratch for all calls, grown when needed: also tests that calls of all shapes share it.
struct Scratch {
  void* data = nullptr;
  std::size_t size = 0;
  void need(std::size_t bytes) {
    if (bytes <= size) return;
    cudaFree(data);
    require(cudaMalloc(&data, bytes), "scratch");
    size = bytes;
    expect(init_scratch(data, size, nullptr) == Status::ok, "init_scratch");
  }
} scratch;

struct Case {
  Schedule schedule;
  i64 batch, length, channels;
  bool rows;       // layout: time stride 1
  i64 gap = 0, shift = 0;
  bool lattice = true, in_place = false, has_h0 = true, wants_last = true, constant = false;
  int grid_limit = 0;
  Multiplier multiplier = Multiplier::pair;
};

std::string describe(const Case& c, const char* type) {
  static const char* names[] = {"automatic", "rows", "slabs", "channels"};
  char text[256];
  std::snprintf(text, sizeof text, "%s %s%s batch %lld length %lld channels %lld %s gap %lld shift %lld%s%s%s%s grid %d%s",
                names[static_cast<int>(c.schedule)], type, c.constant ? " constant" : "", static_cast<long long>(c.batch),
                static_cast<long long>(c.length), static_cast<long long>(c.channels), c.rows ? "[D,L]" : "[L,D]",
                static_cast<long long>(c.gap), static_cast<long long>(c.shift), c.lattice ? " lattice" : " real",
                c.in_place ? " in-place" : "", c.has_h0 ? "" : " no-h0", c.wants_last ? "" : " no-last", c.grid_limit,
                c.multiplier == Multiplier::plain ? " plain" : "");
  return text;
}

// Lattice: gates -1, 0, 1 and small integers; every bracketing is exact, so that the answer is one bit pattern.
double lattice_gate(std::uint64_t i) { return static_cast<double>(static_cast<int>(mix(i) % 16 == 0 ? 0 : (mix(i) >> 8 & 1 ? 1 : -1))); }
double lattice_input(std::uint64_t i) { return static_cast<double>(static_cast<int>(mix(i ^ 0x5555) % 7)) - 3; }

template <class E> void run_case(const Case& c) {
  using S = State<E>;
  const std::string name = describe(c, Type<E>::name);
  Tensor<E> a(c.batch, c.length, c.channels, c.rows, c.gap, c.shift), b(c.batch, c.length, c.channels, c.rows, c.gap, c.shift),
      h(c.batch, c.length, c.channels, c.rows, c.gap, c.shift);
  States<S> h0(c.batch * c.channels), last(c.batch * c.channels);
  Tensor<E> A(1, 1, c.channels, false, 0, 0), B(1, 1, c.channels, false, 0, 0);
  std::uint64_t i = 0;
  for (i64 d = 0; d < c.channels; ++d) {
    A.at(0, 0, d) = from_double<E>(c.lattice ? (d % 3 == 0 ? -1 : 1) : 0.7 + 0.3 * uniform(++i));
    B.at(0, 0, d) = from_double<E>(c.lattice ? static_cast<double>(d % 3 + 1) : 2 * uniform(++i) - 1);
  }
  for (i64 n = 0; n < c.batch; ++n)
    for (i64 t = 0; t < c.length; ++t)
      for (i64 d = 0; d < c.channels; ++d) {
        ++i;
        a.at(n, t, d) = from_double<E>(c.lattice ? lattice_gate(i) : 0.7 + 0.3 * uniform(i));
        b.at(n, t, d) = from_double<E>(c.lattice ? lattice_input(i) : 2 * uniform(i ^ 0xabcdef) - 1);
      }
  for (std::size_t k = 0; k < h0.host.size(); ++k)
    h0.host[k] = static_cast<S>(c.lattice ? static_cast<double>(k % 11) - 5 : 2 * uniform(k + 77) - 1);
  a.up(); b.up(); h.up(); h0.up(); last.up(); A.up(); B.up();

  View out = c.in_place ? b.out() : h.out();
  Status status;
  if (c.constant) {
    DiagonalSsm s;
    s.type = Type<E>::value; s.batch = c.batch; s.length = c.length; s.channels = c.channels;
    s.A = A.origin(); s.B = B.origin(); s.x = b.in(); s.h = out;
    s.h0 = c.has_h0 ? h0.device : nullptr; s.h_last = c.wants_last ? last.device : nullptr;
    s.schedule = c.schedule; s.grid_limit = c.grid_limit; s.multiplier = c.multiplier;
    scratch.need(scratch_bytes(s));
    status = diagonal_ssm(s, scratch.data, scratch.size, nullptr);
  } else {
    AffineScan s;
    s.type = Type<E>::value; s.batch = c.batch; s.length = c.length; s.channels = c.channels;
    s.a = a.in(); s.b = b.in(); s.h = out;
    s.h0 = c.has_h0 ? h0.device : nullptr; s.h_last = c.wants_last ? last.device : nullptr;
    s.schedule = c.schedule; s.grid_limit = c.grid_limit; s.multiplier = c.multiplier;
    scratch.need(scratch_bytes(s));
    status = affine_scan(s, scratch.data, scratch.size, nullptr);
  }
  expect(status == Status::ok, name + ": " + message(status));
  require(cudaDeviceSynchronize(), name.c_str());
  Tensor<E> given(c.batch, c.length, c.channels, c.rows, c.gap, c.shift);  // b before the call
  given.host = b.host;
  Tensor<E>& result = c.in_place ? b : h;
  result.down();
  last.down();
  expect(result.guards_intact(), name + ": wrote outside the output");

  i64 wrong = 0;
  double worst = 0;
  std::string first;
  for (i64 n = 0; n < c.batch; ++n)
    for (i64 d = 0; d < c.channels; ++d) {
      double exact = c.has_h0 ? static_cast<double>(h0.host[static_cast<std::size_t>(n * c.channels + d)]) : 0;
      double magnitude = std::fabs(exact);
      for (i64 t = 0; t <= c.length; ++t) {
        double got, store;
        if (t == c.length) {
          if (!c.wants_last) break;
          got = static_cast<double>(last.host[static_cast<std::size_t>(n * c.channels + d)]);
          store = 0;
        } else {
          const double g = c.constant ? to_double(A.at(0, 0, d)) : to_double(a.at(n, t, d));
          const double x = c.constant ? to_double(B.at(0, 0, d)) * to_double(given.at(n, t, d)) : to_double(given.at(n, t, d));
          exact = g * exact + x;
          magnitude = std::fabs(g) * magnitude + std::fabs(x);
          got = to_double(result.at(n, t, d));
          store = Type<E>::store;
        }
        bool ok;
        if (c.lattice) {
          ok = store == 0 ? got == exact : got == to_double(from_double<E>(exact));
        } else {
          const double allowed = 64 * Type<E>::unit * magnitude + store * (std::fabs(exact) + magnitude * 1e-5) + 1e-7 * (store > 0);
          ok = std::fabs(got - exact) <= allowed;
          worst = std::max(worst, std::fabs(got - exact) / allowed);
        }
        if (!ok && wrong++ == 0) {
          char text[160];
          std::snprintf(text, sizeof text, " first at n %lld t %lld d %lld: %.9g, exact %.9g", static_cast<long long>(n),
                        static_cast<long long>(t), static_cast<long long>(d), got, exact);
          first = text;
        }
      }
    }
  expect(wrong == 0, name + ": " + std::to_string(wrong) + " wrong," + first);
}

template <class E> void run_type(bool small) {
  const std::vector<i64> lengths = small ? std::vector<i64>{1, 33, 300} : std::vector<i64>{1, 2, 31, 32, 33, 127, 1000, 4096, 8191, 8192, 8193, 20000};
  for (int real = 0; real < 2; ++real)
    for (i64 length : lengths)
      for (i64 channels : small ? std::vector<i64>{1, 3, 40} : std::vector<i64>{1, 2, 3, 5, 8, 16, 31, 32, 33, 64, 100})
        for (int constant = 0; constant < 2; ++constant) {
          if (length * channels > 300000) continue;
          Case c{Schedule::rows, 1, length, channels, true};
          c.lattice = !real;
          c.constant = constant;
          c.has_h0 = (length + channels) % 3 != 0;
          c.wants_last = (length + channels) % 5 != 0;
          run_case<E>(c);
          c.gap = 3; c.shift = 1;
          run_case<E>(c);
          c.rows = false; c.gap = 0; c.shift = 0;
          c.schedule = Schedule::slabs;
          c.batch = channels < 9 ? 3 : 1;
          run_case<E>(c);
          c.schedule = Schedule::channels;
          run_case<E>(c);
          c.gap = 1; c.shift = 1;
          run_case<E>(c);
          c.schedule = Schedule::slabs;
          run_case<E>(c);
          c.schedule = Schedule::automatic;
          c.in_place = true;
          run_case<E>(c);
          c.rows = true; c.shift = 0; c.gap = 0;
          run_case<E>(c);
        }
  // Tiles carried far: few blocks, and rows of many tiles that start inside tiles.
  const i64 tile = sizeof(E) == 8 ? 4096 : sizeof(E) == 4 ? 8192 : 16384;
  const i64 many = small ? 5 * tile + 7 : 150 * tile + 7;
  for (int grid : {1, 2, 3, 7, 0}) {
    if (small && grid > 3) continue;
    for (int real = 0; real < 2; ++real)
      for (Multiplier m : {Multiplier::pair, Multiplier::plain}) {
        Case c{Schedule::rows, 1, many, 1, true};
        c.grid_limit = grid; c.lattice = !real; c.multiplier = m;
        run_case<E>(c);
        c.length = many / 3; c.channels = 3;
        run_case<E>(c);
        c.length = many / 3; c.channels = 3; c.gap = 5;
        run_case<E>(c);
        if (m == Multiplier::plain) continue;
        for (i64 channels : {1, 4, 7, 16, 40}) {
          Case s{Schedule::slabs, 1, many / channels, channels, false};
          s.grid_limit = grid; s.lattice = !real;
          run_case<E>(s);
        }
      }
  }
}

template <class E> void run_backward(i64 batch, i64 length, i64 channels, bool rows) {
  using S = State<E>;
  Tensor<E> x(batch, length, channels, rows, 0, 0), h(batch, length, channels, rows, 0, 0), dh(batch, length, channels, rows, 0, 0),
      dx(batch, length, channels, rows, 2, 1), A(1, 1, channels, false, 0, 0), B(1, 1, channels, false, 0, 0);
  States<S> h0(batch * channels), dA(batch * channels), dB(batch * channels), dh0(batch * channels);
  for (i64 d = 0; d < channels; ++d) {
    A.at(0, 0, d) = from_double<E>(0.5 + 0.4 * uniform(static_cast<std::uint64_t>(d)));
    B.at(0, 0, d) = from_double<E>(2 * uniform(static_cast<std::uint64_t>(d) + 1000) - 1);
  }
  std::uint64_t i = 0;
  for (i64 n = 0; n < batch; ++n)
    for (i64 t = 0; t < length; ++t)
      for (i64 d = 0; d < channels; ++d, ++i) {
        x.at(n, t, d) = from_double<E>(2 * uniform(i) - 1);
        h.at(n, t, d) = from_double<E>(2 * uniform(i ^ 0x111) - 1);
        dh.at(n, t, d) = from_double<E>(2 * uniform(i ^ 0x222) - 1);
      }
  for (std::size_t k = 0; k < h0.host.size(); ++k) h0.host[k] = static_cast<S>(uniform(k));
  x.up(); h.up(); dh.up(); dx.up(); A.up(); B.up(); h0.up(); dA.up(); dB.up(); dh0.up();
  DiagonalSsmBackward s;
  s.type = Type<E>::value; s.batch = batch; s.length = length; s.channels = channels;
  s.A = A.origin(); s.B = B.origin(); s.x = x.in(); s.h = h.in(); s.dh = dh.in(); s.dx = dx.out();
  s.h0 = h0.device; s.dA = dA.device; s.dB = dB.device; s.dh0 = dh0.device;
  const std::string name = std::string("backward ") + Type<E>::name + " " + std::to_string(length) + " x " + std::to_string(channels);
  expect(diagonal_ssm_backward(s, nullptr) == Status::ok, name);
  require(cudaDeviceSynchronize(), name.c_str());
  dx.down(); dA.down(); dB.down(); dh0.down();
  expect(dx.guards_intact(), name + ": wrote outside dx");
  i64 wrong = 0;
  for (i64 n = 0; n < batch; ++n)
    for (i64 d = 0; d < channels; ++d) {
      const std::size_t k = static_cast<std::size_t>(n * channels + d);
      double carry = 0, eA = 0, eB = 0, mA = 0, mB = 0, m = 0;
      const double gate = to_double(A.at(0, 0, d)), in = to_double(B.at(0, 0, d));
      auto far = [&](double got, double exact, double magnitude, double store) {
        return !(std::fabs(got - exact) <= (64 + static_cast<double>(length)) * Type<E>::unit * magnitude + store * std::fabs(exact) + (store > 0 ? 1e-7 : 1e-300));
      };
      for (i64 t = length - 1; t >= 0; --t) {
        const double g = to_double(dh.at(n, t, d)) + carry, before = t > 0 ? to_double(h.at(n, t - 1, d)) : static_cast<double>(h0.host[k]);
        m = std::fabs(to_double(dh.at(n, t, d))) + std::fabs(gate) * m;
        eA += g * before; mA += m * std::fabs(before);
        eB += g * to_double(x.at(n, t, d)); mB += m * std::fabs(to_double(x.at(n, t, d)));
        wrong += far(to_double(dx.at(n, t, d)), g * in, m * std::fabs(in), Type<E>::store);
        carry = g * gate;
      }
      wrong += far(static_cast<double>(dA.host[k]), eA, mA, 0) + far(static_cast<double>(dB.host[k]), eB, mB, 0) +
               far(static_cast<double>(dh0.host[k]), carry, m, 0);
    }
  expect(wrong == 0, name + ": " + std::to_string(wrong) + " wrong");
}

// TorchLean's own example, exact in float32.
void torchlean_example() {
  const float A[] = {0.5F, 0.25F}, B[] = {1, 2}, x[] = {2, 1, 4, -2, 0, 3}, h0[] = {1, -1}, ones[] = {1, 1, 1, 1, 1, 1};
  float* d = nullptr;
  require(cudaMalloc(&d, 64 * sizeof(float)), "cudaMalloc");
  require(cudaMemset(d, 0xFF, 64 * sizeof(float)), "memset");
  auto put = [&](int at, const float* p, int n) { require(cudaMemcpy(d + at, p, n * sizeof(float), cudaMemcpyHostToDevice), "put"); };
  put(0, A, 2); put(2, B, 2); put(4, x, 6); put(10, h0, 2); put(12, ones, 6);
  DiagonalSsm f;
  f.length = 3; f.channels = 2; f.A = d; f.B = d + 2; f.x = {d + 4, 6, 2, 1}; f.h = {d + 20, 6, 2, 1}; f.h0 = d + 10; f.h_last = d + 26;
  scratch.need(scratch_bytes(f));
  expect(diagonal_ssm(f, scratch.data, scratch.size, nullptr) == Status::ok, "TorchLean forward");
  DiagonalSsmBackward g;
  g.length = 3; g.channels = 2; g.A = d; g.B = d + 2; g.x = f.x; g.h = {d + 20, 6, 2, 1}; g.dh = {d + 12, 6, 2, 1};
  g.dx = {d + 30, 6, 2, 1}; g.h0 = d + 10; g.dA = d + 40; g.dB = d + 42; g.dh0 = d + 44;
  expect(diagonal_ssm_backward(g, nullptr) == Status::ok, "TorchLean backward");
  float r[64];
  require(cudaMemcpy(r, d, sizeof r, cudaMemcpyDeviceToHost), "get");
  const float h[] = {2.5F, 1.75F, 5.25F, -3.5625F, 2.625F, 5.109375F, 2.625F, 5.109375F};
  const float dx[] = {1.75F, 2.625F, 1.5F, 2.5F, 1, 2}, rest[] = {10.75F, -2.6875F, 9.5F, 1.8125F, 0.875F, 0.328125F};
  expect(std::memcmp(r + 20, h, sizeof h) == 0, "TorchLean h");
  expect(std::memcmp(r + 30, dx, sizeof dx) == 0, "TorchLean dX");
  expect(std::memcmp(r + 40, rest, sizeof rest) == 0, "TorchLean dA, dB, dH0");
  cudaFree(d);
}

void arguments() {
  float* d = nullptr;
  require(cudaMalloc(&d, 1024), "cudaMalloc");
  AffineScan s;
  s.length = 8; s.a = {d, 8, 1, 8}; s.b = {d + 16, 8, 1, 8}; s.h = {d + 32, 8, 1, 8};
  expect(affine_scan(s, nullptr, 0, nullptr) == Status::scratch_too_small, "scratch is asked for");
  AffineScan t = s;
  t.a.data = nullptr;
  expect(affine_scan(t, scratch.data, scratch.size, nullptr) == Status::bad_argument, "null a");
  t = s; t.length = -1;
  expect(affine_scan(t, scratch.data, scratch.size, nullptr) == Status::bad_argument, "negative length");
  t = s; t.type = static_cast<Element>(9);
  expect(affine_scan(t, scratch.data, scratch.size, nullptr) == Status::bad_argument, "unknown type");
  t = s; t.b.time = 2; t.schedule = Schedule::rows;
  expect(affine_scan(t, scratch.data, scratch.size, nullptr) == Status::unsupported, "rows with a time stride");
  t = s; t.batch = 0; t.a.data = nullptr;
  expect(affine_scan(t, nullptr, 0, nullptr) == Status::ok, "empty batch");
  const float h0 = 3;
  float last = 0;
  require(cudaMemcpy(d, &h0, 4, cudaMemcpyHostToDevice), "put");
  t = AffineScan{}; t.h0 = d; t.h_last = d + 1;
  expect(affine_scan(t, nullptr, 0, nullptr) == Status::ok, "no steps");
  require(cudaMemcpy(&last, d + 1, 4, cudaMemcpyDeviceToHost), "get");
  expect(last == 3, "the last state of no steps is the first");
  cudaFree(d);
}

template <class E> __global__ void fill(E* a, E* b, i64 n, bool lattice, double low) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n; i += static_cast<i64>(gridDim.x) * blockDim.x) {
    const std::uint64_t k = static_cast<std::uint64_t>(i);
    a[i] = E(static_cast<float>(lattice ? (mix(k) % 16 == 0 ? 0 : (mix(k) >> 8 & 1 ? 1 : -1)) : low + (1 - low) * uniform(k)));
    b[i] = E(static_cast<float>(lattice ? static_cast<int>(mix(k ^ 0x5555) % 7) - 3 : 2 * uniform(k ^ 0x1234567) - 1));
  }
}

// Checks a lattice scan from zero exactly: a chunk of 256 steps starts from the last zero gate before it.
__global__ void check_lattice(const float* a, const float* b, const float* h, i64 length, i64 channels, i64 st, i64 sc, unsigned long long* wrong) {
  const i64 chunks = (length + 255) / 256;
  for (i64 job = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; job < chunks * channels; job += static_cast<i64>(gridDim.x) * blockDim.x) {
    const i64 d = st == 1 ? job / chunks : job % channels, from = (st == 1 ? job % chunks : job / channels) * 256;
    i64 t = from;
    while (t > 0 && a[t * st + d * sc] != 0) --t;
    float s = 0;
    for (; t < from + 256 && t < length; ++t) {
      s = a[t * st + d * sc] * s + b[t * st + d * sc];
      if (t >= from && h[t * st + d * sc] != s) atomicAdd(wrong, 1ULL);
    }
  }
}

void large() {
  const i64 most = (i64{1} << 31) + (i64{1} << 24);
  std::size_t free_bytes = 0, total = 0;
  require(cudaMemGetInfo(&free_bytes, &total), "memory");
  if (free_bytes < static_cast<std::size_t>(most) * 12 + (1u << 30)) {
    std::printf("skipped: more than 2^31 elements need 27 GB\n");
    std::exit(77);
  }
  float *a, *b, *h;
  unsigned long long *wrong, count = 0;
  require(cudaMalloc(&a, most * 4), "a"); require(cudaMalloc(&b, most * 4), "b"); require(cudaMalloc(&h, most * 4), "h");
  require(cudaMalloc(&wrong, 8), "wrong");
  fill<float><<<4096, 256>>>(a, b, most, true, 0);
  struct Big { Schedule schedule; i64 length, channels; bool rows; };
  for (const Big& c : {Big{Schedule::rows, (i64{1} << 31) + 12345, 1, true}, Big{Schedule::rows, 715827883, 3, true},
                       Big{Schedule::rows, 4099, 524000, true}, Big{Schedule::slabs, (i64{1} << 31) / 40 + 77, 40, false},
                       Big{Schedule::channels, (i64{1} << 31) / 12288 + 11, 12288, false}}) {
    AffineScan s;
    s.length = c.length; s.channels = c.channels; s.schedule = c.schedule;
    const i64 st = c.rows ? 1 : c.channels, sc = c.rows ? c.length : 1;
    s.a = {a, 0, st, sc}; s.b = {b, 0, st, sc}; s.h = {h, 0, st, sc};
    scratch.need(scratch_bytes(s));
    require(cudaMemset(h, 0xFF, most * 4), "memset");
    require(cudaMemset(wrong, 0, 8), "memset");
    const Status status = affine_scan(s, scratch.data, scratch.size, nullptr);
    check_lattice<<<8192, 256>>>(a, b, h, c.length, c.channels, st, sc, wrong);
    require(cudaMemcpy(&count, wrong, 8, cudaMemcpyDeviceToHost), "large");
    char text[128];
    std::snprintf(text, sizeof text, "large %lld x %lld %s: %s, %llu wrong of %lld", static_cast<long long>(c.length),
                  static_cast<long long>(c.channels), c.rows ? "[D,L]" : "[L,D]", message(status), count, static_cast<long long>(c.length * c.channels));
    std::printf("%s\n", text);
    expect(status == Status::ok && count == 0, text);
  }
  cudaFree(a); cudaFree(b); cudaFree(h); cudaFree(wrong);
}

template <class E> void deterministic(Schedule schedule, i64 batch, i64 length, i64 channels, bool rows) {
  const i64 n = batch * length * channels;
  E *a, *b, *h;
  require(cudaMalloc(&a, n * sizeof(E)), "a"); require(cudaMalloc(&b, n * sizeof(E)), "b"); require(cudaMalloc(&h, n * sizeof(E)), "h");
  fill<E><<<1024, 256>>>(a, b, n, false, 0.99);
  AffineScan s;
  s.type = Type<E>::value; s.batch = batch; s.length = length; s.channels = channels; s.schedule = schedule;
  const i64 st = rows ? 1 : channels, sc = rows ? length : 1;
  s.a = {a, length * channels, st, sc}; s.b = {b, length * channels, st, sc}; s.h = {h, length * channels, st, sc};
  scratch.need(scratch_bytes(s));
  std::vector<E> first(static_cast<std::size_t>(n)), again(static_cast<std::size_t>(n));
  for (int run = 0; run < 10; ++run) {
    require(cudaMemset(h, 0xFF, n * sizeof(E)), "memset");
    expect(affine_scan(s, scratch.data, scratch.size, nullptr) == Status::ok, "determinism run");
    require(cudaMemcpy((run ? again : first).data(), h, n * sizeof(E), cudaMemcpyDeviceToHost), "determinism");
    if (run) expect(std::memcmp(first.data(), again.data(), n * sizeof(E)) == 0, std::string("run ") + std::to_string(run) + " differs, " + Type<E>::name + " schedule " + std::to_string(static_cast<int>(schedule)));
  }
  cudaFree(a); cudaFree(b); cudaFree(h);
}

template <class T> void write_raw(const std::string& path, const std::vector<T>& v) {
  std::FILE* f = std::fopen(path.c_str(), "wb");
  if (!f || std::fwrite(v.data(), sizeof(T), v.size(), f) != v.size()) { std::printf("FATAL cannot write %s\n", path.c_str()); std::exit(1); }
  std::fclose(f);
}

// Writes a, b, h0, h, h_last as raw little-endian files and one line "type length channels rows".
template <class E> void dump(const char* name, Schedule schedule, i64 length, i64 channels, bool rows, double low) {
  using S = State<E>;
  const i64 n = length * channels;
  Tensor<E> a(1, length, channels, rows, 0, 0), b(1, length, channels, rows, 0, 0), h(1, length, channels, rows, 0, 0);
  States<S> h0(channels), last(channels);
  for (i64 t = 0; t < length; ++t)
    for (i64 d = 0; d < channels; ++d) {
      const std::uint64_t i = static_cast<std::uint64_t>(t * channels + d);
      a.at(0, t, d) = from_double<E>(low + (1 - low) * uniform(i));
      b.at(0, t, d) = from_double<E>(2 * uniform(i ^ 0x999) - 1);
    }
  for (std::size_t k = 0; k < h0.host.size(); ++k) h0.host[k] = static_cast<S>(uniform(k));
  a.up(); b.up(); h.up(); h0.up(); last.up();
  AffineScan s;
  s.type = Type<E>::value; s.length = length; s.channels = channels; s.schedule = schedule;
  s.a = a.in(); s.b = b.in(); s.h = h.out(); s.h0 = h0.device; s.h_last = last.device;
  scratch.need(scratch_bytes(s));
  expect(affine_scan(s, scratch.data, scratch.size, nullptr) == Status::ok, name);
  require(cudaDeviceSynchronize(), name);
  h.down(); last.down();
  const std::string base = dump_folder + "/" + name;
  auto body = [&](Tensor<E>& t) { const auto from = t.host.begin() + Tensor<E>::kGuard; return std::vector<E>(from, from + n); };
  write_raw(base + ".a", body(a)); write_raw(base + ".b", body(b)); write_raw(base + ".h", body(h));
  write_raw(base + ".h0", h0.host); write_raw(base + ".h_last", last.host);
  std::FILE* f = std::fopen((base + ".shape").c_str(), "w");
  if (!f) { std::printf("FATAL cannot write %s\n", base.c_str()); std::exit(1); }
  std::fprintf(f, "%s %lld %lld %d\n", Type<E>::name, static_cast<long long>(length), static_cast<long long>(channels), rows ? 1 : 0);
  std::fclose(f);
}

void dumps() {
  dump<float>("rows_f32", Schedule::rows, 100003, 1, true, 0.9);
  dump<float>("rows_f32_near_one", Schedule::rows, 200000, 1, true, 1 - 2e-5);
  dump<float>("rows_f32_many", Schedule::rows, 777, 150, true, 0.5);
  dump<float>("slabs_f32", Schedule::slabs, 9001, 7, false, 0.9);
  dump<float>("slabs_f32_wide", Schedule::slabs, 2000, 40, false, 0.9);
  dump<float>("channels_f32", Schedule::channels, 333, 300, false, 0.5);
  dump<double>("rows_f64", Schedule::rows, 30001, 2, true, 0.9);
  dump<double>("slabs_f64", Schedule::slabs, 5001, 5, false, 0.9);
  dump<__nv_bfloat16>("rows_bf16", Schedule::rows, 40001, 2, true, 0.5);
  dump<__half>("slabs_f16", Schedule::slabs, 5001, 8, false, 0.5);
  dump<__nv_bfloat16>("channels_bf16", Schedule::channels, 501, 64, false, 0.5);
}

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("skipped: no CUDA device\n");
    return 77;
  }
  bool small = false, only_large = false;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--small") == 0) small = true;
    else if (std::strcmp(argv[i], "--large") == 0) only_large = true;
    else if (std::strcmp(argv[i], "--dump") == 0 && i + 1 < argc) dump_folder = argv[++i];
    else { std::printf("unknown argument %s\n", argv[i]); return 2; }
  }
  if (only_large) {
    large();
  } else if (!dump_folder.empty()) {
    dumps();
  } else {
    arguments();
    torchlean_example();
    run_type<float>(small);
    run_type<double>(small);
    run_type<__nv_bfloat16>(small);
    run_type<__half>(small);
    for (bool rows : {false, true})
      for (i64 length : {0, 1, 7, 8, 9, 100}) {
        run_backward<float>(2, length, 130, rows);
        run_backward<double>(1, length, 3, rows);
        run_backward<__nv_bfloat16>(1, length, 5, rows);
        run_backward<__half>(1, length, 5, rows);
      }
    const i64 scale = small ? 256 : 1;
    deterministic<float>(Schedule::rows, 1, 4000003 / scale, 1, true);
    deterministic<double>(Schedule::rows, 3, 700001 / scale, 1, true);
    deterministic<__nv_bfloat16>(Schedule::rows, 1, 4000003 / scale, 1, true);
    deterministic<float>(Schedule::slabs, 1, 100003 / scale, 40, false);
    deterministic<double>(Schedule::slabs, 1, 100003 / scale, 7, false);
    deterministic<__half>(Schedule::slabs, 1, 100003 / scale, 16, false);
    deterministic<float>(Schedule::channels, 2, 1003, 1537 / scale + 1, false);
  }
  std::printf("%d checks, %d failed\n", checks, failures);
  return failures == 0 ? 0 : 1;
}
