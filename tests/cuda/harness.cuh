// What the CUDA test programs share: checks, data, guarded buffers, dumps.
#pragma once

#include <cuda_runtime.h>

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>
#include <type_traits>
#include <vector>

namespace harness {

using i64 = std::int64_t;

inline int failures = 0, checks = 0;

inline void require(cudaError_t e, const char* what) {
  if (e == cudaSuccess) return;
  std::printf("FATAL %s: %s\n", what, cudaGetErrorString(e));
  std::exit(1);
}
inline void expect(bool ok, const std::string& what) {
  ++checks;
  if (ok) return;
  ++failures;
  if (failures <= 60) std::printf("FAILED %s\n", what.c_str());
}
inline bool has_device() {
  int n = 0;
  return cudaGetDeviceCount(&n) == cudaSuccess && n > 0;
}

// SplitMix64 of an index: the same data on host and device.
__host__ __device__ inline std::uint64_t mix(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ x >> 27) * 0x94d049bb133111ebULL;
  return x ^ x >> 31;
}
__host__ __device__ inline double uniform(std::uint64_t x) {
  return static_cast<double>(mix(x) >> 11) * 0x1p-53;
}

// A stream of numbers.
struct Random {
  std::uint64_t at;
  explicit Random(std::uint64_t seed) : at(mix(seed)) {}
  double operator()(double low, double high) { return low + (high - low) * uniform(++at); }
  double log_uniform(double low, double high) { return std::exp((*this)(std::log(low), std::log(high))); }
};

// A device array with poisoned guards on both sides; `shift` elements break its alignment. Poison: 0xFF bytes
// (NaN).
template <class E>
struct Buffer {
  static constexpr std::size_t kGuard = 256;  // bytes
  std::vector<E> host;
  std::size_t shift;
  unsigned char* raw = nullptr;

  explicit Buffer(i64 n, int shift_elements = 0)
      : host(static_cast<std::size_t>(n)), shift(static_cast<std::size_t>(shift_elements) * sizeof(E)) {
    if (n > 0) std::memset(static_cast<void*>(host.data()), 0xFF, bytes());
    require(cudaMalloc(&raw, bytes() + shift + 2 * kGuard), "cudaMalloc");
    poison();
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { cudaFree(raw); }
  std::size_t bytes() const { return host.size() * sizeof(E); }
  E* device() const { return reinterpret_cast<E*>(raw + kGuard + shift); }
  void poison() { require(cudaMemset(raw, 0xFF, bytes() + shift + 2 * kGuard), "poison"); }
  void up() {
    if (bytes() > 0) require(cudaMemcpy(device(), host.data(), bytes(), cudaMemcpyHostToDevice), "up");
  }
  void down() {
    if (bytes() > 0) require(cudaMemcpy(host.data(), device(), bytes(), cudaMemcpyDeviceToHost), "down");
  }
  bool guards_intact() const {
    std::vector<unsigned char> all(bytes() + shift + 2 * kGuard);
    require(cudaMemcpy(all.data(), raw, all.size(), cudaMemcpyDeviceToHost), "guards");
    for (std::size_t i = 0; i < kGuard + shift; ++i)
      if (all[i] != 0xFF) return false;
    for (std::size_t i = kGuard + shift + bytes(); i < all.size(); ++i)
      if (all[i] != 0xFF) return false;
    return true;
  }
  E& operator[](i64 i) { return host[static_cast<std::size_t>(i)]; }
  const E& operator[](i64 i) const { return host[static_cast<std::size_t>(i)]; }
};

// The largest deviation in units of what is allowed; a NaN counts as infinite.
struct Worst {
  double ratio = 0;
  i64 at = -1;
  void see(double deviation, double allowed, i64 index) {
    double r = deviation / allowed;
    if (deviation == 0) r = 0;
    if (!(r >= 0)) r = INFINITY;
    if (r > ratio) ratio = r, at = index;
  }
};

// A dumped case: FOLDER/NAME.txt lists op, options and tensors; each tensor is raw little-endian numbers in a
// file of its own. tests/cuda/make_cases.py makes case files of them.
struct Dump {
  std::string folder, name;
  std::ofstream list;
  Dump(const std::string& to, const std::string& case_name, const std::string& op)
      : folder(to), name(case_name) {
    list.open(folder + "/" + name + ".txt");
    list << "op " << op << "\n";
  }
  void option(const char* key, const std::string& type, const std::string& value) {
    list << "opt " << key << " " << type << " " << value << "\n";
  }
  // type: NumPy's, or bf16.
  template <class E>
  void tensor(const char* key, const char* type, const std::vector<i64>& shape, const Buffer<E>& b) {
    const std::string file = name + "." + key + ".bin";
    list << "tensor " << key << " " << type << " " << file;
    for (i64 n : shape) list << " " << n;
    list << "\n";
    std::ofstream out(folder + "/" + file, std::ios::binary);
    out.write(reinterpret_cast<const char*>(b.host.data()), static_cast<std::streamsize>(b.bytes()));
    expect(list.good() && out.good(), "dump " + file);
  }
};

inline int report(const char* name) {
  std::printf("%s: %d checks, %d failed\n", name, checks, failures);
  return failures == 0 ? 0 : 1;
}

}  // namespace harness
