// Complex arithmetic of emulated kernels: every way in which compilers and libraries form products, quotients
// and exponentials, one drawn for each kernel. Written from the formulas of C libraries and CUDA; it shares
// nothing with the oracle.
#pragma once

#include <cmath>
#include <complex>
#include <vector>

#include "tests/emulation/schedules.hpp"

namespace exactscan::soundness {

using emulation::Random;

// The reference: errors of 2^-64 are nothing beside the allowances of any format under test.
struct LongDouble {
  using Value = long double;
  static Value read(double x) { return x; }
  static double get(Value x) { return static_cast<double>(x); }
  static Value add(Value x, Value y) { return x + y; }
  static Value mul(Value x, Value y) { return x * y; }
  static Value fma(Value x, Value y, Value z) { return std::fma(x, y, z); }
};

// What a kernel is free to choose, beside the order of its operations.
struct Style {
  int product = 0;        // 0 four products and two sums; 1, 2 one part of each fused; 3 any mixture
  int accumulate = 0;     // 0 product, then sum; 1 nested fma; 2 (c + ar br) - ai bi
  int quotient = 0;       // 0 by |d|^2; 1 by the reciprocal; 2 Smith; 3 scaled
  bool prescale = false;  // e^x as 2^(x log2 e)
  int bias = 0;           // library functions err upward, downward, or (0) at random
  bool expm1 = true;
  bool recovered = false;
  bool tf32 = false;  // operands of sums of products are cut to eleven bits
};

template <class A>
class ComplexKernel {
 public:
  using Arithmetic = A;
  using Real = typename A::Value;
  struct Value {
    Real re, im;
  };
  // `precision`: bits of the format; library functions err by up to 1.4 units of 2^-precision twice, before
  // rounding.
  ComplexKernel(const A& arithmetic, emulation::Fma fma, const Style& style, int precision, Random& random)
      : arithmetic_(arithmetic),
        real_(arithmetic, fma, random),
        style_(style),
        unit_(std::ldexp(1.0, -precision)),
        random_(&random) {}

  Random& random() { return *random_; }
  const Style& style() const { return style_; }
  emulation::Kernel<A>& parts() { return real_; }
  Value read(double x) const { return {real_.read(x), real_.read(0)}; }
  Value read(std::complex<double> x) const { return {real_.read(x.real()), real_.read(x.imag())}; }
  Real read_real(double x) const { return real_.read(x); }
  static std::complex<double> get(const Value& x) { return {A::get(x.re), A::get(x.im)}; }
  bool fused() { return real_.fused(); }

  Value conj(const Value& x) const { return {x.re, -x.im}; }
  Value add(const Value& x, const Value& y) const { return {real_.add(x.re, y.re), real_.add(x.im, y.im)}; }
  Value subtract(const Value& x, const Value& y) const { return add(x, {-y.re, -y.im}); }
  Value scale(const Real& s, const Value& x) const { return {real_.mul(s, x.re), real_.mul(s, x.im)}; }
  Value mul(const Value& x, const Value& y) {
    return {two_products(x.re, y.re, -x.im, y.im), two_products(x.re, y.im, x.im, y.re)};
  }
  Value multiply_add(const Value& x, const Value& y, const Value& z) {
    switch (style_.accumulate) {
      case 1:
        return {nested(x.re, y.re, -x.im, y.im, z.re), nested(x.re, y.im, x.im, y.re, z.im)};
      case 2:
        return {in_order(x.re, y.re, -x.im, y.im, z.re), in_order(x.re, y.im, x.im, y.re, z.im)};
      default:
        return add(mul(x, y), z);
    }
  }
  emulation::Window<Value> compose(const emulation::Window<Value>& later,
                                   const emulation::Window<Value>& earlier) {
    return {mul(later.a, earlier.a), multiply_add(later.a, earlier.b, later.b)};
  }
  emulation::Window<Value> identity() const { return {read(1.0), read(0.0)}; }

  Value divide(const Value& n, const Value& d) {
    switch (style_.quotient) {
      case 1:
        return mul(n, divide_by_norm(read(1.0), d));
      case 2:
        return smith(n, d);
      case 3:
        return scaled_quotient(n, d);
      default:
        return divide_by_norm(n, d);
    }
  }

  Value exponential(const Value& z) {
    const Real size = exp_of(z.re);
    return {real_.mul(size, library(z.im, [](auto x) { return std::cos(x); })),
            real_.mul(size, library(z.im, [](auto x) { return std::sin(x); }))};
  }
  // e^z - 1: without cancellation, or as it is written.
  Value exponential_minus_1(const Value& z) {
    if (!style_.expm1) return subtract(exponential(z), read(1.0));
    const Real half = real_.mul(real_.read(0.5), z.im);
    const Real s = library(half, [](auto x) { return std::sin(x); });
    const Real first = real_.mul(library(z.re, [](auto x) { return std::expm1(x); }),
                                 library(z.im, [](auto x) { return std::cos(x); }));
    const Real second = real_.mul(real_.read(2), real_.mul(s, s));
    return {real_.add(first, -second),
            real_.mul(exp_of(z.re), library(z.im, [](auto x) { return std::sin(x); }))};
  }

  // sum of x_i y_i, all parts in one random order.
  Value dot(std::vector<Value> x, std::vector<Value> y) {
    if (style_.tf32) {
      const bool nearest = random_->coin();
      for (auto* side : {&x, &y}) {
        for (Value& v : *side) v = {tf32(v.re, nearest), tf32(v.im, nearest)};
      }
    }
    std::vector<emulation::Addend<Real>> re, im;
    for (std::size_t i = 0; i < x.size(); ++i) {
      re.push_back({x[i].re, y[i].re, true}), re.push_back({-x[i].im, y[i].im, true});
      im.push_back({x[i].re, y[i].im, true}), im.push_back({x[i].im, y[i].re, true});
    }
    return {emulation::sum(real_, std::move(re)), emulation::sum(real_, std::move(im))};
  }

 private:
  // As tensor cores read binary32: the upper eleven bits of the significand, cut or rounded.
  Real tf32(const Real& x, bool nearest) const {
    constexpr emulation::BinaryFormat format{11, -149, 127};
    const auto way = nearest ? emulation::Direction::nearest : emulation::Direction::toward_zero;
    return real_.read(emulation::round_to(A::get(x), format, way));
  }
  Real two_products(const Real& a, const Real& b, const Real& c, const Real& d) {
    const int way = style_.product == 3 ? random_->between(0, 2) : style_.product;
    if (way == 1) return real_.fused() ? arithmetic_.fma(a, b, real_.mul(c, d)) : plain(a, b, c, d);
    if (way == 2) return real_.fused() ? arithmetic_.fma(c, d, real_.mul(a, b)) : plain(a, b, c, d);
    return plain(a, b, c, d);
  }
  Real plain(const Real& a, const Real& b, const Real& c, const Real& d) const {
    return real_.add(real_.mul(a, b), real_.mul(c, d));
  }
  Real nested(const Real& a, const Real& b, const Real& c, const Real& d, const Real& z) {
    return real_.multiply_add(c, d, real_.multiply_add(a, b, z));
  }
  Real in_order(const Real& a, const Real& b, const Real& c, const Real& d, const Real& z) {
    return real_.add(real_.add(z, real_.mul(a, b)), real_.mul(c, d));
  }
  Real quotient(const Real& x, const Real& y) const {
    if constexpr (std::is_same_v<Real, long double>) {
      return x / y;
    } else {
      return real_.read(A::get(x) / A::get(y));  // two roundings, of 53 and of at most 24 bits, are as one
    }
  }
  Value divide_by_norm(const Value& n, const Value& d) {
    const Real norm = two_products(d.re, d.re, d.im, d.im);
    const Value p = mul(n, conj(d));
    return {quotient(p.re, norm), quotient(p.im, norm)};
  }
  Value smith(const Value& n, const Value& d) {
    if (std::fabs(A::get(d.re)) >= std::fabs(A::get(d.im))) {
      const Real r = quotient(d.im, d.re), s = quotient(real_.read(1), real_.multiply_add(d.im, r, d.re));
      return {real_.mul(real_.multiply_add(n.im, r, n.re), s),
              real_.mul(real_.multiply_add(-n.re, r, n.im), s)};
    }
    const Real r = quotient(d.re, d.im), s = quotient(real_.read(1), real_.multiply_add(d.re, r, d.im));
    return {real_.mul(real_.multiply_add(n.re, r, n.im), s),
            real_.mul(real_.multiply_add(n.im, r, -n.re), s)};
  }
  Value scaled_quotient(const Value& n, const Value& d) {
    const Real size = real_.add(A::get(d.re) < 0 ? -d.re : d.re, A::get(d.im) < 0 ? -d.im : d.im);
    const Real inverse = quotient(real_.read(1), size);
    const Value m = scale(inverse, n), e = scale(inverse, d);
    const Real norm = quotient(real_.read(1), two_products(e.re, e.re, e.im, e.im));
    return {real_.mul(two_products(m.re, e.re, m.im, e.im), norm),
            real_.mul(two_products(m.im, e.re, -m.re, e.im), norm)};
  }

  Real exp_of(const Real& x) {
    if (!style_.prescale) return library(x, [](auto v) { return std::exp(v); });
    return library(real_.mul(x, real_.read(1.4426950408889634)), [](auto v) { return std::exp2(v); });
  }
  // f(x) with an error of 1.4 ulps, before it is rounded. The reference and binary64 take the machine's own.
  template <class F>
  Real library(const Real& x, F f) {
    if constexpr (std::is_same_v<Real, long double>) {
      return f(x);
    } else {
      const double value = f(A::get(x));
      if (unit_ < 0x1p-30) return real_.read(value);
      const double direction = style_.bias != 0 ? style_.bias : random_->uniform(-1, 1);
      return real_.read(value * (1 + 2.8 * unit_ * direction * (value < 0 ? -1 : 1)));
    }
  }

  A arithmetic_;
  emulation::Kernel<A> real_;
  Style style_;
  double unit_;
  Random* random_;
};

}  // namespace exactscan::soundness
