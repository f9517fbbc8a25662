// Approximate: an inexact value (|x|, e), e >= |computed - x| for every value that a kernel under the
// contract can hold; and the rules by which errors pass through an operation. Magnitudes and errors are upper
// bounds.
//
// Theorem: "Calculus" of proofs-notes/rounding-bounds.md: stored inputs, one rounding, product, sum of n
// terms in any order with or without fused multiply-add [proof: sum_rule].
#pragma once

#include "oracle/bounds/arithmetic.hpp"
#include "oracle/numbers/lanes.hpp"

namespace exactscan {

template <class V>
struct alignas(alignment_for<V>) Approximate {
  V magnitude, error;
  V bound() const { return up(V(magnitude + error)); }
};

template <class V>
class alignas(alignment_for<V>) Calculus {
 public:
  explicit Calculus(const Arithmetic& arithmetic) : v_(broadcast<V>(arithmetic.v)), arithmetic_(arithmetic) {}

  // A stored input of magnitude |x|, of a type whose values are, or are not, all numbers of the working
  // format: reading it may round once, and a flushing kernel may read a subnormal number as zero.
  Approximate<V> input(const V& magnitude, bool representable) const {
    V e = zero_;
    if (!representable) e = up(V(v_ * magnitude + lost(broadcast<V>(arithmetic_.half_smallest), magnitude)));
    if (arithmetic_.flush) {
      e = select(magnitude < broadcast<V>(arithmetic_.smallest_normal), larger(magnitude, e), e);
    }
    return {magnitude, e};
  }

  // One rounding [proof: rounded_rule] of an inexact value: e + v X + min(underflow loss, X), X = |x| + e.
  Approximate<V> rounded(const Approximate<V>& x) const {
    const V bound = x.bound(), loss = broadcast<V>(arithmetic_.underflow_loss());
    return {x.magnitude, up(V(x.error + v_ * bound + lost(loss, bound)))};
  }

  // What an exact product of magnitude x can lose: nothing but an underflow.
  V underflow_of(const V& x) const { return lost(broadcast<V>(arithmetic_.underflow_loss()), x); }

  // Where even the largest possible value of x, rounded once more, may exceed the largest finite number.
  Mask<V> may_overflow(const Approximate<V>& x) const {
    return negation(up(V(x.bound() * (broadcast<V>(1) + v_))) <= broadcast<V>(arithmetic_.largest));
  }

  // Where reading a stored input may overflow: its type may hold larger numbers than the working format.
  Mask<V> reading_may_overflow(const V& magnitude, bool representable) const {
    return representable ? Mask<V>{} : may_overflow({magnitude, zero_});
  }

  // The exact product of two inexact values [proof: product_rule].
  static Approximate<V> product(const Approximate<V>& x, const Approximate<V>& y) {
    return {up(V(x.magnitude * y.magnitude)),
            up(V(x.magnitude * y.error + x.error * (y.magnitude + y.error)))};
  }
  Approximate<V> rounded_product(const Approximate<V>& x, const Approximate<V>& y) const {
    return rounded(product(x, y));
  }

  // A sum of n terms in any order: sum of errors + ((1+v)^{n-1} - 1) W + flushes, W = sum of bounds.
  class alignas(alignment_for<V>) Sum {
   public:
    void add(const Approximate<V>& x) {
      magnitude_ = up(V(magnitude_ + x.magnitude));
      error_ = up(V(error_ + x.error));
      ++terms_;
    }
    Approximate<V> result(const Calculus& calculus) const {
      const V w = up(V(magnitude_ + error_));
      const double additions = terms_ > 1 ? terms_ - 1 : 0;
      const V growth = calculus.growth(additions);
      V e = up(V(error_ + growth * w));
      if (calculus.arithmetic_.flush) {
        const V loss = broadcast<V>(calculus.arithmetic_.smallest_normal);
        e = up(V(e + broadcast<V>(additions) * smaller(loss, up(V((one_ + growth) * w)))));
      }
      return {magnitude_, e};
    }

   private:
    V magnitude_{}, error_{};
    const V one_ = broadcast<V>(1);
    double terms_ = 0;
  };

 private:
  // What underflow can take from a value of at most `bound`: to nearest at most the value itself; rounding in
  // any direction moves a tiny value by up to one spacing, which may exceed it.
  V lost(const V& loss, const V& bound) const {
    return arithmetic_.nearest ? smaller(loss, bound) : select(bound > zero_, loss, zero_);
  }

  // (1+v)^n - 1 rounded upward, n at most the declared depth.
  V growth(double additions) const {
    const double n = additions < arithmetic_.depth ? additions : arithmetic_.depth;
    // log1p, expm1 and the product are within a few ulps of binary64; the factor covers 2^10 of them.
    const double g = std::expm1(n * std::log1p(arithmetic_.v)) * (1 + 0x1p-42);
    return broadcast<V>(g);
  }

  const V zero_ = broadcast<V>(0);
  const V v_;
  const Arithmetic arithmetic_;
};

}  // namespace exactscan
