// A row-major matrix, and the product of a row vector with it: what S4's projections are.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <utility>
#include <vector>

#include "spec/concepts.hpp"

namespace exactscan::spec {

// Σ_i left(i)*right(i), i = 0 … size-1, in this order, from 0. The accessors may convert on the way, so that
// a caller can evaluate data of one type with numbers of another.
template <Semiring T, class Left, class Right>
constexpr T dot(std::size_t size, Left&& left, Right&& right) {
  T sum = zero<T>();
  for (std::size_t i = 0; i < size; ++i) sum = std::move(sum) + left(i) * right(i);
  return sum;
}

template <class T>
struct Matrix {
  std::size_t rows = 0, columns = 0;
  std::vector<T> entries;  // rows * columns, row after row

  const T& operator()(std::size_t row, std::size_t column) const { return entries[row * columns + column]; }
  bool operator==(const Matrix&) const = default;
};

// x·M: entry j is Σ_i x_i * M_ij, i in order. Throws std::invalid_argument for sizes that do not fit.
template <Semiring T>
std::vector<T> multiply(const std::vector<T>& x, const Matrix<T>& m) {
  if (x.size() != m.rows || m.entries.size() != m.rows * m.columns) {
    throw std::invalid_argument("vector times matrix: sizes do not fit");
  }
  std::vector<T> product;
  product.reserve(m.columns);
  for (std::size_t j = 0; j < m.columns; ++j) {
    product.push_back(dot<T>(
        m.rows, [&](std::size_t i) -> const T& { return x[i]; },
        [&](std::size_t i) -> const T& { return m(i, j); }));
  }
  return product;
}

}  // namespace exactscan::spec
