// What the Mamba kernels do to a tile of channels beside the recurrence: rows of the tensors to and from
// scratch memory, step sizes, gates. A tile holds kTileWidth channels side by side, one row of them a time
// step, all in the state's type. Private to impl/.
#pragma once

#include <cstdint>
#include <limits>

#include "impl/storage.hpp"

namespace exactscan::impl {

constexpr std::int64_t kTileWidth = 16;

// How a step size is made of what the network gives: softplus (beyond the threshold the argument itself),
// then limits.
struct StepRule {
  bool softplus = false;
  double threshold = 20;
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
};

// to[t * width + c] = from[c * distance + t] for c < count, 0 for count <= c < width.
template <class T>
void gather_rows(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps, State<T>* to,
                 std::int64_t width);
// to[c * distance + t] = from[t * kTileWidth + c] for c < count, rounded once.
template <class T>
void scatter_rows(const State<T>* from, std::int64_t count, std::int64_t steps, T* to, std::int64_t distance);
// to[t * kTileWidth + c] = from[t * distance + c] for c < count, 0 for the other columns; and back.
template <class T>
void gather_columns(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps,
                    State<T>* to);
template <class T>
void scatter_columns(const State<T>* from, std::int64_t count, std::int64_t steps, T* to,
                     std::int64_t distance);
// Elements side by side, as they are: exact one way, rounded once the other.
template <class T>
void widen(const T* from, std::int64_t count, State<T>* to);
template <class T>
void narrow(const State<T>* from, std::int64_t count, T* to);

// The following work on whole rows; S is float or double, bias and D hold kTileWidth elements.
// x becomes the step size rule(x + bias); without bias (null), rule(x).
template <class S>
void make_step_sizes(const StepRule& rule, const S* bias, S* x, std::int64_t rows);
// gradient is multiplied by d rule(x + bias) / dx, limits aside.
template <class S>
void times_slope(const StepRule& rule, const S* bias, const S* x, S* gradient, std::int64_t rows);
// y = D u, one D a column; D null: y = 0.
template <class S>
void skip(const S* D, const S* u, S* y, std::int64_t rows);
// out = a b.
template <class S>
void products(const S* a, const S* b, S* out, std::int64_t rows);
// out[t] = factor[t] x[t], row by row.
template <class S>
void scale_rows(const S* factor, const S* x, S* out, std::int64_t rows);
// y becomes y z sigmoid(z).
template <class S>
void gate(const S* z, S* y, std::int64_t rows);
// With y the value before the gate and dy the gradient after it: dz = dy y (z sigmoid(z))', and dy becomes
// dy z sigmoid(z).
template <class S>
void gate_gradients(const S* z, const S* y, S* dy, S* dz, std::int64_t rows);
// out = exp(factor x).
template <class S>
void exponentials(S factor, const S* x, S* out, std::int64_t rows);
// out = softplus(x), sigmoid(x): for tests of the vector functions.
template <class S>
void softplus_each(S threshold, const S* x, S* out, std::int64_t rows);
template <class S>
void sigmoid_each(const S* x, S* out, std::int64_t rows);
// out = 2^(x y), by the form for |x y| < 125 (float64: 1020) alone.
template <class S>
void exp2_each(const S* x, const S* y, S* out, std::int64_t rows);

}  // namespace exactscan::impl
