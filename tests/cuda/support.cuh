// What the tests of the affine family share beside harness.cuh: element types, strided tensors with guards,
// scratch. One process, one device.
#pragma once

#include <algorithm>

#include "cuda/affine_scan.hpp"
#include "cuda/device/transition.cuh"
#include "tests/cuda/harness.cuh"

namespace cuda_test {

using namespace exactscan::cuda;
using harness::expect;
using harness::i64;
using harness::mix;
using harness::require;
using harness::uniform;

template <class E>
struct Type;
template <>
struct Type<float> {
  static constexpr Element value = Element::f32;
  static constexpr const char* name = "f32";
  static constexpr double unit = 0x1p-24, store = 0;
};
template <>
struct Type<double> {
  static constexpr Element value = Element::f64;
  static constexpr const char* name = "f64";
  static constexpr double unit = 0x1p-53, store = 0;
};
template <>
struct Type<__nv_bfloat16> {
  static constexpr Element value = Element::bf16;
  static constexpr const char* name = "bf16";
  static constexpr double unit = 0x1p-24, store = 0x1p-8;
};
template <>
struct Type<__half> {
  static constexpr Element value = Element::f16;
  static constexpr const char* name = "f16";
  static constexpr double unit = 0x1p-24, store = 0x1p-10;
};
inline double to_double(float x) { return x; }
inline double to_double(double x) { return x; }
inline double to_double(__nv_bfloat16 x) { return static_cast<double>(__bfloat162float(x)); }
inline double to_double(__half x) { return static_cast<double>(__half2float(x)); }
template <class E>
E from_double(double x);
template <>
inline float from_double<float>(double x) {
  return static_cast<float>(x);
}
template <>
inline double from_double<double>(double x) {
  return x;
}
template <>
inline __nv_bfloat16 from_double<__nv_bfloat16>(double x) {
  return __float2bfloat16(static_cast<float>(x));
}
template <>
inline __half from_double<__half>(double x) {
  return __float2half(static_cast<float>(x));
}

// A tensor of [batch, length, channels] on host and device, with guards around and gaps of the strides
// between.
template <class E>
struct Tensor {
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
  std::size_t index(i64 n, i64 t, i64 d) const {
    return static_cast<std::size_t>(kGuard + shift + n * sb + t * st + d * sc);
  }
  E& at(i64 n, i64 t, i64 d) { return host[index(n, t, d)]; }
  E* origin() { return device + kGuard + shift; }
  void up() {
    require(cudaMemcpy(device, host.data(), host.size() * sizeof(E), cudaMemcpyHostToDevice), "up");
  }
  void down() {
    require(cudaMemcpy(host.data(), device, host.size() * sizeof(E), cudaMemcpyDeviceToHost), "down");
  }
  ConstView in() { return {origin(), sb, st, sc}; }
  View out() { return {origin(), sb, st, sc}; }
  // Every byte outside the elements still holds the poison.
  bool guards_intact() {
    std::vector<bool> used(host.size(), false);
    for (i64 n = 0; n < batch; ++n)
      for (i64 t = 0; t < length; ++t)
        for (i64 d = 0; d < channels; ++d) used[index(n, t, d)] = true;
    for (std::size_t i = 0; i < host.size(); ++i) {
      if (used[i]) continue;
      const auto* bytes = reinterpret_cast<const unsigned char*>(&host[i]);
      for (std::size_t k = 0; k < sizeof(E); ++k)
        if (bytes[k] != 0xFF) return false;
    }
    return true;
  }
};

template <class S>
struct States {
  std::vector<S> host;
  S* device = nullptr;
  explicit States(i64 n) : host(static_cast<std::size_t>(n)) {
    std::memset(static_cast<void*>(host.data()), 0xFF, host.size() * sizeof(S));
    require(cudaMalloc(&device, std::max<std::size_t>(1, host.size()) * sizeof(S)), "cudaMalloc");
  }
  States(const States&) = delete;
  ~States() { cudaFree(device); }
  void up() {
    require(cudaMemcpy(device, host.data(), host.size() * sizeof(S), cudaMemcpyHostToDevice), "up");
  }
  void down() {
    require(cudaMemcpy(host.data(), device, host.size() * sizeof(S), cudaMemcpyDeviceToHost), "down");
  }
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
};
inline Scratch& scratch() {
  static Scratch s;
  return s;
}

// How much is tested. small: for compute-sanitizer's quicker tools. tiny: every kernel on a few tiles, for
// racecheck.
enum class Extent { full, small, tiny };

// The tests, each in a file of its own.
void test_arguments();
void test_forward(Extent extent);
void test_backward(Extent extent);
void test_determinism(Extent extent);
bool test_large();  // false: too little memory
void write_dumps(const std::string& folder);

}  // namespace cuda_test
