// The allowance of h_t = a_t h_{t-1} + b_t: the largest |computed - exact| over all schedules under a contract.
//
// Theorems (proofs-notes/rounding-bounds.md, same names): E = min(Theorem 1, Theorem 2, Theorem 3 if a depth is
// declared) + Underflow; "Flush to zero" caps it; "Exact leaves" gives the counts that skip exact operations;
// "Overflow" gives overflow_possible(). Every recurrence is O(1) a step, holds non-negative numbers alone and is
// rounded upward, so the result bounds the theorem's value from above.
//
// Notation: v one rounding; M_t = |a_t| M_{t-1} + |b_t| on exact magnitudes; hats add the leaves' own errors alpha,
// beta; U~ the underflow sum; M' = M^ + U~; Gamma = (1+v)^{2t}.
//
// Underflow of the evaluation itself in V = double: each operation loses at most 2^-1074, amplified like an
// underflow of the kernel; U~ exceeds the sum of all that by 2^100 for every format narrower than double, so the
// upward margin of U~ covers it. binary64 contracts use V = long double or Wide. A value outside V's range shows
// as an allowance that is not finite: the caller then takes a wider V.
#pragma once

#include "oracle/bounds/approximate.hpp"
#include "oracle/bounds/arithmetic.hpp"
#include "oracle/numbers/lanes.hpp"

namespace exactscan {

// One step's leaf: magnitudes, error bounds, and where the multiplier is exactly zero or a power of two.
template <class V>
struct LeafMagnitudes {
  V a, alpha, b, beta;
  Mask<V> exact_multiplier;
};

// The leaf (a, b) where a kernel reads the multiplier as `ax` says and the summand as `bx` says. A multiplier read
// inexactly is not known to be a power of two.
template <class V, class B>
LeafMagnitudes<V> make_leaf(const B& a, const Approximate<V>& ax, const Approximate<V>& bx) {
  const Mask<V> power = zero_or_power_of_two(a), as_it_is = ax.error == broadcast<V>(0);
  return {ax.magnitude, ax.error, bx.magnitude, bx.error, both(power, as_it_is)};
}

template <class V>
class ScanAllowance {
 public:
  // Leaf 0 is the initial state, of magnitude |h0| with |computed - h0| <= error.
  ScanAllowance(const Arithmetic& arithmetic, const V& h0, const V& error)
      : arithmetic_(arithmetic),
        v_(broadcast<V>(arithmetic.v)),
        m_(h0),
        mh_(up(V(h0 + error))),
        e1_(error),
        em_(error),
        n_(select(mh_ > zero_, one_, zero_)),
        pm1_(select(mh_ > zero_, v_, zero_)),
        g_(mh_),
        peak_(larger(mh_, one_)),
        old_{zero_, n_},
        new_{mh_, zero_} {}

  // Appends leaf t = 1, 2, … With exact leaves (alpha = beta = 0) the hats are the magnitudes themselves.
  template <bool ExactLeaves>
  void step(const LeafMagnitudes<V>& leaf) {
    advance_time();
    const V ah = ExactLeaves ? leaf.a : up(V(leaf.a + leaf.alpha)), bh = ExactLeaves ? leaf.b : up(V(leaf.b + leaf.beta));
    const Mask<V> reset = ah == zero_, counts = bh > zero_;
    forget(reset);
    const V va = select(leaf.exact_multiplier, zero_, v_);
    const V vs = select(counts, v_, zero_);
    const V w = va + vs + va * vs;
    if constexpr (ExactLeaves) {
      const V am = ah * m_;
      e1_ = up(V(ah * e1_ * (one_ + w) + w * am + pm1_ * bh));
      em_ = up(V(ah * em_ * (one_ + va) + va * am));
      m_ = up(V(am + bh));
      underflow_sums(ah);
      mh_ = m_;
    } else {
      e1_ = up(V((one_ + w) * ah * e1_ + (w * ah + leaf.alpha) * m_ + pm1_ * bh + leaf.beta));
      em_ = up(V((one_ + va) * ah * em_ + (va * ah + leaf.alpha) * m_ + leaf.beta));
      m_ = up(V(leaf.a * m_ + leaf.b));
      underflow_sums(ah);
      mh_ = up(V(ah * mh_ + bh));
    }
    pm1_ = select(counts, up(V(pm1_ * (one_ + v_) + v_)), pm1_);
    const V one_if = select(counts, one_, zero_);
    n_ = n_ + one_if;
    mp_ = up(V(mh_ + u_));
    g_ = larger(mp_, g_);
    peak_ = larger(larger(s_, mp_), peak_);  // in this order an infinite peak outlives a later NaN
    slide(ah, one_if);
  }

  // The allowance at the current step.
  V allowance() const {
    const V gu = up(V(gamma_ * u_));
    V e = e1_;
    if (arithmetic_.nearest) {
      const V y = smaller(windowed(old_), windowed(new_)) + u_;
      const V added = smaller(V(excess(n_) * v_ * mp_), V(y * (one_ + tv_) + tv_ * v_ * mp_));
      e = smaller(e, up(V(em_ + gamma_ * added)));
      if (arithmetic_.depth < steps_) e = smaller(e, up(V(depth_factor_ * m_ + (one_ + depth_factor_) * em_)));
    }
    e = up(V(e + gu));
    if (arithmetic_.flush) e = smaller(e, up(V(gamma_ * mp_ + m_)));  // |h| <= M
    return e;
  }

  // Where some schedule may overflow, here or at an earlier step (sticky: infinity does not go away).
  Mask<V> overflow_possible() const { return negation(up(V(gamma_ * peak_)) <= broadcast<V>(arithmetic_.largest)); }

  // M_t, which bounds |h_t|.
  const V& majorant() const { return m_; }

 private:
  // A cut r0: the weight of all that lies before it, and how many non-zero leaves follow it.
  struct Cell {
    V tail, count;
  };

  static V excess(const V& count) { return select(count > broadcast<V>(1), V(count - broadcast<V>(1)), broadcast<V>(0)); }
  V windowed(const Cell& cell) const { return excess(cell.count) * v_ * mp_ + cell.tail; }

  void advance_time() {
    steps_ += 1;
    const V grow = one_ + v_;
    gamma_ = up(V(gamma_ * grow * grow));
    tv_ = up(V(broadcast<V>(steps_) * v_));
    if (arithmetic_.depth >= steps_) depth_factor_ = up(V(depth_factor_ * grow + v_));
  }

  // A multiplier that is exactly zero makes every earlier leaf exactly zero in every schedule.
  void forget(const Mask<V>& reset) {
    if (!any(reset)) return;
    n_ = select(reset, zero_, n_);
    pm1_ = select(reset, zero_, pm1_);
    old_.count = select(reset, zero_, old_.count);
    new_.count = select(reset, zero_, new_.count);
  }

  void underflow_sums(const V& ah) {
    s_ = larger(one_, up(V(ah * s_)));
    x_ = larger(up(V(ah * x_)), g_);
    const V t = broadcast<V>(steps_), before = broadcast<V>(steps_ - 1);
    const V loss = broadcast<V>(arithmetic_.underflow_loss());
    u_ = arithmetic_.flush ? up(V(loss * ((t + t + t + one_) * s_ + (t + t) * x_))) : up(V(loss * (t * s_ + before * x_)));
  }

  // Moves the two cuts: once all that lies before the newer one weighs less than one rounding, it takes the older
  // one's place. Each cell bounds on its own, so when to move is free.
  void slide(const V& ah, const V& one_if) {
    old_.tail = up(V(old_.tail * ah));
    new_.tail = up(V(new_.tail * ah));
    old_.count = old_.count + one_if;
    new_.count = new_.count + one_if;
    const Mask<V> move = new_.tail <= v_ * mp_;
    old_.tail = select(move, new_.tail, old_.tail);
    old_.count = select(move, new_.count, old_.count);
    new_.tail = select(move, mh_, new_.tail);
    new_.count = select(move, zero_, new_.count);
  }

  const Arithmetic arithmetic_;
  const V zero_ = broadcast<V>(0), one_ = broadcast<V>(1), v_;
  double steps_ = 0;
  V gamma_ = one_, tv_ = zero_, depth_factor_ = zero_;
  V m_, mh_, e1_, em_;
  V n_, pm1_;                              // non-zero leaves; (1+v)^n - 1
  V s_ = one_, x_ = zero_, g_, u_ = zero_; // underflow: S, X, G, U~
  V mp_ = mh_, peak_;
  Cell old_, new_;
};

}  // namespace exactscan
