// The affine scan of one channel: transitions h -> a*h + b, their composition, and the recurrence they
// define. Source: TorchLean, NN.Spec.Layers.SelectiveScan. Every list is in time order, and so is every
// product.
#pragma once

#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "spec/concepts.hpp"

namespace exactscan::spec {

// The map h -> a*h + b.
template <class T>
struct ScalarAffineTransition {
  T a;
  T b;

  // The map that leaves every state as it is.
  static constexpr ScalarAffineTransition identity() requires Semiring<T> { return {one<T>(), zero<T>()}; }
  bool operator==(const ScalarAffineTransition&) const = default;
};

// a*h + b. An exact number passed as an rvalue is updated in place.
template <MultiplyAdd T>
constexpr T apply(const ScalarAffineTransition<T>& transition, T h) {
  return transition.a * std::move(h) + transition.b;
}

// First `t1`, then `t2`: apply(compose(t2, t1), h) = apply(t2, apply(t1, h)).
template <MultiplyAdd T>
constexpr ScalarAffineTransition<T> compose(const ScalarAffineTransition<T>& t2,
                                            const ScalarAffineTransition<T>& t1) {
  return {t2.a * t1.a, t2.a * t1.b + t2.b};
}

// A list of transitions as an argument: T is deduced from the others, so a std::vector converts.
template <class T>
using ScalarAffineList = std::span<const ScalarAffineTransition<std::type_identity_t<T>>>;

// The state after all transitions; h0 after none.
template <MultiplyAdd T>
constexpr T run_scalar_affine(T h0, ScalarAffineList<T> transitions) {
  for (const auto& transition : transitions) h0 = apply(transition, std::move(h0));
  return h0;
}

// The one transition that does what the list does, bracketed from the right, as TorchLean's recursion has it:
// summary of nothing is the identity, summary of (t, rest...) is compose(summary of rest, t).
template <Semiring T>
constexpr ScalarAffineTransition<T> summarize_scalar_affine(ScalarAffineList<T> transitions) {
  auto summary = ScalarAffineTransition<T>::identity();
  for (auto t = transitions.rbegin(); t != transitions.rend(); ++t) summary = compose(summary, *t);
  return summary;
}

// The states after each transition, one a transition.
template <MultiplyAdd T>
std::vector<T> scalar_affine_scan(T h0, ScalarAffineList<T> transitions) {
  std::vector<T> states;
  states.reserve(transitions.size());
  for (const auto& transition : transitions) {
    h0 = apply(transition, std::move(h0));
    states.push_back(h0);
  }
  return states;
}

}  // namespace exactscan::spec
