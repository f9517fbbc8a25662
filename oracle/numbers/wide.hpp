// Wide: a non-negative real rounded upward, with MPFR's exponent range (about 2^±2^30), for allowances that
// leave the range of doubles. Slow, and needed for few channels.
#pragma once

#include <mpfr.h>

#include "oracle/numbers/lanes.hpp"

namespace exactscan {

class Wide {
 public:
  Wide() { mpfr_init2(x_, precision), mpfr_set_zero(x_, 1); }
  explicit Wide(double x) { mpfr_init2(x_, precision), mpfr_set_d(x_, x, MPFR_RNDU); }
  Wide(const Wide& other) { mpfr_init2(x_, precision), mpfr_set(x_, other.x_, MPFR_RNDU); }
  Wide& operator=(const Wide& other) {
    if (this != &other) mpfr_set(x_, other.x_, MPFR_RNDU);
    return *this;
  }
  ~Wide() { mpfr_clear(x_); }

  friend Wide operator+(const Wide& a, const Wide& b) {
    Wide r;
    mpfr_add(r.x_, a.x_, b.x_, MPFR_RNDU);
    return r;
  }
  friend Wide operator*(const Wide& a, const Wide& b) {
    Wide r;
    mpfr_mul(r.x_, a.x_, b.x_, MPFR_RNDU);
    return r;
  }
  // Rounded upward too: exact, and used, for counts alone.
  friend Wide operator-(const Wide& a, const Wide& b) {
    Wide r;
    mpfr_sub(r.x_, a.x_, b.x_, MPFR_RNDU);
    return r;
  }
  friend bool operator<(const Wide& a, const Wide& b) { return mpfr_less_p(a.x_, b.x_) != 0; }
  friend bool operator>(const Wide& a, const Wide& b) { return mpfr_greater_p(a.x_, b.x_) != 0; }
  friend bool operator<=(const Wide& a, const Wide& b) { return mpfr_lessequal_p(a.x_, b.x_) != 0; }
  friend bool operator==(const Wide& a, const Wide& b) { return mpfr_equal_p(a.x_, b.x_) != 0; }

  mpfr_srcptr get() const { return x_; }

 private:
  static constexpr mpfr_prec_t precision = 64;
  mpfr_t x_;
};

// For values that are float32 numbers.
inline float as_float(const Wide& x) { return mpfr_get_flt(x.get(), MPFR_RNDN); }

// Every operation of Wide already rounds up.
template <>
inline Wide up<Wide>(const Wide& x) {
  return x;
}

}  // namespace exactscan
