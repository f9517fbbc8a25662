#include "impl/diagonal_s4.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <string>
#include <vector>

#include "impl/ssm_tile.hpp"
#include "impl/widened.hpp"

namespace exactscan::impl {
namespace {

// Elements of s that are worked at together, so that they stay in a second-level cache.
constexpr std::int64_t kChunkElements = std::int64_t{1} << 15;

void require(bool condition, const char* what) {
  if (!condition) throw ArgumentError(std::string("diagonal S4 layer: ") + what);
}

// [N], with zeros up to a whole number of vectors.
template <class T>
std::vector<State<T>> padded(const T* from, std::int64_t count, std::int64_t width) {
  std::vector<State<T>> result(static_cast<std::size_t>(width));
  for (std::int64_t n = 0; n < count; ++n) result[static_cast<std::size_t>(n)] = to_state(from[n]);
  return result;
}

template <class T>
void store_rows(const RowMajor<State<T>>& values, std::int64_t first, const MatrixView<T>& y) {
  for (std::int64_t r = 0; r < values.rows(); ++r) {
    for (std::int64_t c = 0; c < values.cols(); ++c)
      y.data[(first + r) * y.row_stride + c * y.column_stride] = from_state<T>(values(r, c));
  }
}

template <class T>
void require_all(const LayerShape& shape, const DiagonalS4<T>& layer, const MatrixView<const T>& x,
                 const MatrixView<T>& y) {
  const auto [length, states, inputs, outputs] = shape;
  require(length >= 0 && states >= 0 && inputs >= 0 && outputs >= 0, "a size is negative");
  const bool idle = length == 0;
  const auto present = [idle](const void* data, std::int64_t size) {
    return idle || size == 0 || data != nullptr;
  };
  require(present(layer.in_proj.data, inputs * states) && present(layer.out_proj.data, states * outputs) &&
              present(layer.A, states) && present(layer.B, states) && present(layer.C, states) &&
              present(layer.D, states) && present(x.data, inputs) && present(y.data, outputs),
          "a tensor is missing");
}

}  // namespace

template <class T>
void diagonal_s4(const LayerShape& shape, const DiagonalS4<T>& layer, MatrixView<const T> x,
                 const State<T>* initial, MatrixView<T> y, State<T>* last) {
  using S = State<T>;
  require_all(shape, layer, x, y);
  const auto [length, states, inputs, outputs] = shape;
  const std::int64_t width = (states + kTileGrain - 1) / kTileGrain * kTileGrain;
  std::vector<S> state(static_cast<std::size_t>(width));
  if (initial != nullptr) std::copy_n(initial, states, state.begin());
  if (length > 0) {
    RowMajor<S> in_proj = RowMajor<S>::Zero(inputs, width), out_proj = RowMajor<S>::Zero(width, outputs);
    in_proj.leftCols(states) = widened(layer.in_proj, 0, inputs, states);
    out_proj.topRows(states) = widened(layer.out_proj, 0, states, outputs);
    const std::vector<S> A = padded(layer.A, states, width), B = padded(layer.B, states, width),
                         C = padded(layer.C, states, width), D = padded(layer.D, states, width);
    const std::int64_t steps = std::max<std::int64_t>(kChunkElements / std::max<std::int64_t>(width, 1), 8);
    for (std::int64_t t = 0; t < length; t += steps) {
      const std::int64_t count = std::min(steps, length - t);
      RowMajor<S> s = widened(x, t, count, inputs) * in_proj;
      run(ReadoutTile<S>{count, width, A.data(), B.data(), C.data(), D.data(), s.data(), state.data()});
      store_rows<T>(s.leftCols(states) * out_proj.topRows(states), t, y);
    }
  }
  if (last != nullptr) std::copy_n(state.begin(), states, last);
}

#define EXACTSCAN_INSTANTIATE(T)                                                             \
  template void diagonal_s4<T>(const LayerShape&, const DiagonalS4<T>&, MatrixView<const T>, \
                               const State<T>*, MatrixView<T>, State<T>*)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE

}  // namespace exactscan::impl
