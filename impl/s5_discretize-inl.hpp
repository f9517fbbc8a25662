// The multiplier and input coefficient of one step, and what their derivatives need. The formulas: s5.hpp.
#if defined(EXACTSCAN_IMPL_S5_DISCRETIZE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_S5_DISCRETIZE_INL
#undef EXACTSCAN_IMPL_S5_DISCRETIZE_INL
#else
#define EXACTSCAN_IMPL_S5_DISCRETIZE_INL
#endif

#include "impl/s5.hpp"
#include "impl/s5_functions-inl.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {
using s5::Discretization;

// What a state needs of its eigenvalue a: a, and 1/a (anything where a is 0).
template <class V>
struct Eigenvalue {
  Complex<V> a, inverse;
};

template <class V>
struct Coefficient {
  Complex<V> multiplier, gain;
  Complex<V> ra, rb;  // bilinear: 1/(1 - e a/2), 1/(1 - d a/2)
  Complex<V> growth;  // zoh: e^{d a}
};

template <class V>
struct Bilinear {
  Complex<V> multiplier, reciprocal;
};
// (1 + z)/(1 - z) and 1/(1 - z) for z = step a/2; the numerator (1 + z)(1 - conj z) has imaginary part 2 Im
// z.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Bilinear<V> bilinear(D d, V step, const Complex<V>& a) {
  using S = hn::TFromD<D>;
  const V one = hn::Set(d, S(1));
  const Complex<V> z = scaled(hn::Mul(step, hn::Set(d, S(0.5))), a);
  const V p = hn::Add(one, z.re), q = hn::Sub(one, z.re), yy = hn::Mul(z.im, z.im);
  const V r = hn::Div(one, hn::MulAdd(q, q, yy)), yr = hn::Mul(z.im, r);
  return {{hn::Mul(hn::MulSub(p, q, yy), r), hn::Add(yr, yr)}, {hn::Mul(q, r), yr}};
}

// (e^z - 1)/a for z = step a. Near 0 by d (1 + z/2 + z^2/6); the next term is below a quarter of the last
// bit.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Complex<V> zoh_gain(D d, V step, const Complex<V>& z, const Complex<V>& minus_one,
                               const Eigenvalue<V>& v) {
  using S = hn::TFromD<D>;
  const auto set = [d](double c) { return hn::Set(d, static_cast<S>(c)); };
  const auto near = hn::Lt(squared_modulus(z), set(sizeof(S) == 4 ? 0x1p-18 : 0x1p-36));
  const Complex<V> one{set(1), hn::Zero(d)};
  const Complex<V> slope{hn::MulAdd(z.re, set(1.0 / 6), set(0.5)), hn::Mul(z.im, set(1.0 / 6))};
  return select(near, scaled(step, product_plus(z, slope, one)), product(minus_one, v.inverse));
}

// delta: the step in Bbar; step_a: the one in Abar, the same if not kTwoSteps.
template <Discretization kMethod, bool kTwoSteps, class D, class V = hn::Vec<D>>
HWY_INLINE Coefficient<V> coefficient(D d, V delta, V step_a, const Eigenvalue<V>& v) {
  using S = hn::TFromD<D>;
  const V one = hn::Set(d, S(1)), zero = hn::Zero(d);
  const Complex<V> none{zero, zero};
  if constexpr (kMethod == Discretization::bilinear) {
    const Bilinear<V> a = bilinear(d, step_a, v.a);
    if constexpr (!kTwoSteps)
      return {a.multiplier, scaled(delta, a.reciprocal), a.reciprocal, a.reciprocal, none};
    const Complex<V> rb = bilinear(d, delta, v.a).reciprocal;
    return {a.multiplier, scaled(delta, rb), a.reciprocal, rb, none};
  } else if constexpr (kMethod == Discretization::zoh) {
    const Complex<V> z = scaled(delta, v.a);
    const Exponential<V> at = exponential(d, z);
    const Complex<V> gain = zoh_gain(d, delta, z, at.minus_one, v);
    if constexpr (!kTwoSteps) return {at.e, gain, none, none, at.e};
    return {exponential(d, scaled(step_a, v.a)).e, gain, none, none, at.e};
  } else {
    return {exponential(d, scaled(step_a, v.a)).e, {one, zero}, none, none, none};
  }
}

// dBbar/da of zoh: d^2 psi(z), psi(z) = (z e^z - e^z + 1)/z^2 = sum (k + 1) z^k / (k + 2)!, z = d a. Far from
// 0 by (d e^z - Bbar)/a.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Complex<V> zoh_gain_by_a(D d, V delta, const Coefficient<V>& c, const Eigenvalue<V>& v) {
  using S = hn::TFromD<D>;
  constexpr int terms = sizeof(S) == 4 ? 9 : 16;
  const Complex<V> z = scaled(delta, v.a);
  const auto near = hn::Lt(squared_modulus(z), hn::Set(d, S(0.25)));
  // Two vectors rather than one Complex: g++ would keep it in memory across the branch.
  V re = hn::Set(d, S(terms) * inverse_factorial<S>(terms + 1)), im = hn::Zero(d);
  if (!hn::AllFalse(d, near)) {
    for (int k = terms - 1; k >= 1; --k) {
      const V coefficient = hn::Set(d, S(k) * inverse_factorial<S>(k + 1));
      const V next = hn::NegMulAdd(im, z.im, hn::MulAdd(re, z.re, coefficient));
      im = hn::MulAdd(re, z.im, hn::Mul(im, z.re));
      re = next;
    }
  }
  const Complex<V> series{re, im};
  const Complex<V> difference{hn::MulSub(delta, c.growth.re, c.gain.re),
                              hn::MulSub(delta, c.growth.im, c.gain.im)};
  return select(near, scaled(delta, scaled(delta, series)), product(difference, v.inverse));
}

template <class V>
struct StepGradient {
  Complex<V> by_a;  // what the step contributes to dA
  V by_step_a, by_delta;
};

// The gradients of one step's parameters, for lambda, the state before the step and its input.
template <Discretization kMethod, class D, class V = hn::Vec<D>>
HWY_INLINE StepGradient<V> step_gradient(D d, V delta, V step_a, const Coefficient<V>& c,
                                         const Eigenvalue<V>& v, const Complex<V>& lambda,
                                         const Complex<V>& before, const Complex<V>& input) {
  using S = hn::TFromD<D>;
  if constexpr (kMethod == Discretization::bilinear) {
    // dAbar/de = a ra^2, dAbar/da = e ra^2; dBbar/dd = rb^2, dBbar/da = Bbar^2/2.
    const Complex<V> x = product_conj(lambda, product(product(c.ra, c.ra), before));
    const Complex<V> b = product_conj(lambda, product(product(c.gain, c.gain), input));
    return {sum(scaled(step_a, x), scaled(hn::Set(d, S(0.5)), b)), inner(x, v.a),
            inner(lambda, product(product(c.rb, c.rb), input))};
  } else {
    const Complex<V> x = product_conj(lambda, product(c.multiplier, before));
    StepGradient<V> g{scaled(step_a, x), inner(x, v.a), hn::Zero(d)};
    if constexpr (kMethod == Discretization::zoh) {
      g.by_a = sum(g.by_a, product_conj(lambda, product(zoh_gain_by_a(d, delta, c, v), input)));
      g.by_delta = inner(lambda, product(c.growth, input));
    }
    return g;
  }
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
