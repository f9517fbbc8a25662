// Complex numbers in vectors of real and imaginary parts, and the exponential of one.
//
// Error, for |Re z| below the range where e^z over- or underflows, of binary32 and binary64 alike, in units
// of 2^-24 or 2^-53: e^x and e^x - 1 within 2 of their own value, sin and cos within 2.5 of 1, and so e^z and
// e^z
// - 1 within 6 of their modulus, but for e^z - 1 where its real part cancels: there within 6 of |(|expm1 x
// cos y| + 2 sin^2(y/2), e^x sin y)|. Subnormal results: half of the smallest number more. NaN and infinity
// as IEEE arithmetic and std::sin give them. tests/kernels/s5_functions_test.cpp measures all of this.
#if defined(EXACTSCAN_IMPL_S5_FUNCTIONS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_S5_FUNCTIONS_INL
#undef EXACTSCAN_IMPL_S5_FUNCTIONS_INL
#else
#define EXACTSCAN_IMPL_S5_FUNCTIONS_INL
#endif

#include <hwy/highway.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <type_traits>

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
struct Complex {
  V re, im;
};

// a b.
template <class V>
HWY_INLINE Complex<V> product(const Complex<V>& a, const Complex<V>& b) {
  return {hn::NegMulAdd(a.im, b.im, hn::Mul(a.re, b.re)), hn::MulAdd(a.im, b.re, hn::Mul(a.re, b.im))};
}
// a b + c.
template <class V>
HWY_INLINE Complex<V> product_plus(const Complex<V>& a, const Complex<V>& b, const Complex<V>& c) {
  return {hn::NegMulAdd(a.im, b.im, hn::MulAdd(a.re, b.re, c.re)),
          hn::MulAdd(a.im, b.re, hn::MulAdd(a.re, b.im, c.im))};
}
// a conj(b).
template <class V>
HWY_INLINE Complex<V> product_conj(const Complex<V>& a, const Complex<V>& b) {
  return {hn::MulAdd(a.im, b.im, hn::Mul(a.re, b.re)), hn::NegMulAdd(a.re, b.im, hn::Mul(a.im, b.re))};
}
// Re(a conj(b)).
template <class V>
HWY_INLINE V inner(const Complex<V>& a, const Complex<V>& b) {
  return hn::MulAdd(a.im, b.im, hn::Mul(a.re, b.re));
}
template <class V>
HWY_INLINE Complex<V> scaled(V s, const Complex<V>& a) {
  return {hn::Mul(s, a.re), hn::Mul(s, a.im)};
}
template <class V>
HWY_INLINE Complex<V> sum(const Complex<V>& a, const Complex<V>& b) {
  return {hn::Add(a.re, b.re), hn::Add(a.im, b.im)};
}
template <class V>
HWY_INLINE V squared_modulus(const Complex<V>& a) {
  return hn::MulAdd(a.im, a.im, hn::Mul(a.re, a.re));
}
template <class M, class V>
HWY_INLINE Complex<V> select(M mask, const Complex<V>& yes, const Complex<V>& no) {
  return {hn::IfThenElse(mask, yes.re, no.re), hn::IfThenElse(mask, yes.im, no.im)};
}

// What the functions below need of a type. Polynomials are Taylor's, long enough that the first term left out
// is below a quarter of the last bit on the reduced range.
template <class S>
struct Numbers;
template <>
struct Numbers<float> {
  static constexpr int mantissa = 23, exponential_terms = 7, sine_terms = 4, cosine_terms = 4;
  static constexpr float magic = 0x1.8p23F;  // adding it rounds to a whole number, in the low bits
  static constexpr float ln2[] = {0x1.63p-1F, -0x1.bd0106p-13F};  // the first times a k is exact
  static constexpr float half_pi[] = {0x1.92p+0F, 0x1.fbp-12F, 0x1.51p-22F, 0x1.0b4612p-34F};
  static constexpr float lowest = -105, highest = 90, minus_one_vanishes = 20, widest_angle = 50000;
};
template <>
struct Numbers<double> {
  static constexpr int mantissa = 52, exponential_terms = 13, sine_terms = 8, cosine_terms = 7;
  static constexpr double magic = 0x1.8p52;
  static constexpr double ln2[] = {0x1.62e42fee00000p-1, 0x1.a39ef35793c76p-33};
  static constexpr double half_pi[] = {0x1.921fb544p+0, 0x1.0b4611a6p-34, 0x1.3198a2ep-69,
                                       0x1.b839a252049c1p-104};
  static constexpr double lowest = -746, highest = 711, minus_one_vanishes = 40, widest_angle = 1e6;
};

// 1/n!, rounded; n <= 20.
template <class S>
constexpr S inverse_factorial(int n) {
  double product = 1;
  for (int i = 2; i <= n; ++i) product *= i;  // exact up to 20!, but for the last two bits of 19! and 20!
  return static_cast<S>(1 / product);
}

// The sum of (-1)^i q^i / (first + 2 i)! for i < count: the tail of a cosine or sine.
template <int kFirst, int kCount, class D, class V = hn::Vec<D>>
HWY_INLINE V alternating_tail(D d, V q) {
  using S = hn::TFromD<D>;
  V r = hn::Set(d, (kCount % 2 == 1 ? S(1) : S(-1)) * inverse_factorial<S>(kFirst + 2 * (kCount - 1)));
  for (int i = kCount - 1; i-- > 0;)
    r = hn::MulAdd(r, q, hn::Set(d, (i % 2 == 0 ? S(1) : S(-1)) * inverse_factorial<S>(kFirst + 2 * i)));
  return r;
}

// 2^k for a whole number k = rounded - magic, the exponent in range.
template <class D, class V = hn::Vec<D>>
HWY_INLINE V power_of_two(D d, V rounded) {
  using S = hn::TFromD<D>;
  const hn::RebindToUnsigned<D> du;
  const auto one = hn::BitCast(du, hn::Set(d, S(1)));
  return hn::BitCast(d, hn::Add(hn::ShiftLeft<Numbers<S>::mantissa>(hn::BitCast(du, rounded)), one));
}

template <class V>
struct RealExponential {
  V e, minus_one;
};

// e^x and e^x - 1: x = k ln 2 + r, 2^k in two factors so that results may be subnormal.
template <class D, class V = hn::Vec<D>>
HWY_INLINE RealExponential<V> real_exponential(D d, V x) {
  using S = hn::TFromD<D>;
  using N = Numbers<S>;
  const auto set = [d](double c) { return hn::Set(d, static_cast<S>(c)); };
  const V magic = set(N::magic), one = set(1);
  const V in_range = hn::Min(hn::Max(x, set(N::lowest)), set(N::highest));
  const V k = hn::Sub(hn::MulAdd(in_range, set(1.4426950408889634), magic), magic);
  const V r = hn::NegMulAdd(k, set(N::ln2[1]), hn::NegMulAdd(k, set(N::ln2[0]), in_range));
  V p = set(inverse_factorial<S>(N::exponential_terms));
  for (int i = N::exponential_terms - 1; i >= 2; --i) p = hn::MulAdd(p, r, set(inverse_factorial<S>(i)));
  p = hn::MulAdd(hn::Mul(r, r), p, r);  // e^r - 1
  const V rounded_half = hn::MulAdd(k, set(0.5), magic), half = hn::Sub(rounded_half, magic);
  const V s = power_of_two(d, rounded_half), t = power_of_two(d, hn::Add(hn::Sub(k, half), magic));
  const V e = hn::Mul(hn::Mul(hn::Add(one, p), s), t), scale = hn::Mul(s, t);
  const V m = hn::IfThenElse(hn::Gt(in_range, set(N::minus_one_vanishes)), e,
                             hn::MulAdd(scale, p, hn::Sub(scale, one)));
  const auto nan = hn::IsNaN(x);
  return {hn::IfThenElse(nan, x, e), hn::IfThenElse(nan, x, m)};
}

template <class V>
struct SineCosine {
  V sine, cosine;
};

// Of as many angles as a vector has, one at a time, where the reduction below would lose bits.
template <class D, class S = hn::TFromD<D>>
HWY_NOINLINE void sine_cosine_wide(D d, const S* angle, S* sine, S* cosine) {
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) {
    sine[i] = std::sin(angle[i]);
    cosine[i] = std::cos(angle[i]);
  }
}

// y = k pi/2 + r; k times each part of pi/2 but the last is exact, with or without fused multiply-add.
template <class D, class V = hn::Vec<D>>
HWY_INLINE SineCosine<V> sine_cosine(D d, V y) {
  using S = hn::TFromD<D>;
  using N = Numbers<S>;
  const auto set = [d](double c) { return hn::Set(d, static_cast<S>(c)); };
  if (HWY_UNLIKELY(!hn::AllTrue(d, hn::Le(hn::Abs(y), set(N::widest_angle))))) {
    HWY_ALIGN S angle[hn::MaxLanes(d)], sine[hn::MaxLanes(d)], cosine[hn::MaxLanes(d)];
    hn::Store(y, d, angle);
    sine_cosine_wide(d, angle, sine, cosine);
    return {hn::Load(d, sine), hn::Load(d, cosine)};
  }
  const V magic = set(N::magic), rounded = hn::MulAdd(y, set(0.63661977236758134), magic);
  const V k = hn::Sub(rounded, magic);
  V r = y;
  for (const S part : N::half_pi) r = hn::NegMulAdd(k, hn::Set(d, part), r);
  const V q = hn::Mul(r, r);
  const V s = hn::NegMulAdd(hn::Mul(r, q), alternating_tail<3, N::sine_terms>(d, q), r);
  const V c = hn::MulAdd(hn::Mul(q, q), alternating_tail<4, N::cosine_terms>(d, q),
                         hn::NegMulAdd(set(0.5), q, set(1)));
  const hn::RebindToUnsigned<D> du;
  const auto quadrant = hn::BitCast(du, rounded), one = hn::Set(du, 1), two = hn::Set(du, 2);
  const auto odd = hn::RebindMask(d, hn::Eq(hn::And(quadrant, one), one));
  constexpr int to_sign = static_cast<int>(8 * sizeof(S)) - 2;
  const V sine_sign = hn::BitCast(d, hn::ShiftLeft<to_sign>(hn::And(quadrant, two)));
  const V cosine_sign = hn::BitCast(d, hn::ShiftLeft<to_sign>(hn::And(hn::Add(quadrant, one), two)));
  return {hn::Xor(hn::IfThenElse(odd, c, s), sine_sign), hn::Xor(hn::IfThenElse(odd, s, c), cosine_sign)};
}

template <class V>
struct Exponential {
  Complex<V> e, minus_one;
};

// e^z and e^z - 1 = expm1(x) cos y - 2 sin^2(y/2) + i e^x sin y, both from the half angle.
template <class D, class V = hn::Vec<D>>
HWY_INLINE Exponential<V> exponential(D d, const Complex<V>& z) {
  using S = hn::TFromD<D>;
  const V one = hn::Set(d, S(1));
  const RealExponential<V> x = real_exponential(d, z.re);
  const SineCosine<V> half = sine_cosine(d, hn::Mul(z.im, hn::Set(d, S(0.5))));
  const V twice = hn::Add(half.sine, half.sine), versine = hn::Mul(twice, half.sine);
  const V cosine = hn::Sub(one, versine), imaginary = hn::Mul(x.e, hn::Mul(twice, half.cosine));
  return {{hn::Mul(x.e, cosine), imaginary}, {hn::MulSub(x.minus_one, cosine, versine), imaginary}};
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
