// The allowance of a complex scan h_t = a_t h_{t-1} + b_t, in modulus: the largest |computed - exact| over
// all bracketings.
//
// Theorem ("Complex scans" of proofs-notes/rounding-bounds.md) [proof: complex_scan_bound]: a node a b + c,
// formed in any way, errs by at most mu u |ab| + 2 min(u(|ab| + |c|), |ab|, |c|). So the real theory
// (scan_allowance.hpp) holds for moduli with multiplications that cost mu u and additions that cost twice as
// much. With q = 1 + mu u, s = 1 + 2u, Gamma = (q s)^t, N the non-zero leaves but one:
//   Theorem 1: s^N Em + (s^N - 1) M
//   Theorem 2: Em + 2 Gamma min{ N u M', over the windows: (1 + N u)((c-1) u M' + tail + U~) + N u u M' }
// plus Gamma U~. With rounding=any s = 1 + 2u(1 + u): the second rounding acts on what the first made. The
// real cap under flush to zero does not hold in modulus: a part x + y with y flushed can
// grow.
#pragma once

#include <algorithm>

#include "oracle/bounds/complex_calculus.hpp"

namespace exactscan {

class ComplexScanAllowance {
 public:
  // Leaf 0: the state before the first step, or the first summand of a scan that starts with one.
  ComplexScanAllowance(const ComplexCalculus& calculus, const Inexact& first)
      : calculus_(calculus),
        u_(calculus.unit()),
        sums_(2 * u_ * (calculus.arithmetic().nearest ? 1 : 1 + u_)),
        m_(first.size),
        mh_(first.bound()),
        em_(first.error),
        n_(mh_ > 0 ? 1 : 0),
        g_(mh_),
        mp_(mh_),
        peak_(mh_),
        old_{0, n_},
        new_{mh_, 0},
        over_(first.over) {}

  void step(const Inexact& a, const Inexact& b) {
    const long double q = calculus_.product_units(), ah = a.bound(), bh = b.bound();
    steps_ += 1;
    gamma_ = up(gamma_ * (1 + q) * (1 + sums_));
    em_ = up((1 + q) * ah * em_ + (q * ah + a.error) * m_ + b.error);
    m_ = up(a.size * m_ + b.size);
    underflow_sums(ah);
    mh_ = up(ah * mh_ + bh);
    count(bh > 0);
    mp_ = up(mh_ + lost_);
    g_ = std::max(mp_, g_);
    peak_ = std::max({mp_, peak_, s_});
    slide(ah);
    over_ = over_ || a.over || b.over || overflow_possible_here();
  }

  // The allowance at the current step; `size` bounds |h_t|.
  Inexact state(long double size) const {
    const long double growth = growth_of_sums();
    long double e = up((1 + growth) * em_ + growth * m_);
    if (calculus_.arithmetic().nearest) {
      const long double nv = excess(n_) * u_, vm = u_ * mp_;
      const long double window = std::min(windowed(old_, vm), windowed(new_, vm)) + lost_;
      e = std::min(e, up(em_ + 2 * gamma_ * std::min(nv * mp_, window * (1 + nv) + nv * vm)));
    }
    e = up(e + gamma_ * lost_);
    return {std::min(size, m_), e, over_};
  }

 private:
  struct Cell {
    long double tail, count;
  };
  static long double excess(long double count) { return count > 1 ? count - 1 : 0; }
  static long double windowed(const Cell& cell, long double vm) {
    return excess(cell.count) * vm + cell.tail;
  }
  long double growth_of_sums() const { return std::expm1(excess(n_) * std::log1p(sums_)) * (1 + 0x1p-42L); }
  // [proof: complex_no_overflow], with a factor 16 to spare.
  bool overflow_possible_here() const {
    const long double top = calculus_.arithmetic().largest;
    const long double k = (calculus_.product_loss() + calculus_.sum_loss()) * 4 * steps_;
    return !(16 * up(gamma_ * peak_ + peak_ * k * top) <= top);
  }
  void count(bool leaf) {
    if (!leaf) return;
    n_ += 1, old_.count += 1, new_.count += 1;
  }
  void underflow_sums(long double ah) {
    const long double product = calculus_.product_loss(), sum = calculus_.sum_loss(), t = steps_;
    s_ = std::max(1.0L, up(ah * s_));
    x_ = std::max(up(ah * x_), g_);
    lost_ = up((product + sum) * t * s_ + product * (t - 1) * x_);
  }
  void slide(long double ah) {
    old_.tail = up(old_.tail * ah);
    new_.tail = up(new_.tail * ah);
    if (!(new_.tail <= u_ * mp_)) return;
    old_ = new_;
    new_ = {mh_, 0};
  }

  const ComplexCalculus& calculus_;
  long double u_, sums_, gamma_ = 1;  // sums_: the two roundings that a node's sums may cost a part
  long double m_, mh_, em_, n_;
  long double s_ = 1, x_ = 0, g_, lost_ = 0, mp_, peak_;
  Cell old_, new_;
  long double steps_ = 0;
  bool over_;
};

}  // namespace exactscan
