// SpellOut: elements in words and digits, for a report.
#pragma once

#include <cmath>
#include <string>
#include <utility>
#include <vector>

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

// The elements of one output, evaluated together: operations share what the elements have in common.
template <class Op>
class SpellOut {
 public:
  SpellOut(const Op& op, const Output& output, std::vector<Remarkable> elements)
      : op_(op), output_(output), elements_(std::move(elements)) {
    for (std::size_t i = 0; i < elements_.size(); ++i) {
      witnesses_.push_back(describe_element(output_, elements_[i]));
      open_.push_back(i);
    }
  }

  std::vector<Witness> run() {
    special();
    const bool exact = is_algebraic<Op> && op_.exact_affordable();
    rung<spec::Interval<256>>(false);
    rung<spec::Interval<1024>>(!exact);
    if constexpr (is_algebraic<Op>) {
      if (exact) rung<spec::Dyadic>(true);
    }
    return std::move(witnesses_);
  }

 private:
  std::vector<Request> requests(const std::vector<std::size_t>& which) const {
    std::vector<Request> list;
    for (const std::size_t i : which) list.push_back(elements_[i].at);
    return list;
  }

  // Those that depend on a NaN or an infinity leave `open_`.
  void special() {
    std::vector<std::size_t> finite, not_finite;
    op_.template evaluate<ValueClass>(requests(open_), [&](std::size_t i, const ValueClass& c) {
      (c.finite() ? finite : not_finite).push_back(open_[i]);
    });
    for (const std::size_t i : not_finite) describe_special(elements_[i], witnesses_[i]);
    if (!not_finite.empty()) {
      op_.template evaluate<double>(requests(not_finite), [&](std::size_t i, double x) {
        witnesses_[not_finite[i]].exact = std::isnan(x) ? "nan" : x > 0 ? "inf" : "-inf";
      });
    }
    open_ = std::move(finite);
  }

  template <class T>
  void rung(bool last) {
    if (open_.empty()) return;
    std::vector<std::size_t> left;
    op_.template evaluate<T>(requests(open_), [&](std::size_t i, const T& x) {
      const std::size_t at = open_[i];
      if (!describe_exact(output_, elements_[at], enclosure(x), last, witnesses_[at])) left.push_back(at);
    });
    open_ = std::move(left);
  }

  const Op& op_;
  const Output& output_;
  std::vector<Remarkable> elements_;
  std::vector<Witness> witnesses_;
  std::vector<std::size_t> open_;
};

}  // namespace exactscan
