// 2x2 matrices over a ring: the smallest ring in which products do not commute. A test scalar: a definition
// or a schedule that swaps two factors gives another value here.
#pragma once

#include <concepts>
#include <cstdint>
#include <ostream>

#include "spec/concepts.hpp"
#include "spec/limbs.hpp"

namespace exactscan::spec {

// ((p, q), (r, s)). Error: that of Entry's operations.
template <Ring Entry>
struct Matrix2 {
  static constexpr bool commutative = false;

  Entry p{}, q{}, r{}, s{};

  constexpr Matrix2() = default;
  constexpr Matrix2(Entry p_, Entry q_, Entry r_, Entry s_) : p(p_), q(q_), r(r_), s(s_) {}
  // value times the identity matrix.
  template <std::integral I>
  constexpr explicit Matrix2(I value) : p(value), s(value) {}

  friend constexpr Matrix2 operator+(const Matrix2& x, const Matrix2& y) {
    return {Entry(x.p + y.p), Entry(x.q + y.q), Entry(x.r + y.r), Entry(x.s + y.s)};
  }
  friend constexpr Matrix2 operator-(const Matrix2& x, const Matrix2& y) {
    return {Entry(x.p - y.p), Entry(x.q - y.q), Entry(x.r - y.r), Entry(x.s - y.s)};
  }
  friend constexpr Matrix2 operator-(const Matrix2& x) { return Matrix2() - x; }
  friend constexpr Matrix2 operator*(const Matrix2& x, const Matrix2& y) {
    return {Entry(x.p * y.p + x.q * y.r), Entry(x.p * y.q + x.q * y.s), Entry(x.r * y.p + x.s * y.r),
            Entry(x.r * y.q + x.s * y.s)};
  }
  bool operator==(const Matrix2&) const = default;
  friend std::ostream& operator<<(std::ostream& out, const Matrix2& x) {
    return out << "((" << x.p << ", " << x.q << "), (" << x.r << ", " << x.s << "))";
  }
};

// Over the integers, of any size.
using IntegerMatrix2 = Matrix2<Integer>;

}  // namespace exactscan::spec
