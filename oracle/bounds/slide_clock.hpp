// SlideClock: when the allowance of float32 channels moves its cuts ("windows" of Theorem 2).
//
// A cut may be moved at any time; the bound is best if that happens when what lies before the newer cut
// weighs less than one rounding of the whole. The clock finds that out in plain float32, operation by
// operation, so that every evaluation of the same channel moves its cuts at the same steps: AffineScreen
// relies on it.
#pragma once

#include "oracle/numbers/lanes.hpp"

namespace exactscan {

typedef std::int32_t FloatMask __attribute__((vector_size(4 * lane_count)));

class SlideClock {
 public:
  // `start`: the magnitude of the initial state; `v`: one rounding.
  SlideClock(const Lanes& start, double v)
      : inverse_(static_cast<float>(1 / v)), size_(floats(start)), tail_(size_ * inverse_) {}

  // Takes the magnitudes of a leaf and says in which lanes the cuts move. Requires: each is a float32.
  LaneMask tick(const Lanes& a, const Lanes& b) {
    const Floats multiplier = floats(a);
    size_ = multiplier * size_ + floats(b);
    tail_ = tail_ * multiplier;
    const FloatMask move = tail_ <= size_;
    tail_ = (Floats)((move & (FloatMask)(size_ * inverse_)) | (~move & (FloatMask)tail_));
    return __builtin_convertvector(move, LaneMask);
  }

 private:
  static Floats floats(const Lanes& x) { return __builtin_convertvector(x, Floats); }

  float inverse_;
  alignas(sizeof(Floats)) Floats size_, tail_;  // M, and what lies before the newer cut, in roundings
};

// Other number types have none: their cuts move by the bounds themselves.
struct NoClock {
  template <class V>
  NoClock(const V& /*start*/, double /*v*/) {}
};

}  // namespace exactscan
