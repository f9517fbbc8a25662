// SlideClock: when an allowance moves its cuts ("windows" of Theorem 2), where all leaves are float32
// numbers.
//
// A cut may be moved at any time; the bound is best if that happens when what lies before the newer cut
// weighs less than one rounding of the whole. The clock finds that out in plain float32, operation by
// operation, so that whoever evaluates the channel (AffineScreen, the lanes, the careful judgement in wider
// numbers) moves its cuts at the same steps and finds the same allowance.
#pragma once

#include <cstdint>

#include "oracle/numbers/lanes.hpp"

namespace exactscan {

typedef std::int32_t FourFloatMasks __attribute__((vector_size(16)));

inline float as_float(double x) { return static_cast<float>(x); }
inline float as_float(long double x) { return static_cast<float>(x); }

template <class V>
class SlideClock {
 public:
  // `start`: the magnitude of the initial state; `v`: one rounding.
  SlideClock(const V& start, double v)
      : inverse_(static_cast<float>(1 / v)), size_(as_float(start)), tail_(size_ * inverse_) {}

  // Takes the magnitudes of a leaf and says whether the cuts move; `otherwise` decides where float32 is too
  // narrow. Requires: the magnitudes are float32 numbers.
  bool tick(const V& a, const V& b, bool otherwise) {
    const float multiplier = as_float(a), before = multiplier * size_;
    size_ = before + as_float(b);
    tail_ = tail_ * multiplier;
    const bool known = size_ >= least && size_ <= most && tail_ <= most_tail;
    const bool move = known ? tail_ <= size_ : otherwise;
    if (move) tail_ = size_ * inverse_;
    return move;
  }

  // Where float32 is wide enough for both numbers, with room for 1/v <= 2^24.
  static constexpr float least = 0x1p-100F, most = 0x1p100F, most_tail = 0x1p125F;

 private:
  float inverse_, size_, tail_;  // size: M; tail: what lies before the newer cut, in roundings
};

template <>
class SlideClock<Lanes> {
 public:
  SlideClock(const Lanes& start, double v) : inverse_(static_cast<float>(1 / v)) {
    low_.size = __builtin_convertvector(start.low, FourFloats);
    high_.size = __builtin_convertvector(start.high, FourFloats);
    low_.tail = low_.size * inverse_;
    high_.tail = high_.size * inverse_;
  }

  LaneMask tick(const Lanes& a, const Lanes& b, LaneMask otherwise) {
    tick(low_, a.low, b.low, otherwise.low);
    tick(high_, a.high, b.high, otherwise.high);
    return otherwise;
  }

 private:
  using Range = SlideClock<double>;
  struct Four {
    FourFloats size, tail;
  };

  void tick(Four& four, const FourDoubles& a, const FourDoubles& b, FourMasks& move) const {
    const FourFloats multiplier = __builtin_convertvector(a, FourFloats);
    four.size = multiplier * four.size + __builtin_convertvector(b, FourFloats);
    four.tail = four.tail * multiplier;
    const FourFloatMasks known =
        (four.size >= Range::least) & (four.size <= Range::most) & (four.tail <= Range::most_tail);
    const FourFloatMasks moves =
        (known & (four.tail <= four.size)) | (~known & __builtin_convertvector(move, FourFloatMasks));
    four.tail = moves ? four.size * inverse_ : four.tail;
    move = __builtin_convertvector(moves, FourMasks);
  }

  float inverse_;
  Four low_, high_;
};

}  // namespace exactscan
