#include "oracle/bounds/complex_calculus.hpp"

#include <algorithm>

namespace exactscan {
namespace {

// expm1 and log1p of long double are within a few ulps; the factor covers 2^10 of binary64's.
constexpr long double careful = 1 + 0x1p-42L;

long double growth_of(long double unit, long double k) { return std::expm1(k * std::log1p(unit)) * careful; }

}  // namespace

ComplexCalculus::ComplexCalculus(const Contract& contract)
    : arithmetic_(contract),
      u_(arithmetic_.nearest ? std::ldexp(1.0L, -arithmetic_.format.precision)
                             : std::ldexp(1.0L, 1 - arithmetic_.format.precision)),
      product_(complex_product_units * u_ * (1 + 4 * u_)),
      quotient_(static_cast<long double>(contract.complex_div) * u_),
      exp_error_(2 * u_ * static_cast<long double>(contract.exp_ulp)),
      trig_error_(2 * u_ * static_cast<long double>(contract.trig_ulp)),
      // Gradual: four products, each component loses at most two halves. Flushing: three operations a
      // component.
      product_loss_(arithmetic_.flush ? 8 * static_cast<long double>(arithmetic_.smallest_normal)
                                      : 4 * static_cast<long double>(arithmetic_.half_smallest)),
      sum_loss_(arithmetic_.flush ? 2 * static_cast<long double>(arithmetic_.smallest_normal) : 0),
      overflow_limit_(static_cast<long double>(arithmetic_.largest) / 16),
      operand_error_(contract.gemm == Gemm::tf32 ? 0x1p-10L : 0),
      gemm_unit_(contract.gemm == Gemm::tf32 ? std::max(u_, 0x1p-22L) : u_) {}

long double ComplexCalculus::function_loss() const {
  return up((1 + exp_error_ / u_ + trig_error_ / u_) * product_loss_);
}

long double ComplexCalculus::growth(long double k) const { return growth_of(u_, k); }

Inexact ComplexCalculus::checked(Inexact x) const {
  x.over = x.over || !(x.bound() <= overflow_limit_);
  return x;
}

Inexact ComplexCalculus::input(std::complex<double> x, bool representable) const {
  const long double re = std::fabs(x.real()), im = std::fabs(x.imag());
  const long double size = up(std::hypot(re, im) * (1 + 0x1p-50L));
  long double e = representable ? 0 : up(u_ * size + (size > 0 ? product_loss_ : 0));
  if (arithmetic_.flush) {
    const auto lost = [&](long double part) { return part < arithmetic_.smallest_normal ? part : 0; };
    e = up(e + lost(re) + lost(im));
  }
  return checked({size, e, false});
}

Inexact ComplexCalculus::rounded(const Inexact& x, int k) const {
  const long double bound = x.bound(), loss = bound > 0 ? k * (product_loss_ + sum_loss_) : 0;
  return checked({x.size, up(x.error + growth(k) * bound + loss), x.over});
}

Inexact ComplexCalculus::times(const Inexact& x, const Inexact& y, int k) const {
  const Inexact p = exact_product(x, y);
  const long double bound = up(x.bound() * y.bound());
  const long double further = growth(k);
  // An inner underflow of a longer product meets the factors that follow.
  const long double reach = k == 0 ? 1 : up(std::max(1.0L, x.bound()) * std::max(1.0L, y.bound()));
  const long double loss = bound > 0 ? up((1 + k) * product_loss_ * reach) : 0;
  return checked(
      {p.size, up(p.error + up((product_ + further + product_ * further) * bound) + loss), p.over});
}

Inexact ComplexCalculus::scaled(const Inexact& real_factor, const Inexact& y, int k) const {
  const Inexact p = exact_product(real_factor, y);
  const long double bound = up(real_factor.bound() * y.bound());
  const long double reach = up(std::max(1.0L, real_factor.bound()) * std::max(1.0L, y.bound()));
  const long double loss = bound > 0 ? up(k * product_loss_ * (k == 1 ? 1 : reach)) : 0;
  return checked({p.size, up(p.error + growth(k) * bound + loss), p.over});
}

Inexact ComplexCalculus::sum(const Inexact& x, const Inexact& y, long double size) const {
  const long double e = up(x.error + y.error);
  return checked({size, up(e + u_ * (size + e) + sum_loss_), x.over || y.over});
}

Inexact ComplexCalculus::quotient(const Inexact& x, const Inexact& y, long double least,
                                  long double size) const {
  const long double d = (least - y.error) * (1 - 0x1p-50L), square = d * d;
  if (!(d > 0)) return infinite(size);
  // |y|^2 must be a normal number well inside the range, or the usual formulas lose it.
  const long double bound = y.bound();
  if (!(square * u_ > arithmetic_.smallest_normal) || !(bound * bound < overflow_limit_))
    return infinite(size);
  const long double e = up(up(x.error + size * y.error) / d);
  const long double loss = x.bound() > 0 ? up(product_loss_ * (1 + up(1 / square) + x.bound())) : 0;
  return checked({size, up(e + quotient_ * (size + e) + loss), x.over || y.over});
}

Inexact ComplexCalculus::exponential(long double size, long double x, long double ez) const {
  const long double relative =
      up(std::log1p(exp_error_) + std::log1p(trig_error_) + u_ + ez + 1.25L * u_ * x);
  const long double e = up(size * std::expm1(relative) * careful);
  // The library function may lose some ulps of a subnormal result, and both products underflow.
  return checked({size, up(e + function_loss()), false});
}

Inexact ComplexCalculus::expm1(long double size, long double exp_size, long double x, long double ez,
                               long double spread) const {
  const long double moved = up(exp_size * std::expm1(up(ez + 1.25L * u_ * x)) * careful);
  const long double own = up((1.5L * exp_error_ + 2 * trig_error_ + 2 * u_) * (1 + 16 * u_) * spread);
  return checked({size, up(moved + own + u_ * (size + moved + own) + function_loss()), false});
}

void ComplexCalculus::Dot::add(const InexactParts& x, const InexactParts& y) {
  const auto read = [&](const InexactParts& z) {
    const Inexact w = z.whole();
    return up(z.error + calculus_->operand_error_ * w.bound());
  };
  const long double ex = read(x), ey = read(y), sx = x.whole().size, sy = y.whole().size;
  const long double xr = up(x.re + ex), xi = up(x.im + ex), yr = up(y.re + ey), yi = up(y.im + ey);
  over_ = over_ || x.over || y.over;
  if (xr + xi > 0 && yr + yi > 0) terms_ += 1;
  if (real_) {
    re_ = up(re_ + xr * yr);
    error_ = up(error_ + x.re * ey + ex * (y.re + ey));
    return;
  }
  re_ = up(re_ + xr * yr + xi * yi);
  im_ = up(im_ + xr * yi + xi * yr);
  error_ = up(error_ + sx * ey + ex * (sy + ey));
}

Inexact ComplexCalculus::Dot::result(long double size) const {
  if (terms_ == 0) return {size, error_, over_};
  const long double g = growth_of(calculus_->gemm_unit_, (real_ ? 1 : 2) * static_cast<long double>(terms_));
  const long double loss =
      up(static_cast<long double>(terms_) * (calculus_->product_loss_ + 2 * calculus_->sum_loss_) * (1 + g));
  Inexact r{size, up(error_ + g * majorant() + loss), over_};
  r.over = r.over || !(up(majorant() + r.error) <= calculus_->overflow_limit_);
  return r;
}

}  // namespace exactscan
