// spell_out: an element in words and digits, for a report.
#pragma once

#include <string>

#include "oracle/check/findings.hpp"
#include "oracle/check/ladder.hpp"

namespace exactscan {

// The parts that need no operation: index, candidate, allowance.
Witness describe_element(const Output& output, const Remarkable& element);

// Fills `exact` and `deviation_ulp` from an enclosure; false if it is too wide for 20 digits.
bool describe_exact(const Output& output, const Remarkable& element, const Enclosure& around, bool last,
                    Witness& witness);

// Where the inputs decide: no allowance, and no deviation unless the candidate is wrong.
void describe_special(const Remarkable& element, Witness& witness);

template <class Op>
Witness spell_out(const Op& op, const Remarkable& element) {
  const Output& output = op.outputs()[static_cast<std::size_t>(element.at.output)];
  Witness witness = describe_element(output, element);
  const Request request[] = {element.at};
  ValueClass possible;
  op.template evaluate<ValueClass>(request, [&](std::size_t, const ValueClass& c) { possible = c; });
  if (!possible.finite()) {
    describe_special(element, witness);
    op.template evaluate<double>(request, [&](std::size_t, double x) {
      witness.exact = std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
    });
    return witness;
  }
  bool done = false;
  op.template evaluate<spec::Interval<256>>(request, [&](std::size_t, const auto& x) {
    done = describe_exact(output, element, enclosure(x), false, witness);
  });
  const bool exact = is_algebraic<Op> && op.exact_affordable();
  if (!done) {
    op.template evaluate<spec::Interval<1024>>(request, [&](std::size_t, const auto& x) {
      done = describe_exact(output, element, enclosure(x), !exact, witness);
    });
  }
  if constexpr (is_algebraic<Op>) {
    if (!done && exact) {
      op.template evaluate<spec::Dyadic>(request, [&](std::size_t, const auto& x) {
        describe_exact(output, element, enclosure(x), true, witness);
      });
    }
  }
  return witness;
}

}  // namespace exactscan
