// The upper rungs of the ladder: elements that binary64 could not decide are evaluated again in
// double-double, in intervals of 256 and 1024 bits, and exactly, each rung taking what the one below left
// open.
//
// An operation whose definition is not algebraic (it needs exp) says `static constexpr bool algebraic =
// false`: its ladder ends at the intervals, and what they leave open is undecided.
//
// An operation takes part by a member `evaluate<T>(requests, emit)`: it evaluates its definition of spec/
// over the number T and calls emit(i, value) for each request i.
#pragma once

#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "oracle/check/careful_sink.hpp"
#include "oracle/numbers/double_double.hpp"
#include "spec/interval.hpp"

namespace exactscan {

// An input as a number of type T, exactly. NaN and infinity become 0 where T has none: an element is
// evaluated over such a T only if its class is finite, and then it does not depend on that input (0 times NaN
// is NaN).
template <class T>
struct FromDouble {
  static T make(double x) { return T(std::isfinite(x) ? x : 0.0); }
};
template <>
struct FromDouble<double> {
  static double make(double x) { return x; }
};
template <>
struct FromDouble<ValueClass> {
  static ValueClass make(double x) { return ValueClass(x); }
};
template <class M>
struct FromDouble<Ball<M>> {
  static Ball<M> make(double x) { return Ball<M>::exactly(broadcast<M>(x)); }
};

// Two exact numbers around the value; nothing where the enclosure is not bounded.
using Enclosure = std::optional<std::pair<spec::Dyadic, spec::Dyadic>>;
inline Enclosure enclosure(const spec::Dyadic& x) { return std::pair(x, x); }
inline Enclosure enclosure(const Ball<DoubleDouble>& x) {
  if (!std::isfinite(x.mid.hi) || !std::isfinite(x.mid.lo) || !std::isfinite(x.rad)) return std::nullopt;
  const spec::Dyadic mid = spec::Dyadic(x.mid.hi) + spec::Dyadic(x.mid.lo), rad(x.rad);
  return std::pair(mid - rad, mid + rad);
}
template <unsigned Bits>
Enclosure enclosure(const spec::Interval<Bits>& x) {
  if (!x.is_bounded()) return std::nullopt;
  return std::pair(x.lower(), x.upper());
}

// The type of a definition's numbers on each rung, as a value.
template <class T>
struct Rung {
  using Number = T;
  std::int64_t Ladder::*counter;
};
using DoubleDoubleRung = Rung<Ball<DoubleDouble>>;
using Interval256Rung = Rung<spec::Interval<256>>;
using Interval1024Rung = Rung<spec::Interval<1024>>;
using ExactRung = Rung<spec::Dyadic>;

// Writes what the ladder found out of an element into `findings`.
void settle(const Pending& element, const OutputRule& rule, Decision decision, const spec::Dyadic& low,
            const spec::Dyadic& high, std::int64_t Ladder::*counter, Findings& findings, std::size_t keep);
// The ladder's end: neither rung could decide.
void give_up(const Pending& element, Findings& findings, std::size_t keep);

template <class R, class Op>
std::vector<Pending> climb(const Op& op, const R& rung, std::vector<Pending> pending,
                           std::vector<Findings>& findings, std::size_t keep) {
  if (pending.empty()) return pending;
  std::vector<Request> requests;
  for (const Pending& p : pending) requests.push_back(p.at);
  std::vector<bool> open(pending.size(), true);
  op.template evaluate<typename R::Number>(requests, [&](std::size_t i, const typename R::Number& value) {
    const Enclosure around = enclosure(value);
    if (!around) return;
    const auto output = static_cast<std::size_t>(pending[i].at.output);
    const OutputRule& rule = op.outputs()[output].rule;
    const Decision decision = decide(around->first, around->second, pending[i].exact_allowance(),
                                     cell_of(pending[i].candidate, rule));
    if (decision == Decision::open) return;
    open[i] = false;
    settle(pending[i], rule, decision, around->first, around->second, rung.counter, findings[output], keep);
  });
  std::vector<Pending> left;
  for (std::size_t i = 0; i < pending.size(); ++i) {
    if (open[i]) left.push_back(std::move(pending[i]));
  }
  return left;
}

// Whether an operation's definition can be evaluated over exact numbers: so unless it says otherwise.
template <class Op>
inline constexpr bool is_algebraic = [] {
  if constexpr (requires { Op::algebraic; }) {
    return Op::algebraic;
  } else {
    return true;
  }
}();

// All rungs above binary64. `exact_affordable`: whether the exact rung may be tried.
template <class Op>
void climb_all(const Op& op, std::vector<Pending> pending, std::vector<Findings>& findings,
               std::size_t keep) {
  pending = climb(op, DoubleDoubleRung{&Ladder::double_double}, std::move(pending), findings, keep);
  pending = climb(op, Interval256Rung{&Ladder::interval}, std::move(pending), findings, keep);
  pending = climb(op, Interval1024Rung{&Ladder::interval}, std::move(pending), findings, keep);
  if constexpr (is_algebraic<Op>) {
    if (!pending.empty() && op.exact_affordable()) {
      pending = climb(op, ExactRung{&Ladder::exact}, std::move(pending), findings, keep);
    }
  }
  for (const Pending& p : pending) give_up(p, findings[static_cast<std::size_t>(p.at.output)], keep);
}

}  // namespace exactscan
