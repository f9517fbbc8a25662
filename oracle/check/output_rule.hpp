// OutputRule: what a stored candidate says of the value that was stored.
//
// A candidate c of a type at least as wide as the arithmetic was stored as it was: its cell is the point c. A
// narrower one was rounded once: its cell is the set of all numbers that round to c. The element is explained
// if and only if [h - E, h + E] meets the cell ("Decision": [proof: refuted_low], [proof: refuted_high]).
#pragma once

#include <optional>

#include "oracle/bounds/arithmetic.hpp"
#include "spec/dyadic.hpp"

namespace exactscan {

struct OutputRule {
  spec::FloatFormat format = spec::binary32;  // of the candidate
  bool direct = true;                         // stored without rounding
  bool any_store = false;                     // store=any: rounded to either neighbour
  bool flush = false;                         // a result below the smallest normal may be stored as zero
  bool saturates = false;  // rounding=any: an overflow may give the largest finite number, from which
                           // anything may follow

  OutputRule() = default;
  OutputRule(ElementType type, const Contract& contract)
      : format(format_of(type)),
        direct(contains(format, format_of(contract.accumulate))),
        any_store(contract.store == Rounding::any),
        flush(contract.underflow == Underflow::ftz),
        saturates(contract.rounding == Rounding::any) {}
};

// The numbers that are stored as a candidate: from `low` to `high`, a missing end being infinite; the ends
// themselves belong to it if `closed`.
struct Cell {
  std::optional<spec::Dyadic> low, high;
  bool closed = true;
};

// Requires: c is not NaN. For an infinite c: the numbers that overflow when rounded.
Cell cell_of(double c, const OutputRule& rule);

enum class Decision : std::uint8_t { explained, refuted, open };

// Decides for an exact value known to lie in [low, high]: explained if every such value is within `allowance`
// of the cell of c, refuted if none is, else open. Exact arithmetic.
Decision decide(const spec::Dyadic& low, const spec::Dyadic& high, const spec::Dyadic& allowance,
                const Cell& cell);

// The distance of x to the cell, and to the candidate itself.
spec::Dyadic distance(const spec::Dyadic& x, const Cell& cell);

}  // namespace exactscan
