#include "oracle/check/s5/coefficients.hpp"

namespace exactscan::s5 {
namespace {

const Inexact one{1, 0, false};

Value product_disc(std::complex<double> s, std::complex<double> a) { return lift<Value>(s) * lift<Value>(a); }

long double part_size(double mid, double rad) { return up(std::fabs(static_cast<long double>(mid)) + rad); }

Inexact halved(Inexact x, long double loss) {
  x.size /= 2;
  x.error = up(x.error / 2 + (x.size > 0 ? loss : 0));
  return x;
}

}  // namespace

CoefficientBounds::Reciprocal CoefficientBounds::reciprocal(std::complex<double> s, const Inexact& sx,
                                                            std::complex<double> a, const Inexact& ax) const {
  const Value twice = Value(2) - product_disc(s, a);
  Reciprocal r;
  r.half = halved(calculus_.scaled(sx, ax), calculus_.product_loss());
  r.denominator = calculus_.sum(one, r.half, static_cast<long double>(twice.size()) / 2);
  r.least = std::max(0.0L, static_cast<long double>(twice.least_modulus()) / 2);
  const long double size = r.least > 0 ? up(1 / r.least) : std::numeric_limits<long double>::infinity();
  r.value = calculus_.quotient(one, r.denominator, r.least, size);
  return r;
}

Inexact CoefficientBounds::exponential(std::complex<double> s, const Inexact& sx, std::complex<double> a,
                                       const Inexact& ax) const {
  const Value z = product_disc(s, a);
  const Inexact zx = calculus_.scaled(sx, ax);
  return calculus_.exponential(exp(z).size(), part_size(z.re, z.rad), zx.error);
}

StepBounds CoefficientBounds::step(const Inputs& in, const spec::DiscreteStep<Value>& exact) const {
  if (method_ == spec::Discretization::bilinear) {
    const Reciprocal ra = reciprocal(in.e, in.ex, in.a, in.ax), rb = reciprocal(in.d, in.dx, in.a, in.ax);
    const Value twice = Value(2) + product_disc(in.e, in.a);
    const Inexact numerator = calculus_.sum(one, ra.half, static_cast<long double>(twice.size()) / 2);
    const Inexact multiplier =
        calculus_.quotient(numerator, ra.denominator, ra.least, exact.multiplier.size());
    Inexact gain = calculus_.scaled(in.dx, rb.value, 2);
    gain.size = exact.gain.size();
    return {multiplier, gain};
  }
  const Inexact multiplier = exponential(in.e, in.ex, in.a, in.ax);
  return {multiplier, method_ == spec::Discretization::dirac ? one : zoh_gain(in, exact.gain)};
}

Inexact CoefficientBounds::zoh_gain(const Inputs& in, const Value& exact) const {
  const bool naive = contract_.zoh == Zoh::naive;
  if (in.a == 0.0) {
    // A kernel may take the limit; one that divides has 0/0.
    if (naive) return calculus_.infinite(exact.size());
    Inexact limit = calculus_.rounded(in.dx, 4);
    limit.over = true;
    return limit;
  }
  const Value z = product_disc(in.d, in.a), difference = expm1(z);
  Inexact numerator;
  if (naive) {
    numerator = calculus_.sum(exponential(in.d, in.dx, in.a, in.ax), one, difference.size());
  } else {
    const Ball<double> x(z.re, z.rad), angle(z.im, z.rad), half(z.im * 0.5, z.rad);
    const auto size = [](const Ball<double>& b) { return static_cast<long double>(elementary::size(b)); };
    const long double s = size(sin(half));
    const long double real_part = up(size(expm1(x)) * size(cos(angle)) + 2 * s * s);
    const long double imaginary = up(size(exp(x)) * size(sin(angle)));
    numerator = calculus_.expm1(difference.size(), exp(z).size(), part_size(z.re, z.rad),
                                calculus_.scaled(in.dx, in.ax).error,
                                up(std::hypot(real_part, imaginary) * (1 + 0x1p-50L)));
  }
  return calculus_.quotient(numerator, in.ax, lift<Value>(in.a).least_modulus(), exact.size());
}

PartialBounds CoefficientBounds::partials(const Inputs& in, const spec::DiscreteStep<Value>& exact,
                                          const spec::DiscreteStepPartials<Value>& by) const {
  return method_ == spec::Discretization::bilinear ? bilinear_partials(in, by)
                                                   : exponential_partials(in, exact, by);
}

// e ra^2, a ra^2, (d^2/2) rb^2, and rb + (d a/2) rb^2, as kernels and automatic differentiation form rb^2.
PartialBounds CoefficientBounds::bilinear_partials(const Inputs& in,
                                                   const spec::DiscreteStepPartials<Value>& by) const {
  const Reciprocal ra = reciprocal(in.e, in.ex, in.a, in.ax), rb = reciprocal(in.d, in.dx, in.a, in.ax);
  const Inexact ra2 = calculus_.times(ra.value, ra.value), rb2 = calculus_.times(rb.value, rb.value);
  PartialBounds r;
  r.multiplier_by_a = calculus_.scaled(in.ex, ra2);
  r.multiplier_by_a.size = by.multiplier_by_a.size();
  r.multiplier_by_step = calculus_.times(in.ax, ra2);
  r.multiplier_by_step.size = by.multiplier_by_step.size();
  const Inexact half_square = halved(calculus_.scaled(in.dx, in.dx), calculus_.product_loss());
  r.gain_by_a = calculus_.scaled(half_square, rb2, 2);
  r.gain_by_a.size = by.gain_by_a.size();
  r.parts_by_a = r.gain_by_a.size;
  const Inexact second = calculus_.times(rb.half, rb2, 1);
  r.gain_by_step = calculus_.rounded(
      {up(rb.value.size + second.size), up(rb.value.error + second.error), rb.value.over || second.over}, 3);
  r.parts_by_step = r.gain_by_step.size;
  r.gain_by_step.size = by.gain_by_step.size();
  return r;
}

// e Abar, a Abar, (d e^{da} - Bbar)/a, e^{da}; dirac's Bbar is constant.
PartialBounds CoefficientBounds::exponential_partials(const Inputs& in,
                                                      const spec::DiscreteStep<Value>& exact,
                                                      const spec::DiscreteStepPartials<Value>& by) const {
  const Inexact multiplier = exponential(in.e, in.ex, in.a, in.ax);
  PartialBounds r;
  r.multiplier_by_a = calculus_.scaled(in.ex, multiplier);
  r.multiplier_by_a.size = by.multiplier_by_a.size();
  r.multiplier_by_step = calculus_.times(in.ax, multiplier);
  r.multiplier_by_step.size = by.multiplier_by_step.size();
  if (method_ == spec::Discretization::dirac) return r;
  const Inexact e = exponential(in.d, in.dx, in.a, in.ax);
  r.gain_by_step = e;
  r.parts_by_step = e.size;
  if (in.a == 0.0) {
    r.gain_by_a = calculus_.infinite(by.gain_by_a.size());
    r.parts_by_a = r.gain_by_a.size;
    return r;
  }
  const Inexact first = calculus_.scaled(in.dx, e), gain = zoh_gain(in, exact.gain);
  const Inexact difference{up(first.size + gain.size), up(first.error + gain.error), first.over || gain.over};
  const long double least = lift<Value>(in.a).least_modulus(), size = up(difference.size / least);
  r.gain_by_a =
      calculus_.rounded(calculus_.quotient(calculus_.rounded(difference, 1), in.ax, least, size), 5);
  r.parts_by_a = r.gain_by_a.size;
  r.gain_by_a.size = by.gain_by_a.size();
  return r;
}

}  // namespace exactscan::s5
