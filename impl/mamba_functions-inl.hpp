// exp, softplus and sigmoid of vectors, for the target that foreach_target.h is at, in float32 and float64.
// Compiled once a target: no include guard of the usual kind.
//
// Largest errors, in units in the last place of the result, measured by tests/kernels/mamba_functions_test
// over arguments of every exponent and on each instruction set of that machine (AVX-512 was not among them):
// exp 1.1, softplus 2.5, sigmoid 2. Subnormal results are within 1 of the smallest number.
#if defined(EXACTSCAN_IMPL_MAMBA_FUNCTIONS_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_MAMBA_FUNCTIONS_INL
#undef EXACTSCAN_IMPL_MAMBA_FUNCTIONS_INL
#else
#define EXACTSCAN_IMPL_MAMBA_FUNCTIONS_INL
#endif

#include <hwy/highway.h>

#include <array>

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Coefficients from the highest power down. exp2: (2^f - 1) / f for |f| <= 1/2, minimax of the relative error
// of 2^f with 2^0 = 1 exact: 0.32 units roundoff in float32, 0.31 in float64. log: (atanh(w) / w - 1) / w^2
// in powers of w^2 <= 1/9: 0.08 and 0.05.
template <class S>
struct Series;
template <>
struct Series<float> {
  static constexpr std::array<float, 6> exp2{0x1.6370eep-13F, 0x1.60343cp-10F, 0x1.3afca2p-7F,
                                             0x1.c6ac3ap-5F,  0x1.ebfc1ep-3F,  0x1.62e434p-1F};
  static constexpr std::array<float, 4> log{0x1.1ed9fap-3F, 0x1.1ebc96p-3F, 0x1.99d21p-3F, 0x1.555502p-2F};
  static constexpr float round = 0x1.8p23F;  // added to a small number, leaves its nearest integer at the end
  static constexpr float limit = 160;  // 2^160 overflows, 2^-160 is nothing, half the exponent is normal
  static constexpr float normal = 87;  // e^x is normal and finite for |x| below
  static constexpr int mantissa = 23;
  static constexpr float log2_e = 0x1.715476p+0F, ln2_high = 0x1.62e4p-1F, ln2_low = 0x1.7f7d1cp-20F;
};
template <>
struct Series<double> {
  static constexpr std::array<double, 11> exp2{
      0x1.c0801d86a8771p-32, 0x1.e5fc6a96d19e4p-28, 0x1.b54075d4a6f8bp-24, 0x1.62bfd99bb393dp-20,
      0x1.ffcbef2c33a2dp-17, 0x1.43091307aa8bdp-13, 0x1.5d87fe7b6a7c8p-10, 0x1.3b2ab6fba24f6p-7,
      0x1.c6b08d70491b6p-5,  0x1.ebfbdff82c596p-3,  0x1.62e42fefa39f2p-1};
  static constexpr std::array<double, 10> log{
      0x1.4b0a5a4a56224p-4, 0x1.687a36744962dp-5, 0x1.eb906b8d81e55p-5, 0x1.10ac750615b6ap-4,
      0x1.3b18b2a521c7cp-4, 0x1.745cf0b020774p-4, 0x1.c71c7271482d4p-4, 0x1.24924923d4442p-3,
      0x1.999999999a3ddp-3, 0x1.5555555555555p-2};
  static constexpr double round = 0x1.8p52;
  static constexpr double limit = 1100;
  static constexpr double normal = 708;
  static constexpr int mantissa = 52;
  static constexpr double log2_e = 0x1.71547652b82fep+0, ln2_high = 0x1.62e42fee00000p-1,
                          ln2_low = 0x1.a39ef35793c76p-33;
};

template <class D, class V, class C>
HWY_INLINE V polynomial(D d, V x, const C& coefficients) {
  V sum = hn::Set(d, coefficients[0]);
  for (std::size_t i = 1; i < coefficients.size(); ++i) sum = hn::MulAdd(sum, x, hn::Set(d, coefficients[i]));
  return sum;
}

// x y as a whole number, in the low bits of `shifted`, and a rest of at most 1/2.
template <class V>
struct Split {
  V shifted, rest;
};
template <class D, class V>
HWY_INLINE Split<V> split_product(D d, V x, V y) {
  const auto round = hn::Set(d, Series<hn::TFromD<D>>::round);
  const auto shifted = hn::MulAdd(x, y, round);
  return {shifted, hn::MulSub(x, y, hn::Sub(shifted, round))};
}
template <class D, class V>
HWY_INLINE V exp2_of_rest(D d, V rest) {
  using S = hn::TFromD<D>;
  return hn::MulAdd(polynomial(d, rest, Series<S>::exp2), rest, hn::Set(d, S(1)));
}

// 2^(x y), the product not rounded where multiply-adds are fused. Requires |x y| < kSafeExponent.
template <class S>
constexpr S kSafeExponent = sizeof(S) == 4 ? S(125) : S(1020);
template <class D, class V>
HWY_INLINE V exp2_of_product_safe(D d, V x, V y) {
  const hn::RebindToSigned<D> i;
  const Split<V> split = split_product(d, x, y);
  const auto exponent = hn::ShiftLeft<Series<hn::TFromD<D>>::mantissa>(hn::BitCast(i, split.shifted));
  return hn::BitCast(d, hn::Add(hn::BitCast(i, exp2_of_rest(d, split.rest)), exponent));
}

// m 2^n for a whole n, in two multiplications of which at most the second rounds: underflow is gradual,
// overflow gives infinity.
template <class D, class V>
HWY_INLINE V scaled(D d, V m, V n) {
  using S = hn::TFromD<D>;
  const hn::RebindToSigned<D> i;
  constexpr int bits = Series<S>::mantissa;
  const auto round = hn::Set(d, Series<S>::round);
  const auto half = hn::Sub(hn::MulAdd(n, hn::Set(d, S(0.5)), round), round);
  const auto power = [&](V k) {
    const auto biased = hn::Add(hn::Add(k, hn::Set(d, S(sizeof(S) == 4 ? 127 : 1023))), round);
    return hn::BitCast(d, hn::ShiftLeft<bits>(hn::BitCast(i, biased)));
  };
  return hn::Mul(hn::Mul(m, power(half)), power(hn::Sub(n, half)));
}

// The lanes of x within the limits of both signs; a NaN becomes any number.
template <class D, class V>
HWY_INLINE V within(D d, V x, hn::TFromD<D> limit) {
  return hn::Max(hn::Min(x, hn::Set(d, limit)), hn::Set(d, -limit));
}

// 2^(x y) for all x and y.
template <class D, class V>
HWY_INLINE V exp2_of_product(D d, V x, V y) {
  using S = hn::TFromD<D>;
  const auto product = hn::Mul(x, y);
  const auto safe = hn::Lt(hn::Abs(product), hn::Set(d, kSafeExponent<S>));  // not so for a NaN
  if (HWY_LIKELY(hn::AllTrue(d, safe))) return exp2_of_product_safe(d, x, y);
  const auto bounded = within(d, product, Series<S>::limit);
  const Split<V> split =
      split_product(d, hn::IfThenElse(safe, x, bounded), hn::IfThenElse(safe, y, hn::Set(d, S(1))));
  const auto n = hn::Sub(split.shifted, hn::Set(d, Series<S>::round));
  return hn::IfThenElse(hn::IsNaN(product), product, scaled(d, exp2_of_rest(d, split.rest), n));
}

// e^x for all x, from x = n ln 2 + r without the error of a rounded product. Where every lane's result is a
// normal number, the scaling by 2^n is one addition to the exponent.
template <class D, class V>
HWY_INLINE V exponential(D d, V x) {
  using S = hn::TFromD<D>;
  const auto round = hn::Set(d, Series<S>::round);
  const bool normal = hn::AllTrue(d, hn::Lt(hn::Abs(x), hn::Set(d, Series<S>::normal)));  // not so with a NaN
  const auto bounded = normal ? x : within(d, x, Series<S>::limit * S(0.7));
  const auto shifted = hn::MulAdd(bounded, hn::Set(d, Series<S>::log2_e), round);
  const auto n = hn::Sub(shifted, round);
  auto r = hn::NegMulAdd(n, hn::Set(d, Series<S>::ln2_high), bounded);
  r = hn::NegMulAdd(n, hn::Set(d, Series<S>::ln2_low), r);
  const auto m = exp2_of_rest(d, hn::Mul(r, hn::Set(d, Series<S>::log2_e)));
  if (HWY_LIKELY(normal)) {
    const hn::RebindToSigned<D> i;
    const auto exponent = hn::ShiftLeft<Series<S>::mantissa>(hn::BitCast(i, shifted));
    return hn::BitCast(d, hn::Add(hn::BitCast(i, m), exponent));
  }
  return hn::IfThenElse(hn::IsNaN(x), x, scaled(d, m, n));
}

// log(1 + s) for 0 <= s <= 1, as 2 atanh(s / (2 + s)).
template <class D, class V>
HWY_INLINE V log_one_plus(D d, V s) {
  using S = hn::TFromD<D>;
  const auto w = hn::Div(s, hn::Add(s, hn::Set(d, S(2)))), square = hn::Mul(w, w), twice = hn::Add(w, w);
  const auto rest = hn::Mul(square, polynomial(d, square, Series<S>::log));
  return hn::MulAdd(twice, rest, twice);
}

// log(1 + e^x), without cancellation; x itself beyond the threshold.
template <class D, class V>
HWY_INLINE V softplus(D d, V x, V threshold) {
  const auto tail = log_one_plus(d, exponential(d, hn::Neg(hn::Abs(x))));
  const auto sum = hn::Add(hn::IfThenElse(hn::Gt(x, hn::Zero(d)), x, hn::Zero(d)), tail);
  return hn::IfThenElse(hn::Gt(x, threshold), x, sum);
}

// sigmoid(z) and 1 - sigmoid(z), each to its own relative precision: e^-|z| never overflows.
template <class V>
struct Sigmoid {
  V value, rest;
};
template <class D, class V>
HWY_INLINE Sigmoid<V> sigmoid(D d, V z) {
  using S = hn::TFromD<D>;
  const auto one = hn::Set(d, S(1));
  const auto e = exponential(d, hn::Neg(hn::Abs(z)));
  const auto positive = hn::Gt(z, hn::Zero(d));
  const auto whole = hn::Add(one, e);
  return {hn::Div(hn::IfThenElse(positive, one, e), whole), hn::Div(hn::IfThenElse(positive, e, one), whole)};
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
