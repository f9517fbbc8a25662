// The projections of the simplified scan in float64, for the CUDA tests.
#pragma once

#include <cmath>
#include <complex>
#include <cstdint>
#include <vector>

namespace s5_reference {

using c64 = std::complex<float>;
using c128 = std::complex<double>;

// Relative L2 error.
inline double relative(const std::vector<c64>& got, const std::vector<c128>& exact) {
  double d = 0, n = 0;
  for (std::size_t i = 0; i < got.size(); ++i)
    d += std::norm(c128(got[i]) - exact[i]), n += std::norm(exact[i]);
  return std::sqrt(d / n);
}

// sum over k of M[i,k] in[n,k,t], or of conj(M[k,i]).
inline std::vector<c128> product(const std::vector<c64>& M, std::int64_t rows, std::int64_t columns,
                                 bool adjoint, const std::vector<c64>& from, std::int64_t batch,
                                 std::int64_t length) {
  const std::int64_t to = adjoint ? columns : rows, inner = adjoint ? rows : columns;
  std::vector<c128> r(static_cast<std::size_t>(batch * to * length));
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t i = 0; i < to; ++i)
      for (std::int64_t k = 0; k < inner; ++k) {
        const c128 m = adjoint ? std::conj(c128(M[static_cast<std::size_t>(k * columns + i)]))
                               : c128(M[static_cast<std::size_t>(i * columns + k)]);
        for (std::int64_t t = 0; t < length; ++t)
          r[static_cast<std::size_t>((n * to + i) * length + t)] +=
              m * c128(from[static_cast<std::size_t>((n * inner + k) * length + t)]);
      }
  return r;
}
inline std::vector<c128> outer(const std::vector<c64>& left, const std::vector<c64>& right,
                               std::int64_t batch, std::int64_t rows, std::int64_t columns,
                               std::int64_t length) {
  std::vector<c128> r(static_cast<std::size_t>(rows * columns));
  for (std::int64_t n = 0; n < batch; ++n)
    for (std::int64_t i = 0; i < rows; ++i)
      for (std::int64_t k = 0; k < columns; ++k)
        for (std::int64_t t = 0; t < length; ++t)
          r[static_cast<std::size_t>(i * columns + k)] +=
              c128(left[static_cast<std::size_t>((n * rows + i) * length + t)]) *
              std::conj(c128(right[static_cast<std::size_t>((n * columns + k) * length + t)]));
  return r;
}

}  // namespace s5_reference
