#include "impl/mamba_block.hpp"

#include <Eigen/Core>
#include <algorithm>
#include <string>
#include <vector>

#include "impl/selective_tile.hpp"
#include "impl/ssm_tile.hpp"
#include "impl/widened.hpp"

namespace exactscan::impl {
namespace {

// Steps worked at together. Always so many rows are multiplied, the last ones zero: how a product adds
// depends on its size, and later tokens are not to change the bits of earlier outputs.
constexpr std::int64_t kSteps = 16;

void require(bool condition, const char* what) {
  if (!condition) throw ArgumentError(std::string("Mamba block: ") + what);
}

template <class S>
using Rows = Eigen::Map<const RowMajor<S>>;

std::int64_t padded(std::int64_t size) { return (size + kTileWidth - 1) / kTileWidth * kTileWidth; }

// A matrix with `width` columns, those beyond the view's own zero.
template <class T>
RowMajor<State<T>> widened_to(const MatrixView<const T>& view, std::int64_t rows, std::int64_t columns,
                              std::int64_t width) {
  RowMajor<State<T>> result = RowMajor<State<T>>::Zero(rows, width);
  result.leftCols(columns) = widened(view, 0, rows, columns);
  return result;
}

template <class T>
std::vector<State<T>> widened_to(const T* from, std::int64_t count, std::int64_t width) {
  std::vector<State<T>> result(static_cast<std::size_t>(width));
  for (std::int64_t n = 0; n < count; ++n) result[static_cast<std::size_t>(n)] = to_state(from[n]);
  return result;
}

}  // namespace

template <class T>
void mamba_block(const LayerShape& shape, const MambaBlock<T>& block, MatrixView<const T> x,
                 const State<T>* initial, MatrixView<T> y, State<T>* last) {
  using S = State<T>;
  const auto [length, states, inputs, outputs] = shape;
  const DiagonalS4<T>& layer = block.layer;
  require(length >= 0 && states >= 0 && inputs >= 0 && outputs >= 0, "a size is negative");
  const auto present = [idle = length == 0](const void* data, std::int64_t size) {
    return idle || size == 0 || data != nullptr;
  };
  require(present(layer.in_proj.data, inputs * states) && present(block.gate_proj.data, inputs * states) &&
              present(layer.out_proj.data, states * outputs) && present(layer.A, states) &&
              present(layer.B, states) && present(layer.C, states) && present(layer.D, states) &&
              present(x.data, inputs) && present(y.data, outputs),
          "a tensor is missing");
  const std::int64_t width = padded(states);
  std::vector<S> state(static_cast<std::size_t>(width));
  if (initial != nullptr) std::copy_n(initial, states, state.begin());
  if (length > 0) {
    const RowMajor<S> in_proj = widened_to(layer.in_proj, inputs, states, width),
                      gate_proj = widened_to(block.gate_proj, inputs, states, width),
                      out_proj = widened(layer.out_proj, 0, states, outputs);
    const std::vector<S> A = widened_to(layer.A, states, width), B = widened_to(layer.B, states, width),
                         C = widened_to(layer.C, states, width), D = widened_to(layer.D, states, width);
    for (std::int64_t t = 0; t < length; t += kSteps) {
      const std::int64_t count = std::min(kSteps, length - t), rows = kSteps * width / kTileWidth;
      RowMajor<S> tokens = RowMajor<S>::Zero(kSteps, inputs);
      tokens.topRows(count) = widened(x, t, count, inputs);
      RowMajor<S> s = tokens * in_proj, gates = tokens * gate_proj;
      run(ReadoutTile<S>{count, width, A.data(), B.data(), C.data(), D.data(), s.data(), state.data()});
      sigmoid_each<S>(gates.data(), gates.data(), rows);
      products<S>(s.data(), gates.data(), s.data(), rows);
      const RowMajor<S> result = s.leftCols(states) * out_proj;
      for (std::int64_t r = 0; r < count; ++r) {
        for (std::int64_t o = 0; o < outputs; ++o)
          y.data[(t + r) * y.row_stride + o * y.column_stride] = from_state<T>(result(r, o));
      }
    }
  }
  if (last != nullptr) std::copy_n(state.begin(), states, last);
}

namespace {

template <class S>
bool is_complete(const SelectiveBlockShape& s, const SelectiveMambaBlock<S>& b, const void* x,
                 const void* y) {
  const auto present = [](const void* data, std::int64_t size) { return size == 0 || data != nullptr; };
  const std::int64_t E = s.inner;
  return s.length == 0 ||
         (present(x, s.inputs) && present(y, s.outputs) && present(b.x_proj, s.inputs * E) &&
          present(b.z_proj, s.inputs * E) && present(b.conv_kernel, s.taps * E) && present(b.conv_bias, E) &&
          present(b.dt_proj, E) && present(b.dt_bias, E) && present(b.A, E * s.states) &&
          present(b.b_proj, E * s.states) && present(b.c_proj, E * s.states) && present(b.d_skip, E) &&
          present(b.out_proj, E * s.outputs));
}

// The block's inner tensors for some steps at a time. Inner channels are padded to whole tiles.
template <class T>
class SelectiveRun {
 public:
  using S = State<T>;

  SelectiveRun(const SelectiveBlockShape& shape, const SelectiveMambaBlock<S>& block)
      : s_(shape),
        b_(block),
        width_(padded(shape.inner)),
        seen_(std::max<std::int64_t>(shape.taps - 1, 0)),
        projected_(RowMajor<S>::Zero(seen_ + kSteps, width_)) {
    for (std::int64_t v = 0; v < s_.history && b_.history != nullptr; ++v)
      projected_.row(seen_ - 1 - v).head(s_.inner) = Rows<S>(b_.history + v * s_.inner, 1, s_.inner);
    for (std::int64_t first = 0; first < s_.inner; first += kTileWidth) {
      const std::int64_t count = std::min(kTileWidth, s_.inner - first), at = first * s_.states;
      std::vector<S> rates(static_cast<std::size_t>(s_.states * kTileWidth)), h = rates;
      gather_rows(b_.A + at, s_.states, count, s_.states, rates.data(), kTileWidth);
      for (S& rate : rates) rate *= -kLog2E<S>;
      if (b_.initial != nullptr)
        gather_rows(b_.initial + at, s_.states, count, s_.states, h.data(), kTileWidth);
      rates_.push_back(std::move(rates)), h_.push_back(std::move(h));
    }
  }

  // Steps [t, t + count).
  void advance(const T* x, T* y, std::int64_t t, std::int64_t count) {
    const std::int64_t E = s_.inner, whole = kSteps * width_ / kTileWidth;
    RowMajor<S> tokens = RowMajor<S>::Zero(kSteps, s_.inputs);
    widen(x + t * s_.inputs, count * s_.inputs, tokens.data());
    projected_.block(seen_, 0, kSteps, E).noalias() = tokens * Rows<S>(b_.x_proj, s_.inputs, E);
    RowMajor<S> z = RowMajor<S>::Zero(kSteps, width_);
    z.leftCols(E).noalias() = tokens * Rows<S>(b_.z_proj, s_.inputs, E);
    RowMajor<S> u = convolved(), sigma(kSteps, width_);
    sigmoid_each<S>(u.data(), sigma.data(), whole);
    products<S>(u.data(), sigma.data(), u.data(), whole);
    RowMajor<S> delta = RowMajor<S>::Zero(kSteps, width_);
    const auto inner = u.leftCols(E);
    delta.leftCols(E).noalias() = inner * Rows<S>(b_.dt_proj, E, E);
    const RowMajor<S> B = inner * Rows<S>(b_.b_proj, E, s_.states),
                      C = inner * Rows<S>(b_.c_proj, E, s_.states);
    for (std::size_t i = 0; i < rates_.size(); ++i) scan_tile(i, count, u, delta, B, C, z);
    const RowMajor<S> result = u.leftCols(E) * Rows<S>(b_.out_proj, E, s_.outputs);
    narrow(result.data(), count * s_.outputs, y + t * s_.outputs);
    const RowMajor<S> kept = projected_.middleRows(count, seen_);
    projected_.topRows(seen_) = kept;
  }

  void give_states(S* last) const {
    for (std::size_t i = 0; i < h_.size(); ++i) {
      const std::int64_t first = static_cast<std::int64_t>(i) * kTileWidth;
      scatter_rows(h_[i].data(), std::min(kTileWidth, s_.inner - first), s_.states, last + first * s_.states,
                   s_.states);
    }
  }

 private:
  RowMajor<S> convolved() const {
    RowMajor<S> v = RowMajor<S>::Zero(kSteps, width_);
    v.leftCols(s_.inner).rowwise() = Rows<S>(b_.conv_bias, 1, s_.inner).row(0);
    for (std::int64_t tap = 0; tap < s_.taps; ++tap)
      v.leftCols(s_.inner).array() += projected_.block(seen_ - tap, 0, kSteps, s_.inner).array().rowwise() *
                                      Rows<S>(b_.conv_kernel + tap * s_.inner, 1, s_.inner).row(0).array();
    return v;
  }

  // The scan and the gate of one tile; the result takes u's place.
  void scan_tile(std::size_t i, std::int64_t count, RowMajor<S>& u, const RowMajor<S>& delta,
                 const RowMajor<S>& B, const RowMajor<S>& C, const RowMajor<S>& z) {
    const std::int64_t first = static_cast<std::int64_t>(i) * kTileWidth,
                       own = std::min(kTileWidth, s_.inner - first);
    std::vector<S> uu(static_cast<std::size_t>(count * kTileWidth)), dd = uu, drive = uu, y = uu, zz = uu,
                                                                     D(kTileWidth), bias(kTileWidth);
    std::copy_n(b_.d_skip + first, own, D.begin());
    std::copy_n(b_.dt_bias + first, own, bias.begin());
    gather_columns<S>(u.data() + first, width_, kTileWidth, count, uu.data());
    gather_columns<S>(delta.data() + first, width_, kTileWidth, count, dd.data());
    gather_columns<S>(z.data() + first, width_, kTileWidth, count, zz.data());
    make_step_sizes<S>({true}, bias.data(), dd.data(), count);
    products<S>(dd.data(), uu.data(), drive.data(), count);
    skip<S>(D.data(), uu.data(), y.data(), count);
    run(SelectiveTile<S>{count,
                         s_.states,
                         dd.data(),
                         drive.data(),
                         rates_[i].data(),
                         {B.data(), false},
                         {C.data(), false},
                         h_[i].data(),
                         y.data()});
    gate<S>(zz.data(), y.data(), count);
    scatter_columns<S>(y.data(), kTileWidth, count, u.data() + first, width_);
  }

  const SelectiveBlockShape& s_;
  const SelectiveMambaBlock<S>& b_;
  std::int64_t width_, seen_;
  RowMajor<S> projected_;  // the last seen_ projected tokens, then those of the steps at hand
  std::vector<std::vector<S>> rates_, h_;
};

}  // namespace

template <class T>
void selective_mamba_block(const SelectiveBlockShape& shape, const SelectiveMambaBlock<State<T>>& block,
                           const T* x, T* y, State<T>* last) {
  const SelectiveBlockShape& s = shape;
  for (const std::int64_t size : {s.length, s.inputs, s.inner, s.states, s.outputs, s.taps, s.history})
    require(size >= 0, "a size is negative");
  require(s.history <= std::max<std::int64_t>(s.taps - 1, 0), "more history than the convolution sees");
  require(is_complete(s, block, x, y) && (s.inner * s.states == 0 || block.A != nullptr),
          "a tensor is missing");
  SelectiveRun<T> run(shape, block);
  for (std::int64_t t = 0; t < s.length; t += kSteps) run.advance(x, y, t, std::min(kSteps, s.length - t));
  if (last != nullptr) run.give_states(last);
}

// NOLINTBEGIN(bugprone-macro-parentheses): types cannot stand in parentheses
#define EXACTSCAN_INSTANTIATE(T)                                                                           \
  template void mamba_block<T>(const LayerShape&, const MambaBlock<T>&, MatrixView<const T>,               \
                               const State<T>*, MatrixView<T>, State<T>*);                                 \
  template void selective_mamba_block<T>(const SelectiveBlockShape&, const SelectiveMambaBlock<State<T>>&, \
                                         const T*, T*, State<T>*)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace exactscan::impl
