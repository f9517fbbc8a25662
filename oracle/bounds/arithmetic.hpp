// The constants of a contract's arithmetic, as the bounds use them, each rounded upward where it is not
// exact.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracle/casefile/element_type.hpp"
#include "oracle/contract/contract.hpp"
#include "spec/format.hpp"

namespace exactscan {

// The format that an accumulation type rounds to.
inline const spec::FloatFormat& format_of(Accumulate type) {
  switch (type) {
    case Accumulate::fp64:
      return spec::binary64;
    case Accumulate::fp32:
      return spec::binary32;
    case Accumulate::bf16:
      return spec::bfloat16;
    case Accumulate::fp16:
      return spec::binary16;
  }
  return spec::binary32;
}

// The format of a tensor's elements, or of their parts. Requires is_real(type) or is_complex(type).
inline const spec::FloatFormat& format_of(ElementType type) {
  switch (part_type(type)) {
    case ElementType::f64:
      return spec::binary64;
    case ElementType::f16:
      return spec::binary16;
    case ElementType::bf16:
      return spec::bfloat16;
    default:
      return spec::binary32;
  }
}

// Whether every finite value of `inner` is one of `outer`.
inline bool contains(const spec::FloatFormat& outer, const spec::FloatFormat& inner) {
  return inner.precision <= outer.precision && inner.min_exponent >= outer.min_exponent &&
         inner.max_exponent <= outer.max_exponent;
}

struct Arithmetic {
  double v;              // |relative error| of one rounding: u/(1+u) to nearest, 2u otherwise
  double half_smallest;  // half the smallest subnormal (the whole of it unless rounding to nearest); 0 if it
                         // underflows
  double smallest_normal;
  double largest;       // largest finite number
  bool flush;           // underflow=ftz
  bool nearest;         // rounding=nearest: Theorem 2 and 3 apply
  double depth;         // declared additive depth, or infinity
  double depth_growth;  // (1+v)^depth - 1
  spec::FloatFormat format;

  explicit Arithmetic(const Contract& contract)
      : flush(contract.underflow == Underflow::ftz),
        nearest(contract.rounding == Rounding::nearest),
        depth(contract.depth ? static_cast<double>(*contract.depth)
                             : std::numeric_limits<double>::infinity()),
        format(format_of(contract.accumulate)) {
    const double u = std::ldexp(1.0, -format.precision);
    v = nearest ? std::nextafter(u / (1 + u), 1.0) : 2 * u;
    const double smallest = std::ldexp(1.0, format.min_exponent);
    // log1p, expm1 and the product are within a few ulps of binary64; the factor covers 2^10 of them.
    depth_growth = std::expm1(depth * std::log1p(v)) * (1 + 0x1p-42);
    // For binary64 half of the smallest subnormal is no double: the whole is the bound.
    half_smallest = nearest && smallest / 2 > 0 ? smallest / 2 : smallest;
    smallest_normal = std::ldexp(1.0, format.min_normal_exponent());
    largest = std::ldexp(2 - 2 * u, format.max_exponent);
  }

  // What one rounding can lose by underflow alone.
  double underflow_loss() const { return flush ? smallest_normal : half_smallest; }
};

}  // namespace exactscan
