// The allowance of h_t = a_t h_{t-1} + b_t: the largest |computed - exact| over all schedules under a
// contract. [proof: scan_bound], [proof: allowance_sound], [proof: upper_step]; rounding=any: [proof:
// directed_bound].
//
// Theorems (proofs-notes/rounding-bounds.md, same names): E = min(Theorem 1, Theorem 2, Theorem 3 if a depth
// is declared) + Underflow; "Flush to zero" caps it; "Exact leaves" gives the counts that skip exact
// operations; "Overflow" gives overflow_possible(). Every recurrence is O(1) a step, holds non-negative
// numbers alone and is rounded upward, so the result bounds the theorem's value from above.
//
// Notation: v one rounding, q = 1+v; M_t = |a_t| M_{t-1} + |b_t| on exact magnitudes; hats add the leaves'
// own errors alpha, beta; Em the part of the error that multiplications cause; N non-zero leaves but one,
// counted since the last multiplier that is exactly zero; U~ the underflow sum; M' = M^ + U~; Gamma = q^{2t}.
//   Theorem 1 [proof: theorem1]: q^N Em + (q^N - 1) M; Theorem 3 [proof: theorem3]: with min(D, N) for N
//   Theorem 2 [proof: theorem2_count], [proof: theorem2_window]: Em + Gamma min{ N v M', over the windows
//   (c, tail): (1 + N v)((c-1) v M' + tail + U~) + N v v M' }
//
// Underflow of the evaluation itself in V = double: each operation loses at most 2^-1074, amplified like an
// underflow of the kernel; U~ exceeds the sum of all that by 2^100 for every format narrower than double, so
// the upward margin of U~ covers it. binary64 contracts use V = long double or Wide. A value outside V's
// range shows as an allowance that is not finite: the caller then takes a wider V.
#pragma once

#include "oracle/bounds/approximate.hpp"
#include "oracle/bounds/arithmetic.hpp"
#include "oracle/bounds/slide_clock.hpp"
#include "oracle/numbers/lanes.hpp"

namespace exactscan {

// One step's leaf: magnitudes, error bounds, and where the multiplier is exactly zero or a power of two.
template <class V>
struct alignas(alignment_for<V>) LeafMagnitudes {
  V a, alpha, b, beta;
  Mask<V> exact_multiplier;
};

// The leaf (a, b) where a kernel reads the multiplier as `ax` says and the summand as `bx` says. A multiplier
// read inexactly is not known to be a power of two; and a power of two costs nothing only where all other
// multipliers are numbers of the working format (`all_fit`): its product with a wider one rounds.
template <class V, class B>
LeafMagnitudes<V> make_leaf(const B& a, const Approximate<V>& ax, const Approximate<V>& bx, bool all_fit) {
  const Mask<V> as_it_is = ax.error == broadcast<V>(0);
  const Mask<V> power = all_fit ? both(zero_or_power_of_two(a), as_it_is) : Mask<V>{};
  return {ax.magnitude, ax.error, bx.magnitude, bx.error, power};
}

template <class V>
class alignas(alignment_for<V>) ScanAllowance {
 public:
  // Leaf 0 is the initial state, of magnitude |h0| with |computed - h0| <= error.
  ScanAllowance(const Arithmetic& arithmetic, const V& h0, const V& error)
      : v_(broadcast<V>(arithmetic.v)),
        m_(h0),
        mh_(up(V(h0 + error))),
        em_(error),
        n_(select(mh_ > zero_, one_, zero_)),
        g_(mh_),
        peak_(mh_),
        old_{zero_, n_},
        new_{mh_, zero_},
        clock_(h0, arithmetic.v),
        arithmetic_(arithmetic) {}

  // Appends leaf t = 1, 2, … With exact leaves (alpha = beta = 0) the hats are the magnitudes themselves.
  template <bool ExactLeaves>
  void step(const LeafMagnitudes<V>& leaf) {
    steps_ += 1;
    const V q = one_ + v_;
    gamma_ = up(V(gamma_ * q * q));
    const V ah = ExactLeaves ? leaf.a : up(V(leaf.a + leaf.alpha));
    const V bh = ExactLeaves ? leaf.b : up(V(leaf.b + leaf.beta));
    forget(ah == zero_);
    const V va = select(leaf.exact_multiplier, zero_, v_);
    const V am = leaf.a * m_;
    if constexpr (ExactLeaves) {
      em_ = up(V((one_ + va) * ah * em_ + va * am));
    } else {
      em_ = up(V((one_ + va) * ah * em_ + (va * ah + leaf.alpha) * m_ + leaf.beta));
    }
    m_ = up(V(am + leaf.b));
    underflow_sums(ah);
    mh_ = ExactLeaves ? m_ : up(V(ah * mh_ + bh));
    count(bh > zero_);
    mp_ = up(V(mh_ + u_));
    g_ = larger(mp_, g_);
    peak_ = larger(mp_, peak_);  // in this order an infinite peak outlives a later NaN
    s_peak_ = larger(s_, s_peak_);
    old_.tail = up(V(old_.tail * ah));
    new_.tail = up(V(new_.tail * ah));
    const Mask<V> light = new_.tail <= v_ * mp_;
    const bool clocked = ExactLeaves && arithmetic_.format.precision <= spec::binary32.precision;
    slide(clocked ? clock_.tick(leaf.a, leaf.b, light) : light);
  }

  // The allowance at the current step.
  V allowance() const {
    const V qn = arithmetic_.nearest ? smaller(qn_, broadcast<V>(arithmetic_.depth_growth)) : qn_;
    V e = up(V((one_ + qn) * em_ + qn * m_));
    if (arithmetic_.nearest) {
      const V nv = excess(n_) * v_, vm = v_ * mp_;
      const V window = smaller(windowed(old_, vm), windowed(new_, vm)) + u_;
      const V added = smaller(V(nv * mp_), V(window * (one_ + nv) + nv * vm));
      e = smaller(e, up(V(em_ + gamma_ * added)));
    }
    e = up(V(e + gamma_ * u_));
    if (arithmetic_.flush) e = smaller(e, cap());
    return e;
  }

  // [proof: no_overflow] Where some schedule may overflow, here or earlier (sticky: infinity does not go
  // away). No schedule can if Gamma max(M', S) <= Omega (1 - K S), K the sum of all that underflow may add.
  Mask<V> overflow_possible() const {
    const double t = steps_, k = arithmetic_.flush ? arithmetic_.smallest_normal * (7 * t + 1)
                                                   : arithmetic_.half_smallest * 2 * t;
    const V top = broadcast<V>(arithmetic_.largest);
    return negation(up(V(gamma_ * larger(s_peak_, peak_) + s_peak_ * broadcast<V>(k) * top)) <= top);
  }

  // M_t, which bounds |h_t|.
  const V& majorant() const { return m_; }

 private:
  // A cut r0: the weight of all that lies before it, and how many non-zero leaves follow it.
  struct alignas(alignment_for<V>) Cell {
    V tail, count;
  };

  static V excess(const V& count) {
    return select(count > broadcast<V>(1), V(count - broadcast<V>(1)), broadcast<V>(0));
  }
  static V windowed(const Cell& cell, const V& vm) { return excess(cell.count) * vm + cell.tail; }

  // [proof: flush_cap], [proof: directed_cap]: however a kernel flushes, it only shrinks what the bounds of
  // gradual underflow allow: |computed| is at most that.
  V cap() const {
    const V gradual = broadcast<V>(arithmetic_.half_smallest) * broadcast<V>(steps_) * (s_ + x_);
    return up(V(gamma_ * (mh_ + gradual) + m_));
  }

  // A multiplier that is exactly zero makes every earlier leaf exactly zero [proof: restart].
  void forget(const Mask<V>& reset) {
    n_ = select(reset, zero_, n_);
    qn_ = select(reset, zero_, qn_);
    old_.count = select(reset, zero_, old_.count);
    new_.count = select(reset, zero_, new_.count);
  }

  // A non-zero leaf costs one addition, unless it is the first.
  void count(const Mask<V>& leaf) {
    qn_ = select(both(leaf, n_ > zero_), up(V(qn_ * (one_ + v_) + v_)), qn_);
    const V one_if = select(leaf, one_, zero_);
    n_ = n_ + one_if;
    old_.count = old_.count + one_if;
    new_.count = new_.count + one_if;
  }

  void underflow_sums(const V& ah) {
    s_ = larger(one_, up(V(ah * s_)));
    x_ = larger(up(V(ah * x_)), g_);
    const V t = broadcast<V>(steps_), before = broadcast<V>(steps_ - 1);
    const V loss = broadcast<V>(arithmetic_.underflow_loss());
    u_ = arithmetic_.flush ? up(V(loss * ((t + t + t + one_) * s_ + (t + t) * x_)))
                           : up(V(loss * (t * s_ + before * x_)));
  }

  // Where `move` says so, the newer cut takes the older one's place: best once all that lies before it weighs
  // less than one rounding. Each cell bounds on its own, so when to move is free.
  void slide(const Mask<V>& move) {
    old_.tail = select(move, new_.tail, old_.tail);
    old_.count = select(move, new_.count, old_.count);
    new_.tail = select(move, mh_, new_.tail);
    new_.count = select(move, zero_, new_.count);
  }

  const V zero_ = broadcast<V>(0), one_ = broadcast<V>(1), v_;
  V gamma_ = one_;
  V m_, mh_, em_;
  V n_, qn_ = zero_;                        // non-zero leaves; q^N - 1
  V s_ = one_, x_ = zero_, g_, u_ = zero_;  // underflow: S, X, G, U~
  V mp_ = mh_, peak_, s_peak_ = one_;       // M'; largest M' and S so far
  Cell old_, new_;
  SlideClock<V> clock_;
  double steps_ = 0;
  const Arithmetic arithmetic_;
};

}  // namespace exactscan
