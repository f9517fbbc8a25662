// Precise: a floating-point midpoint of many bits, for the ladder's upper rungs where rectangular intervals
// would suffer from wrapping. MPFR rounds each operation to nearest; its exponents do not run out here. Radii
// are long doubles, whose range no unit below leaves.
#pragma once

#include <mpfr.h>

#include "oracle/numbers/elementary.hpp"
#include "spec/interval.hpp"

namespace exactscan {

template <unsigned Bits>
class alignas(alignof(long double)) Precise {
 public:
  Precise() { mpfr_init2(x_, Bits), mpfr_set_zero(x_, 1); }
  explicit Precise(double x) { mpfr_init2(x_, Bits), mpfr_set_d(x_, x, MPFR_RNDN); }
  explicit Precise(const spec::Dyadic& x) {
    mpfr_init2(x_, Bits);
    mpfr_set_z_2exp(x_, x.mantissa().backend().data(), x.exponent(), MPFR_RNDN);
  }
  Precise(const Precise& other) { mpfr_init2(x_, Bits), mpfr_set(x_, other.x_, MPFR_RNDN); }
  Precise& operator=(const Precise& other) {
    if (this != &other) mpfr_set(x_, other.x_, MPFR_RNDN);
    return *this;
  }
  ~Precise() { mpfr_clear(x_); }

  friend Precise operator+(const Precise& x, const Precise& y) { return apply(mpfr_add, x, y); }
  friend Precise operator-(const Precise& x, const Precise& y) { return apply(mpfr_sub, x, y); }
  friend Precise operator*(const Precise& x, const Precise& y) { return apply(mpfr_mul, x, y); }
  friend Precise operator/(const Precise& x, const Precise& y) { return apply(mpfr_div, x, y); }
  friend Precise operator-(const Precise& x) {
    Precise r;
    mpfr_neg(r.x_, x.x_, MPFR_RNDN);
    return r;
  }
  friend bool is_zero(const Precise& x) { return mpfr_zero_p(x.x_) != 0; }
  friend double leading(const Precise& x) { return mpfr_get_d(x.x_, MPFR_RNDN); }

  bool finite() const { return mpfr_number_p(x_) != 0; }
  // Requires: finite.
  spec::Dyadic exact() const {
    if (is_zero(*this)) return {};
    spec::Integer mantissa;
    const mpfr_exp_t exponent = mpfr_get_z_2exp(mantissa.backend().data(), x_);
    return {std::move(mantissa), exponent};
  }
  // |x| rounded upward.
  long double size() const { return std::fabs(mpfr_get_ld(x_, MPFR_RNDA)); }

 private:
  static Precise apply(int (*f)(mpfr_ptr, mpfr_srcptr, mpfr_srcptr, mpfr_rnd_t), const Precise& x,
                       const Precise& y) {
    Precise r;
    f(r.x_, x.x_, y.x_, MPFR_RNDN);
    return r;
  }
  mpfr_t x_;
};

template <unsigned Bits>
struct Midpoint<Precise<Bits>> {
  using Radius = long double;
  static long double abs(const Precise<Bits>& x) { return x.size(); }
  static long double radius_of(double x) { return x; }
  static constexpr long double unit = [] {
    long double x = 1;
    for (unsigned i = 0; i < Bits; ++i) x /= 2;
    return x;
  }();
  static constexpr long double smallest = 0x1p-16000L;
};

// f at the midpoint, from MPFI; then what the argument's radius adds.
template <unsigned Bits, class F>
Ball<Precise<Bits>> by_interval(const Precise<Bits>& x, long double further, F&& f) {
  using Traits = Midpoint<Precise<Bits>>;
  const Ball<Precise<Bits>> unknown(Precise<Bits>(0.0),
                                    Traits::radius_of(std::numeric_limits<double>::infinity()));
  if (!x.finite()) return unknown;
  const auto y = f(spec::Interval<Bits + 32>(x.exact()));
  if (!y.is_bounded()) return unknown;
  const Precise<Bits> mid(y.lower());
  const long double off = Precise<Bits>(abs(y.upper() - mid.exact()) + y.width()).size();
  return {mid, up(off * (1 + 0x1p-50L) + further + Traits::smallest)};
}

template <unsigned Bits>
Ball<Precise<Bits>> exp(const Ball<Precise<Bits>>& x) {
  const auto value = by_interval(x.mid, 0, [](const auto& i) { return exp(i); });
  return {value.mid, up(value.rad + elementary::size(value) * elementary::growth(x.rad))};
}
template <unsigned Bits>
Ball<Precise<Bits>> expm1(const Ball<Precise<Bits>>& x) {
  const auto e = exp(Ball<Precise<Bits>>::exactly(x.mid));
  return by_interval(x.mid, elementary::size(e) * elementary::growth(x.rad),
                     [](const auto& i) { return expm1(i); });
}
template <unsigned Bits>
Ball<Precise<Bits>> sin(const Ball<Precise<Bits>>& x) {
  return by_interval(x.mid, x.rad, [](const auto& i) { return sin(i); });
}
template <unsigned Bits>
Ball<Precise<Bits>> cos(const Ball<Precise<Bits>>& x) {
  return by_interval(x.mid, x.rad, [](const auto& i) { return cos(i); });
}

}  // namespace exactscan
