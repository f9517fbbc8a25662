// One copy of the loops for every instruction set; the best one is chosen at run time.
#include "impl/s5_tile.hpp"

// What these add to SSE4 and AVX3 is of no use here, and every set costs its time to compile.
#define HWY_DISABLED_TARGETS (HWY_SSSE3 | HWY_AVX3_DL)
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "impl/s5_tile.cpp"
#include <hwy/foreach_target.h>  // compiles this file again for each target
#include <hwy/highway.h>

#include "impl/s5_discretize-inl.hpp"
#include "impl/ssm_tile.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {

template <class S>
using Lanes = hn::CappedTag<S, kTileGrain>;

template <class S, class V = hn::Vec<Lanes<S>>>
HWY_INLINE Complex<V> load(const std::complex<S>* from) {
  Complex<V> z;
  hn::LoadInterleaved2(Lanes<S>(), reinterpret_cast<const S*>(from), z.re, z.im);
  return z;
}
template <class S, class V = hn::Vec<Lanes<S>>>
HWY_INLINE void store(const Complex<V>& z, std::complex<S>* to) {
  hn::StoreInterleaved2(z.re, z.im, Lanes<S>(), reinterpret_cast<S*>(to));
}

template <class S, class V = hn::Vec<Lanes<S>>>
HWY_INLINE Eigenvalue<V> eigenvalue(const std::complex<S>* A) {
  std::complex<S> inverse[kTileGrain];
  for (std::size_t i = 0; i < hn::Lanes(Lanes<S>()); ++i)
    inverse[i] = A[i] == S(0) ? S(0) : std::complex<S>(1.0 / std::complex<double>(A[i]));
  return {load(A), load(inverse)};
}

template <Discretization kMethod, bool kTwoSteps, class S>
void forward(const s5::ForwardTile<S>& tile) {
  const Lanes<S> d;
  for (std::int64_t p = 0; p < tile.width; p += static_cast<std::int64_t>(hn::Lanes(d))) {
    const auto v = eigenvalue(tile.A + p);
    auto x = load(tile.state + p);
    for (std::int64_t t = 0; t < tile.steps; ++t) {
      const std::int64_t i = t * tile.width + p;
      const auto delta = hn::LoadU(d, tile.delta + i);
      const auto step_a = hn::LoadU(d, (kTwoSteps ? tile.deltaA : tile.delta) + i);
      const auto c = coefficient<kMethod, kTwoSteps>(d, delta, step_a, v);
      auto b = load(tile.b_to_x + i);
      if constexpr (kMethod != Discretization::dirac) b = product(c.gain, b);
      x = product_plus(c.multiplier, x, b);
      store(x, tile.b_to_x + i);
    }
    store(x, tile.state + p);
  }
}

template <Discretization kMethod, bool kTwoSteps, class S>
void reverse(const s5::ReverseTile<S>& tile) {
  const Lanes<S> d;
  for (std::int64_t p = 0; p < tile.width; p += static_cast<std::int64_t>(hn::Lanes(d))) {
    const auto v = eigenvalue(tile.A + p);
    auto carry = load(tile.carry + p), sum_A = load(tile.sum_A + p);
    for (std::int64_t t = tile.steps; t-- > 0;) {
      const std::int64_t i = t * tile.width + p;
      const auto delta = hn::LoadU(d, tile.delta + i);
      const auto step_a = hn::LoadU(d, (kTwoSteps ? tile.deltaA : tile.delta) + i);
      const auto c = coefficient<kMethod, kTwoSteps>(d, delta, step_a, v);
      const auto before = load(t == 0 ? tile.before + p : tile.x + i - tile.width);
      const auto lambda = sum(carry, load(tile.g_to_gb + i));
      const auto g = step_gradient<kMethod>(d, delta, step_a, c, v, lambda, before, load(tile.b + i));
      sum_A = sum(sum_A, g.by_a);
      if constexpr (kTwoSteps) {
        hn::StoreU(g.by_step_a, d, tile.ddeltaA + i);
        hn::StoreU(g.by_delta, d, tile.ddelta + i);
      } else {
        hn::StoreU(hn::Add(g.by_step_a, g.by_delta), d, tile.ddelta + i);
      }
      if constexpr (kMethod == Discretization::dirac) {
        store(lambda, tile.g_to_gb + i);
      } else {
        store(product_conj(lambda, c.gain), tile.g_to_gb + i);
      }
      carry = product_conj(lambda, c.multiplier);
    }
    store(carry, tile.carry + p);
    store(sum_A, tile.sum_A + p);
  }
}

template <class S>
void exponentials(const s5::ExponentialTile<S>& tile) {
  const Lanes<S> d;
  for (std::int64_t i = 0; i < tile.count; i += static_cast<std::int64_t>(hn::Lanes(d))) {
    const auto at = exponential(d, load(tile.z + i));
    store(at.e, tile.e + i);
    store(at.minus_one, tile.minus_one + i);
  }
}

template <bool kTwoSteps, class S>
void forward_by_method(const s5::ForwardTile<S>& tile) {
  if (tile.method == Discretization::bilinear) return forward<Discretization::bilinear, kTwoSteps>(tile);
  if (tile.method == Discretization::zoh) return forward<Discretization::zoh, kTwoSteps>(tile);
  forward<Discretization::dirac, kTwoSteps>(tile);
}
template <class S>
void forward_any(const s5::ForwardTile<S>& tile) {
  tile.deltaA == nullptr ? forward_by_method<false>(tile) : forward_by_method<true>(tile);
}
template <bool kTwoSteps, class S>
void reverse_by_method(const s5::ReverseTile<S>& tile) {
  if (tile.method == Discretization::bilinear) return reverse<Discretization::bilinear, kTwoSteps>(tile);
  if (tile.method == Discretization::zoh) return reverse<Discretization::zoh, kTwoSteps>(tile);
  reverse<Discretization::dirac, kTwoSteps>(tile);
}
template <class S>
void reverse_any(const s5::ReverseTile<S>& tile) {
  tile.deltaA == nullptr ? reverse_by_method<false>(tile) : reverse_by_method<true>(tile);
}

void s5_forward_f32(const s5::ForwardTile<float>& tile) { forward_any(tile); }
void s5_forward_f64(const s5::ForwardTile<double>& tile) { forward_any(tile); }
void s5_reverse_f32(const s5::ReverseTile<float>& tile) { reverse_any(tile); }
void s5_reverse_f64(const s5::ReverseTile<double>& tile) { reverse_any(tile); }
void s5_exponentials_f32(const s5::ExponentialTile<float>& tile) { exponentials(tile); }
void s5_exponentials_f64(const s5::ExponentialTile<double>& tile) { exponentials(tile); }

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace exactscan::impl {
HWY_EXPORT(s5_forward_f32);
HWY_EXPORT(s5_forward_f64);
HWY_EXPORT(s5_reverse_f32);
HWY_EXPORT(s5_reverse_f64);
HWY_EXPORT(s5_exponentials_f32);
HWY_EXPORT(s5_exponentials_f64);

namespace s5 {
void run(const ForwardTile<float>& tile) { HWY_DYNAMIC_DISPATCH(s5_forward_f32)(tile); }
void run(const ForwardTile<double>& tile) { HWY_DYNAMIC_DISPATCH(s5_forward_f64)(tile); }
void run(const ReverseTile<float>& tile) { HWY_DYNAMIC_DISPATCH(s5_reverse_f32)(tile); }
void run(const ReverseTile<double>& tile) { HWY_DYNAMIC_DISPATCH(s5_reverse_f64)(tile); }
void run(const ExponentialTile<float>& tile) { HWY_DYNAMIC_DISPATCH(s5_exponentials_f32)(tile); }
void run(const ExponentialTile<double>& tile) { HWY_DYNAMIC_DISPATCH(s5_exponentials_f64)(tile); }
}  // namespace s5
}  // namespace exactscan::impl
#endif
