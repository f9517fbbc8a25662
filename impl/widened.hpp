// Matrices of a layer in its arithmetic, as the products take them.
#pragma once

#include <Eigen/Core>

#include "impl/diagonal_s4.hpp"

namespace exactscan::impl {

template <class S>
using RowMajor = Eigen::Matrix<S, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

// Rows first … first + rows - 1 of a matrix, in State<T>, without gaps; exact.
template <class T>
RowMajor<State<T>> widened(const MatrixView<const T>& view, std::int64_t first, std::int64_t rows,
                           std::int64_t columns) {
  RowMajor<State<T>> result(rows, columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c)
      result(r, c) = to_state(view.data[(first + r) * view.row_stride + c * view.column_stride]);
  }
  return result;
}

}  // namespace exactscan::impl
