// Verifies a case's claim that every schedule is exact on its inputs ("Exact leaves: lattices",
// proofs-notes/rounding-bounds.md): then the allowance is zero.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "spec/format.hpp"

namespace exactscan {

// Whether x is zero or a normal number of `format`.
bool zero_or_normal(double x, const spec::FloatFormat& format);

struct AffineLeaf {
  double a, b;
};

// Whether every partial product and sum of every bracketing of one channel's leaves is a normal number of
// `format`, so that no operation rounds, flushes or overflows. Between two multipliers that are zero the
// leaves must form a
//   gauge segment:    a_t = ±2^k; with c_t the running exponent, all b_t 2^-c_t multiples of one 2^g, and the
//   sum of
//                     their magnitudes at most 2^(g + precision); or a
//   mantissa segment: one b_t = ±2^k, all others zero; all multipliers but one ±2^k.
// Returns "" or what is wrong, with the step: "step 3: …".
std::string lattice_fault(double h0, std::int64_t steps, const std::function<AffineLeaf(std::int64_t)>& leaf,
                          const spec::FloatFormat& format);

}  // namespace exactscan
