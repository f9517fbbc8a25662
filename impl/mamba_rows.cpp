#include "impl/mamba_rows.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "impl/mamba_rows.cpp"
#include <hwy/foreach_target.h>  // compiles this file again for each target
#include <hwy/highway.h>

#include "impl/mamba_functions-inl.hpp"
#include "impl/row_tile-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

template <class S>
using FullTag = hn::CappedTag<S, kTileWidth>;

// ---- Rows of tensors ----

template <class T>
void gather(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps, State<T>* to,
            std::int64_t width) {
  using S = State<T>;
  const RowTag<S> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr auto block = static_cast<std::int64_t>(kSteps<RowTag<S>>);
  const std::int64_t whole = steps - steps % block;
  std::int64_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    const Operand<T> rows{from + c * distance, false, distance};
    for (std::int64_t t = 0; t < whole; t += block) {
      const auto tile = load_tile(d, rows, t);
      for (std::size_t k = 0; k < tile.size(); ++k)
        hn::StoreU(tile[k], d, to + (t + static_cast<std::int64_t>(k)) * width + c);
    }
    for (std::int64_t t = whole; t < steps; ++t) {
      for (std::int64_t i = c; i < c + lanes; ++i) to[t * width + i] = to_state(from[i * distance + t]);
    }
  }
  for (; c < width; ++c) {
    for (std::int64_t t = 0; t < steps; ++t)
      to[t * width + c] = c < count ? to_state(from[c * distance + t]) : S(0);
  }
}

template <class T>
void scatter(const State<T>* from, std::int64_t count, std::int64_t steps, T* to, std::int64_t distance) {
  using S = State<T>;
  const RowTag<S> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  constexpr auto block = static_cast<std::int64_t>(kSteps<RowTag<S>>);
  const std::int64_t whole = steps - steps % block;
  std::int64_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    for (std::int64_t t = 0; t < whole; t += block) {
      Tile<RowTag<S>> tile;
      for (std::size_t k = 0; k < tile.size(); ++k)
        tile[k] = hn::LoadU(d, from + (t + static_cast<std::int64_t>(k)) * kTileWidth + c);
      store_tile<false>(d, tile, to + c * distance + t, distance);
    }
    for (std::int64_t t = whole; t < steps; ++t) {
      for (std::int64_t i = c; i < c + lanes; ++i)
        to[i * distance + t] = from_state<T>(from[t * kTileWidth + i]);
    }
  }
  for (; c < count; ++c) {
    for (std::int64_t t = 0; t < steps; ++t) to[c * distance + t] = from_state<T>(from[t * kTileWidth + c]);
  }
}

template <class T>
void widen_all(const T* from, std::int64_t count, State<T>* to) {
  const FullTag<State<T>> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(load(d, from + i), d, to + i);
  for (; i < count; ++i) to[i] = to_state(from[i]);
}
template <class T>
void narrow_all(const State<T>* from, std::int64_t count, T* to) {
  const FullTag<State<T>> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  std::int64_t i = 0;
  for (; i + lanes <= count; i += lanes) store(d, hn::LoadU(d, from + i), to + i);
  for (; i < count; ++i) to[i] = from_state<T>(from[i]);
}

template <class T>
void gather_all_columns(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps,
                        State<T>* to) {
  const FullTag<State<T>> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t t = 0; t < steps; ++t, from += distance, to += kTileWidth) {
    std::int64_t c = 0;
    for (; c + lanes <= count; c += lanes) hn::StoreU(load(d, from + c), d, to + c);
    for (; c < kTileWidth; ++c) to[c] = c < count ? to_state(from[c]) : State<T>(0);
  }
}
template <class T>
void scatter_all_columns(const State<T>* from, std::int64_t count, std::int64_t steps, T* to,
                         std::int64_t distance) {
  const FullTag<State<T>> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t t = 0; t < steps; ++t, from += kTileWidth, to += distance) {
    std::int64_t c = 0;
    for (; c + lanes <= count; c += lanes) store(d, hn::LoadU(d, from + c), to + c);
    for (; c < count; ++c) to[c] = from_state<T>(from[c]);
  }
}

// ---- Element by element ----

// f(d, place in the tile, column) for every vector of `rows` rows.
template <class S, class F>
HWY_INLINE void each_vector(std::int64_t rows, const F& f) {
  const FullTag<S> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t row = 0; row < rows * kTileWidth; row += kTileWidth) {
    for (std::int64_t c = 0; c < kTileWidth; c += lanes) f(d, row + c, c);
  }
}

template <class S>
void step_sizes(const StepRule& rule, const S* bias, S* x, std::int64_t rows) {
  each_vector<S>(rows, [=, &rule](auto d, std::int64_t i, std::int64_t c) HWY_ATTR {
    auto v = hn::LoadU(d, x + i);
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + c));
    if (rule.softplus) v = softplus(d, v, hn::Set(d, static_cast<S>(rule.threshold)));
    const auto low = hn::Set(d, static_cast<S>(rule.low)), high = hn::Set(d, static_cast<S>(rule.high));
    v = hn::IfThenElse(hn::Lt(v, low), low, v);  // a NaN stays
    hn::StoreU(hn::IfThenElse(hn::Gt(v, high), high, v), d, x + i);
  });
}

template <class S>
void slopes(const StepRule& rule, const S* bias, const S* x, S* gradient, std::int64_t rows) {
  each_vector<S>(rows, [=, &rule](auto d, std::int64_t i, std::int64_t c) HWY_ATTR {
    auto v = hn::LoadU(d, x + i);
    if (bias != nullptr) v = hn::Add(v, hn::LoadU(d, bias + c));
    auto slope = sigmoid(d, v).value;
    slope = hn::IfThenElse(hn::Gt(v, hn::Set(d, static_cast<S>(rule.threshold))), hn::Set(d, S(1)), slope);
    hn::StoreU(hn::Mul(hn::LoadU(d, gradient + i), slope), d, gradient + i);
  });
}

template <class S>
void skip_each(const S* D, const S* u, S* y, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t c) HWY_ATTR {
    hn::StoreU(D == nullptr ? hn::Zero(d) : hn::Mul(hn::LoadU(d, D + c), hn::LoadU(d, u + i)), d, y + i);
  });
}

template <class S>
void products_each(const S* a, const S* b, S* out, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, out + i);
  });
}

template <class S>
void scale_each(const S* factor, const S* x, S* out, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t) HWY_ATTR {
    hn::StoreU(hn::Mul(hn::Set(d, factor[i / kTileWidth]), hn::LoadU(d, x + i)), d, out + i);
  });
}

template <class S>
void gate_each(const S* z, S* y, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t) HWY_ATTR {
    const auto v = hn::LoadU(d, z + i);
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), hn::Mul(v, sigmoid(d, v).value)), d, y + i);
  });
}

template <class S>
void gate_gradients_each(const S* z, const S* y, S* dy, S* dz, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t) HWY_ATTR {
    const auto v = hn::LoadU(d, z + i), g = hn::LoadU(d, dy + i);
    const auto s = sigmoid(d, v);
    const auto slope = hn::MulAdd(v, s.rest, hn::Set(d, S(1)));
    hn::StoreU(hn::Mul(hn::Mul(g, hn::LoadU(d, y + i)), hn::Mul(s.value, slope)), d, dz + i);
    hn::StoreU(hn::Mul(g, hn::Mul(v, s.value)), d, dy + i);
  });
}

template <class S>
void exponentials_each(S factor, const S* x, S* out, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t) HWY_ATTR {
    hn::StoreU(exponential(d, hn::Mul(hn::Set(d, factor), hn::LoadU(d, x + i))), d, out + i);
  });
}
template <class S>
void softplus_all(S threshold, const S* x, S* out, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t) HWY_ATTR {
    hn::StoreU(softplus(d, hn::LoadU(d, x + i), hn::Set(d, threshold)), d, out + i);
  });
}
template <class S>
void sigmoid_all(const S* x, S* out, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t)
                           HWY_ATTR { hn::StoreU(sigmoid(d, hn::LoadU(d, x + i)).value, d, out + i); });
}
template <class S>
void exp2_all(const S* x, const S* y, S* out, std::int64_t rows) {
  each_vector<S>(rows, [=](auto d, std::int64_t i, std::int64_t) HWY_ATTR {
    hn::StoreU(exp2_of_product_safe(d, hn::LoadU(d, x + i), hn::LoadU(d, y + i)), d, out + i);
  });
}

// HWY_EXPORT takes no templates: one function a type.
// NOLINTBEGIN(bugprone-macro-parentheses): types cannot stand in parentheses
#define EXACTSCAN_STORAGE(T)                                                                            \
  void gather_##T(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps,         \
                  State<T>* to, std::int64_t width) {                                                   \
    gather(from, distance, count, steps, to, width);                                                    \
  }                                                                                                     \
  void scatter_##T(const State<T>* from, std::int64_t count, std::int64_t steps, T* to,                 \
                   std::int64_t distance) {                                                             \
    scatter(from, count, steps, to, distance);                                                          \
  }                                                                                                     \
  void gather_columns_##T(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps, \
                          State<T>* to) {                                                               \
    gather_all_columns(from, distance, count, steps, to);                                               \
  }                                                                                                     \
  void scatter_columns_##T(const State<T>* from, std::int64_t count, std::int64_t steps, T* to,         \
                           std::int64_t distance) {                                                     \
    scatter_all_columns(from, count, steps, to, distance);                                              \
  }                                                                                                     \
  void widen_##T(const T* from, std::int64_t count, State<T>* to) { widen_all(from, count, to); }       \
  void narrow_##T(const State<T>* from, std::int64_t count, T* to) { narrow_all(from, count, to); }
EXACTSCAN_STORAGE(float)
EXACTSCAN_STORAGE(double)
EXACTSCAN_STORAGE(Float16)
EXACTSCAN_STORAGE(BFloat16)
#undef EXACTSCAN_STORAGE

#define EXACTSCAN_STATES(S)                                                                                \
  void step_sizes_##S(const StepRule& rule, const S* bias, S* x, std::int64_t rows) {                      \
    step_sizes(rule, bias, x, rows);                                                                       \
  }                                                                                                        \
  void slopes_##S(const StepRule& rule, const S* bias, const S* x, S* gradient, std::int64_t rows) {       \
    slopes(rule, bias, x, gradient, rows);                                                                 \
  }                                                                                                        \
  void skip_##S(const S* D, const S* u, S* y, std::int64_t rows) { skip_each(D, u, y, rows); }             \
  void products_##S(const S* a, const S* b, S* out, std::int64_t rows) { products_each(a, b, out, rows); } \
  void scale_##S(const S* factor, const S* x, S* out, std::int64_t rows) {                                 \
    scale_each(factor, x, out, rows);                                                                      \
  }                                                                                                        \
  void gate_##S(const S* z, S* y, std::int64_t rows) { gate_each(z, y, rows); }                            \
  void gate_gradients_##S(const S* z, const S* y, S* dy, S* dz, std::int64_t rows) {                       \
    gate_gradients_each(z, y, dy, dz, rows);                                                               \
  }                                                                                                        \
  void exponentials_##S(S factor, const S* x, S* out, std::int64_t rows) {                                 \
    exponentials_each(factor, x, out, rows);                                                               \
  }                                                                                                        \
  void softplus_##S(S threshold, const S* x, S* out, std::int64_t rows) {                                  \
    softplus_all(threshold, x, out, rows);                                                                 \
  }                                                                                                        \
  void sigmoid_##S(const S* x, S* out, std::int64_t rows) { sigmoid_all(x, out, rows); }                   \
  void exp2_##S(const S* x, const S* y, S* out, std::int64_t rows) { exp2_all(x, y, out, rows); }
EXACTSCAN_STATES(float)
EXACTSCAN_STATES(double)
#undef EXACTSCAN_STATES

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace exactscan::impl {

#define EXACTSCAN_STORAGE(T)                                                                           \
  HWY_EXPORT(gather_##T);                                                                              \
  HWY_EXPORT(scatter_##T);                                                                             \
  HWY_EXPORT(gather_columns_##T);                                                                      \
  HWY_EXPORT(scatter_columns_##T);                                                                     \
  HWY_EXPORT(widen_##T);                                                                               \
  HWY_EXPORT(narrow_##T);                                                                              \
  template <>                                                                                          \
  void gather_rows<T>(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps,    \
                      State<T>* to, std::int64_t width) {                                              \
    HWY_DYNAMIC_DISPATCH(gather_##T)(from, distance, count, steps, to, width);                         \
  }                                                                                                    \
  template <>                                                                                          \
  void scatter_rows<T>(const State<T>* from, std::int64_t count, std::int64_t steps, T* to,            \
                       std::int64_t distance) {                                                        \
    HWY_DYNAMIC_DISPATCH(scatter_##T)(from, count, steps, to, distance);                               \
  }                                                                                                    \
  template <>                                                                                          \
  void gather_columns<T>(const T* from, std::int64_t distance, std::int64_t count, std::int64_t steps, \
                         State<T>* to) {                                                               \
    HWY_DYNAMIC_DISPATCH(gather_columns_##T)(from, distance, count, steps, to);                        \
  }                                                                                                    \
  template <>                                                                                          \
  void scatter_columns<T>(const State<T>* from, std::int64_t count, std::int64_t steps, T* to,         \
                          std::int64_t distance) {                                                     \
    HWY_DYNAMIC_DISPATCH(scatter_columns_##T)(from, count, steps, to, distance);                       \
  }                                                                                                    \
  template <>                                                                                          \
  void widen<T>(const T* from, std::int64_t count, State<T>* to) {                                     \
    HWY_DYNAMIC_DISPATCH(widen_##T)(from, count, to);                                                  \
  }                                                                                                    \
  template <>                                                                                          \
  void narrow<T>(const State<T>* from, std::int64_t count, T* to) {                                    \
    HWY_DYNAMIC_DISPATCH(narrow_##T)(from, count, to);                                                 \
  }
EXACTSCAN_STORAGE(float)
EXACTSCAN_STORAGE(double)
EXACTSCAN_STORAGE(Float16)
EXACTSCAN_STORAGE(BFloat16)
#undef EXACTSCAN_STORAGE

#define EXACTSCAN_DISPATCH(name, function, S, parameters, arguments) \
  HWY_EXPORT(function##_##S);                                        \
  template <>                                                        \
  void name<S> parameters {                                          \
    HWY_DYNAMIC_DISPATCH(function##_##S) arguments;                  \
  }
#define EXACTSCAN_STATES(S)                                                                                 \
  EXACTSCAN_DISPATCH(make_step_sizes, step_sizes, S,                                                        \
                     (const StepRule& rule, const S* bias, S* x, std::int64_t rows), (rule, bias, x, rows)) \
  EXACTSCAN_DISPATCH(times_slope, slopes, S,                                                                \
                     (const StepRule& rule, const S* bias, const S* x, S* gradient, std::int64_t rows),     \
                     (rule, bias, x, gradient, rows))                                                       \
  EXACTSCAN_DISPATCH(skip, skip, S, (const S* D, const S* u, S* y, std::int64_t rows), (D, u, y, rows))     \
  EXACTSCAN_DISPATCH(products, products, S, (const S* a, const S* b, S* out, std::int64_t rows),            \
                     (a, b, out, rows))                                                                     \
  EXACTSCAN_DISPATCH(scale_rows, scale, S, (const S* factor, const S* x, S* out, std::int64_t rows),        \
                     (factor, x, out, rows))                                                                \
  EXACTSCAN_DISPATCH(gate, gate, S, (const S* z, S* y, std::int64_t rows), (z, y, rows))                    \
  EXACTSCAN_DISPATCH(gate_gradients, gate_gradients, S,                                                     \
                     (const S* z, const S* y, S* dy, S* dz, std::int64_t rows), (z, y, dy, dz, rows))       \
  EXACTSCAN_DISPATCH(exponentials, exponentials, S, (S factor, const S* x, S* out, std::int64_t rows),      \
                     (factor, x, out, rows))                                                                \
  EXACTSCAN_DISPATCH(softplus_each, softplus, S, (S threshold, const S* x, S* out, std::int64_t rows),      \
                     (threshold, x, out, rows))                                                             \
  EXACTSCAN_DISPATCH(sigmoid_each, sigmoid, S, (const S* x, S* out, std::int64_t rows), (x, out, rows))     \
  EXACTSCAN_DISPATCH(exp2_each, exp2, S, (const S* x, const S* y, S* out, std::int64_t rows),               \
                     (x, y, out, rows))
EXACTSCAN_STATES(float)
EXACTSCAN_STATES(double)
#undef EXACTSCAN_STATES
#undef EXACTSCAN_DISPATCH
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace exactscan::impl
#endif
