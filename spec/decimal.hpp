// Printing an exact number in decimal.
#pragma once

#include <mpfr.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>

#include "spec/dyadic.hpp"

namespace exactscan::spec {

namespace decimal_detail {

// MPFR's exponent range, widened while this lives: every Dyadic fits. The range is a thread's own.
class WidestExponents {
 public:
  WidestExponents() {
    mpfr_set_emin(mpfr_get_emin_min());
    mpfr_set_emax(mpfr_get_emax_max());
  }
  ~WidestExponents() {
    mpfr_set_emin(emin_);
    mpfr_set_emax(emax_);
  }
  WidestExponents(const WidestExponents&) = delete;
  WidestExponents& operator=(const WidestExponents&) = delete;

 private:
  mpfr_exp_t emin_ = mpfr_get_emin();
  mpfr_exp_t emax_ = mpfr_get_emax();
};

// 0.DIGITS * 10^exponent, DIGITS without a sign.
struct Digits {
  std::string digits;
  std::int64_t exponent = 0;
};

inline Digits digits_of(mpfr_srcptr x, std::size_t count, mpfr_rnd_t direction) {
  mpfr_exp_t exponent = 0;
  const std::unique_ptr<char, void (*)(char*)> text(mpfr_get_str(nullptr, &exponent, 10, count, x, direction),
                                                    mpfr_free_str);
  if (!text) throw std::runtime_error("decimal conversion failed");
  const std::string all = text.get();
  return {all.substr(all.front() == '-' ? 1 : 0), exponent};
}

// As printf's %g writes it: positional for 1e-5 <= |x| < 10^count, else scientific.
inline std::string layout(const Digits& d, std::size_t count) {
  const std::int64_t power = d.exponent - 1;  // of the first digit
  const auto length = static_cast<std::int64_t>(d.digits.size());
  if (power < -5 || power >= static_cast<std::int64_t>(count)) {
    std::string text = d.digits.substr(0, 1);
    if (length > 1) text += "." + d.digits.substr(1);
    return text + "e" + (power < 0 ? "-" : "+") + std::to_string(power < 0 ? -power : power);
  }
  if (power < 0) return "0." + std::string(static_cast<std::size_t>(-power - 1), '0') + d.digits;
  const auto whole = static_cast<std::size_t>(power + 1);
  if (length <= power + 1) return d.digits + std::string(whole - d.digits.size(), '0');
  return d.digits.substr(0, whole) + "." + d.digits.substr(whole);
}

}  // namespace decimal_detail

// Computes x in decimal, rounded to nearest at `count` significant digits, for any exponent. Where fewer
// digits give x exactly, trailing zeros are left out: a text with `count` digits may be rounded, a shorter
// one is exact. Throws std::invalid_argument for count = 0.
inline std::string to_decimal(const Dyadic& x, std::size_t count) {
  using namespace decimal_detail;
  if (count == 0) throw std::invalid_argument("at least one significant digit");
  if (x.is_zero()) return "0";
  const Dyadic::Parts p = x.parts();
  const mpz_srcptr m = p.mantissa.backend().data();
  const WidestExponents widest;
  mpfr_t value;
  mpfr_init2(value, std::max<mpfr_prec_t>(MPFR_PREC_MIN, limbs::bit_length(m)));
  const std::unique_ptr<std::remove_pointer_t<mpfr_ptr>, void (*)(mpfr_ptr)> owner(value, mpfr_clear);
  mpfr_set_z_2exp(value, m, p.exponent, MPFR_RNDN);  // exact: the precision is the mantissa's
  Digits nearest = digits_of(value, count, MPFR_RNDN);
  const Digits inward = digits_of(value, count, MPFR_RNDZ);
  const Digits outward = digits_of(value, count, MPFR_RNDA);
  if (inward.digits == outward.digits && inward.exponent == outward.exponent) {
    nearest.digits.erase(nearest.digits.find_last_not_of('0') + 1);
  }
  return (x.sign() < 0 ? "-" : "") + layout(nearest, count);
}

}  // namespace exactscan::spec
