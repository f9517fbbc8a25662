// Between tensors whose rows are time and scratch memory whose rows are states. Private to impl/.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <vector>

#include "impl/diagonal_scan.hpp"  // ArgumentError

namespace exactscan::impl::s5 {

inline void require(bool condition, const char* what) {
  if (!condition) throw ArgumentError(std::string("S5: ") + what);
}
inline bool present(const void* data, std::int64_t size) { return size == 0 || data != nullptr; }

template <class T>
std::vector<T> zeros(std::int64_t count) {
  return std::vector<T>(static_cast<std::size_t>(count));
}

// The first elements of a row of scratch; what is left of it is zero.
template <class T>
void copy_row(const T* from, std::int64_t count, std::vector<T>& row) {
  std::copy_n(from, count, row.begin());
  std::fill(row.begin() + count, row.end(), T(0));
}

// to[t * width + p] = from[p * stride + t].
template <class T>
void to_time_major(const T* from, std::int64_t stride, std::int64_t states, std::int64_t steps,
                   std::int64_t width, T* to) {
  for (std::int64_t p = 0; p < states; ++p) {
    for (std::int64_t t = 0; t < steps; ++t) to[t * width + p] = from[p * stride + t];
  }
}

// to[p * stride + t] = from[t * width + p].
template <class T>
void to_state_major(const T* from, std::int64_t width, std::int64_t states, std::int64_t steps,
                    std::int64_t stride, T* to) {
  for (std::int64_t p = 0; p < states; ++p) {
    for (std::int64_t t = 0; t < steps; ++t) to[p * stride + t] = from[t * width + p];
  }
}

}  // namespace exactscan::impl::s5
