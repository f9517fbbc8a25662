// The calculus of inexact values for complex arithmetic: an exact modulus |x|, an error e >= |computed - x|
// in modulus for every value that a kernel under the contract can hold, and whether an overflow is possible
// on the way.
//
// Theorems: "Complex scans" and "Calculus" of proofs-notes/rounding-bounds.md [proof: complex_product_rule],
// [proof: complex_quotient_rule], [proof: conjugate_quotient], [proof: smith_quotient], [proof:
// scaled_quotient], [proof: cexp_rule], [proof: sum_rule]; how they are chained, and what they say of formats
// below 12 bits and of rounding=any, is on paper (proofs-notes/complex-bounds.md) and tested
// (tests/soundness/s5_test.cpp). Sizes and errors are upper bounds, computed in long double and rounded up;
// an infinite error says that nothing is known, and then NaN and infinities are possible as well.
#pragma once

#include <cmath>
#include <complex>

#include "oracle/bounds/arithmetic.hpp"
#include "oracle/numbers/disc.hpp"

namespace exactscan {

// A complex product's error in unit roundoffs of its modulus, however it is formed from four real products
// (not three): each part with a fused multiply-add or without [proof: complex_product_error]. 4/sqrt 3 is the
// first-order maximum.
inline constexpr long double complex_product_units = 2.31L;

struct Inexact {
  long double size = 0, error = 0;
  bool over = false;
  long double bound() const { return up(size + error); }
};

// The same with its parts' sizes, for sums of products.
struct InexactParts {
  long double re = 0, im = 0, error = 0;
  bool over = false;
  Inexact whole() const { return {up(std::hypot(re, im) * (1 + 0x1p-50L)), error, over}; }
};

// An upper bound of what a disc encloses, with an error.
inline Inexact inexact(const Disc<double>& x, long double error = 0, bool over = false) {
  return {x.size(), error, over};
}
inline InexactParts parts(const Disc<double>& x, const Inexact& of) {
  const auto part = [&](double m) { return up(std::fabs(static_cast<long double>(m)) + x.rad); };
  return {part(x.re), part(x.im), of.error, of.over};
}

class ComplexCalculus {
 public:
  explicit ComplexCalculus(const Contract& contract);

  const Arithmetic& arithmetic() const { return arithmetic_; }
  long double unit() const { return u_; }
  long double product_units() const { return product_; }
  // What underflow can take from a complex product, and from a complex sum.
  long double product_loss() const { return product_loss_; }
  long double sum_loss() const { return sum_loss_; }
  // (1+u)^k - 1.
  long double growth(long double k) const;

  // A stored input; `representable`: its type's values are numbers of the working format.
  Inexact input(std::complex<double> x, bool representable) const;
  // A value made known by a disc and an error; flags what may overflow.
  Inexact checked(Inexact x) const;
  // k more roundings of a computed value.
  Inexact rounded(const Inexact& x, int k) const;
  // x y, complex (and k more roundings: other orders of a longer product), or of a real and a complex number.
  Inexact times(const Inexact& x, const Inexact& y, int k = 0) const;
  Inexact scaled(const Inexact& real_factor, const Inexact& y, int k = 1) const;
  // A sum whose exact modulus is at most `size`.
  Inexact sum(const Inexact& x, const Inexact& y, long double size) const;
  // x / y where |y| >= least and |x/y| <= size: any of the usual formulas.
  Inexact quotient(const Inexact& x, const Inexact& y, long double least, long double size) const;
  // e^z, for z = (real)(complex) known within ez; size bounds |e^z|, x bounds |Re z|.
  Inexact exponential(long double size, long double x, long double ez) const;
  // e^z - 1 of the quality of expm1: `spread` bounds its two terms' moduli together.
  Inexact expm1(long double size, long double exp_size, long double x, long double ez,
                long double spread) const;

  static Inexact exact_product(const Inexact& x, const Inexact& y) {
    return {up(x.size * y.size), up(x.size * y.error + x.error * (y.size + y.error)), x.over || y.over};
  }
  Inexact infinite(long double size) const {
    return {size, std::numeric_limits<long double>::infinity(), true};
  }

  // A sum of products in any order, fused or not, of complex numbers or of real ones: as a matrix product
  // computes it.
  class Dot {
   public:
    Dot(const ComplexCalculus& calculus, bool is_real) : calculus_(&calculus), real_(is_real) {}
    void add(const InexactParts& x, const InexactParts& y);
    // The result's exact modulus is at most `size`.
    Inexact result(long double size) const;
    // The largest that all terms can be together.
    long double majorant() const { return up(std::hypot(re_, im_) * (1 + 0x1p-50L)); }

   private:
    const ComplexCalculus* calculus_;
    bool real_;
    long double re_ = 0, im_ = 0, error_ = 0;
    double terms_ = 0;
    bool over_ = false;
  };

 private:
  long double function_loss() const;  // what an exponential loses where it underflows

  Arithmetic arithmetic_;
  long double u_, product_, quotient_, exp_error_, trig_error_;
  long double product_loss_, sum_loss_, overflow_limit_;
  long double operand_error_, gemm_unit_;
};

}  // namespace exactscan
