// Arithmetics that kernels are emulated in. Each has a Value type and
//   read(double) → Value   an input as the kernel sees it (rounded to the format, perhaps flushed)
//   get(Value) → double    exactly
//   add, mul, fma          rounded once
//
// Float32 and Binary64 are the machine's own (compiled without contraction); Emulated computes exactly in
// binary64, rounding to odd where that is inexact, and rounds to a format of at most 24 bits.
#pragma once

#include <cmath>

#include "tests/emulation/random.hpp"
#include "tests/emulation/rounding.hpp"

namespace exactscan::emulation {

struct Float32 {
  using Value = float;
  static Value read(double x) { return static_cast<float>(x); }
  static double get(Value x) { return static_cast<double>(x); }
  static Value add(Value x, Value y) { return x + y; }
  static Value mul(Value x, Value y) { return x * y; }
  static Value fma(Value x, Value y, Value z) { return std::fma(x, y, z); }
};

struct Binary64 {
  using Value = double;
  static Value read(double x) { return x; }
  static double get(Value x) { return x; }
  static Value add(Value x, Value y) { return x + y; }
  static Value mul(Value x, Value y) { return x * y; }
  static Value fma(Value x, Value y, Value z) { return std::fma(x, y, z); }
};

// Which results become zero: none; those below the smallest normal number λ before rounding (Arm's FPCR.FZ);
// those below it after rounding with unlimited exponent (x86's MXCSR.FTZ); those whose gradual result is
// subnormal; each of the latter by the toss of a coin (a kernel of several instruction kinds).
enum class Flush : std::uint8_t { never, before_rounding, after_rounding, subnormal_result, sometimes };

class Emulated {
 public:
  using Value = double;

  Emulated(const BinaryFormat& format, Flush flush, Direction direction, Random& random)
      : format_(format),
        flush_(flush),
        direction_(direction),
        normal_(format.smallest_normal()),
        random_(&random) {}

  Value read(double x) const { return flush_input(rounded(x, Flush::never)); }
  static double get(Value x) { return x; }
  Value add(Value x, Value y) const { return rounded(add_to_odd(flush_input(x), flush_input(y)), flush_); }
  // A product of two numbers of at most 24 bits is exact in binary64.
  Value mul(Value x, Value y) const { return rounded(flush_input(x) * flush_input(y), flush_); }
  Value fma(Value x, Value y, Value z) const {
    return rounded(add_to_odd(flush_input(x) * flush_input(y), flush_input(z)), flush_);
  }

 private:
  Value flush_input(Value x) const {
    if (flush_ == Flush::never || !(std::fabs(x) < normal_)) return x;  // a NaN stays
    return flush_ == Flush::sometimes && random_->coin() ? x : std::copysign(0.0, x);
  }

  Value rounded(double x, Flush flush) const {
    if (flush == Flush::before_rounding && std::fabs(x) < normal_) return std::copysign(0.0, x);
    if (flush == Flush::after_rounding && std::fabs(x) < normal_ * (1 - std::ldexp(0.5, -format_.precision)))
      return std::copysign(0.0, x);
    const double r = round_to(x, format_, direction());
    if ((flush == Flush::subnormal_result || (flush == Flush::sometimes && random_->coin())) &&
        std::fabs(r) < normal_)
      return std::copysign(0.0, x);
    return r;
  }

  Direction direction() const {
    if (direction_ != Direction::random) return direction_;
    return random_->coin() ? Direction::up : Direction::down;
  }

  BinaryFormat format_;
  Flush flush_;
  Direction direction_;
  double normal_;
  Random* random_;
};

// A number together with the greatest number of additions on the way of any term to it.
template <class A>
class CountingDepth {
 public:
  struct Value {
    typename A::Value x;
    int depth = 0;
  };

  explicit CountingDepth(const A& arithmetic) : arithmetic_(arithmetic) {}
  Value read(double x) const { return {arithmetic_.read(x), 0}; }
  static double get(const Value& x) { return A::get(x.x); }
  Value add(const Value& x, const Value& y) const {
    return {arithmetic_.add(x.x, y.x), std::max(x.depth, y.depth) + 1};
  }
  Value mul(const Value& x, const Value& y) const {
    return {arithmetic_.mul(x.x, y.x), std::max(x.depth, y.depth)};
  }
  Value fma(const Value& x, const Value& y, const Value& z) const {
    return {arithmetic_.fma(x.x, y.x, z.x), std::max({x.depth, y.depth, z.depth}) + 1};
  }

 private:
  A arithmetic_;
};

}  // namespace exactscan::emulation
