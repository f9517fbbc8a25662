// In-place addition on GMP integers at a bit offset: the one operation that GMP's public interface lacks and
// that an exact scan spends its time in. z += y * 2^shift without forming y * 2^shift.
//
// A step h = a*h + b of a long scan adds a number of one or two limbs to the top of one of thousands: this
// touches the few limbs where they overlap, and the whole of z only if the sum changes sign.
#pragma once

#include <boost/multiprecision/gmp.hpp>
#include <cstdint>
#include <limits>
#include <stdexcept>

namespace exactscan::spec {

using Integer = boost::multiprecision::mpz_int;

namespace limbs {

// An exact result of more bits than this (512 MiB) is refused: it is a wrong input, not a number of use, and
// GMP would end the process when memory runs out.
inline constexpr std::int64_t max_bits = std::int64_t{1} << 32;

inline void require_bits(std::int64_t bits) {
  if (bits > max_bits) throw std::length_error("exact result of more than 2^32 bits");
}

// Bits of |z|; 0 for 0.
inline std::int64_t bit_length(mpz_srcptr z) {
  return mpz_sgn(z) == 0 ? 0 : static_cast<std::int64_t>(mpz_sizeinbase(z, 2));
}

// Room for `limbs` limbs, growing by half so that a scan does not move its state at every step.
inline mp_ptr reserve(mpz_ptr z, mp_size_t limbs) {
  if (z->_mp_alloc >= limbs) return z->_mp_d;
  const mp_size_t wanted = limbs + limbs / 2;
  if (wanted > std::numeric_limits<int>::max())
    throw std::length_error("exact result of more than 2^31 limbs");
  return static_cast<mp_ptr>(_mpz_realloc(z, wanted));
}

inline void set_size(mpz_ptr z, mp_size_t size, bool negative) {
  while (size > 0 && z->_mp_d[size - 1] == 0) --size;
  z->_mp_size = static_cast<int>(negative ? -size : size);
}

// z += y * 2^(64*offset), equal signs. `y` holds n > 0 limbs and shares no memory with z.
inline void add_magnitude(mpz_ptr z, mp_srcptr y, mp_size_t n, mp_size_t offset) {
  const bool negative = mpz_sgn(z) < 0;
  const auto size = static_cast<mp_size_t>(mpz_size(z));
  const mp_size_t top = std::max(size, offset + n);
  mp_ptr p = reserve(z, top + 1);
  if (top > size) mpn_zero(p + size, top - size);
  p[top] = mpn_add(p + offset, p + offset, top - offset, y, n);
  set_size(z, top + 1, negative);
}

// Is |z| < y * 2^(64*offset)? The limbs of z below `offset` cannot decide it unless all others agree, and
// then z is not smaller. `y` has a nonzero top limb.
inline bool magnitude_less(mpz_srcptr z, mp_srcptr y, mp_size_t n, mp_size_t offset) {
  const auto size = static_cast<mp_size_t>(mpz_size(z));
  if (size != offset + n) return size < offset + n;
  return mpn_cmp(z->_mp_d + offset, y, n) < 0;
}

// z += y * 2^(64*offset), opposite signs: the difference of the magnitudes, with the sign of the larger.
// `y` has a nonzero top limb and shares no memory with z.
inline void subtract_magnitude(mpz_ptr z, mp_srcptr y, mp_size_t n, mp_size_t offset) {
  const bool negative = mpz_sgn(z) < 0;
  const auto size = static_cast<mp_size_t>(mpz_size(z));
  if (!magnitude_less(z, y, n, offset)) {
    mpn_sub(z->_mp_d + offset, z->_mp_d + offset, size - offset, y, n);
    set_size(z, size, negative);
    return;
  }
  const mp_size_t top = offset + n;
  mp_ptr p = reserve(z, top);
  if (top > size) mpn_zero(p + size, top - size);
  // y * 2^(64*offset) - z: negate the limbs below the offset; they borrow one from the rest unless all are
  // zero.
  const mp_limb_t borrow = offset > 0 ? mpn_neg(p, p, offset) : 0;
  mpn_sub_n(p + offset, y, p + offset, n);
  if (borrow != 0) mpn_sub_1(p + offset, p + offset, n, 1);
  set_size(z, top, !negative);
}

// z += y * 2^shift. Requires: shift >= 0, z and y distinct objects. Error: exact.
inline void add_shifted(mpz_ptr z, mpz_srcptr y, std::int64_t shift) {
  static_assert(GMP_NUMB_BITS == 64 && sizeof(mp_limb_t) == 8);
  if (mpz_sgn(y) == 0) return;
  const auto n = static_cast<mp_size_t>(mpz_size(y));
  require_bits(shift + 64 * static_cast<std::int64_t>(n));
  const auto offset = static_cast<mp_size_t>(shift / 64);
  const auto bits = static_cast<unsigned>(shift % 64);
  const bool same_sign = mpz_sgn(z) == 0 || (mpz_sgn(z) < 0) == (mpz_sgn(y) < 0);
  if (mpz_sgn(z) == 0) {
    mpz_mul_2exp(z, y, static_cast<mp_bitcnt_t>(shift));
    return;
  }
  const auto combine = [&](mp_srcptr limb, mp_size_t count) {
    if (same_sign) {
      add_magnitude(z, limb, count, offset);
    } else {
      subtract_magnitude(z, limb, count, offset);
    }
  };
  if (bits == 0) {
    combine(y->_mp_d, n);
  } else if (n == 1) {
    const mp_limb_t low = y->_mp_d[0];
    const mp_limb_t shifted[2] = {low << bits, low >> (64 - bits)};
    combine(shifted, shifted[1] != 0 ? 2 : 1);
  } else {
    Integer shifted;
    mpz_mul_2exp(shifted.backend().data(), y, bits);
    combine(shifted.backend().data()->_mp_d, static_cast<mp_size_t>(mpz_size(shifted.backend().data())));
  }
}

// z *= y. One pass in place where y fits a limb. Error: exact.
inline void multiply(mpz_ptr z, mpz_srcptr y) {
  const std::size_t n = mpz_size(y);
  if (n != 1) {
    require_bits(64 * static_cast<std::int64_t>(mpz_size(z) + n));
    mpz_mul(z, z, y);
    return;
  }
  const mp_limb_t factor = y->_mp_d[0];
  const bool negative = mpz_sgn(y) < 0;
  reserve(z, static_cast<mp_size_t>(mpz_size(z)) + 1);
  mpz_mul_ui(z, z, factor);
  if (negative) mpz_neg(z, z);
}

}  // namespace limbs
}  // namespace exactscan::spec
