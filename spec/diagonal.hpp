// The affine scan of N independent channels: a transition is elementwise, h -> a⊙h + b.
// Source: TorchLean, NN.Spec.Layers.SelectiveScan. Each channel is the scalar form of spec/scalar_affine.hpp,
// and is computed by it.
#pragma once

#include <cstddef>
#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "spec/scalar_affine.hpp"

namespace exactscan::spec {

inline void require_same_size(std::size_t x, std::size_t y) {
  if (x != y) throw std::invalid_argument("vectors of different sizes");
}

// The map h -> a⊙h + b on vectors of one size.
template <class T>
struct DiagonalTransition {
  std::vector<T> a;
  std::vector<T> b;

  std::size_t size() const { return a.size(); }
  ScalarAffineTransition<T> channel(std::size_t n) const { return {a.at(n), b.at(n)}; }

  // a⊙h + b. Throws std::invalid_argument for different sizes, as everything here does. A member, because a
  // free `apply` on a std::vector competes with std::apply.
  std::vector<T> apply(std::vector<T> h) const requires MultiplyAdd<T> {
    require_same_size(a.size(), h.size());
    require_same_size(b.size(), h.size());
    for (std::size_t n = 0; n < h.size(); ++n) h[n] = spec::apply(channel(n), std::move(h[n]));
    return h;
  }
  bool operator==(const DiagonalTransition&) const = default;
};

// First `t1`, then `t2`, channel by channel.
template <MultiplyAdd T>
DiagonalTransition<T> compose(const DiagonalTransition<T>& t2, const DiagonalTransition<T>& t1) {
  require_same_size(t2.size(), t1.size());
  DiagonalTransition<T> result;
  for (std::size_t n = 0; n < t1.size(); ++n) {
    ScalarAffineTransition<T> channel = compose(t2.channel(n), t1.channel(n));
    result.a.push_back(std::move(channel.a));
    result.b.push_back(std::move(channel.b));
  }
  return result;
}

template <class T>
using DiagonalList = std::span<const DiagonalTransition<std::type_identity_t<T>>>;

// The state after all transitions; h0 after none.
template <MultiplyAdd T>
std::vector<T> run_diagonal_transitions(std::vector<T> h0, DiagonalList<T> transitions) {
  for (const auto& transition : transitions) h0 = transition.apply(std::move(h0));
  return h0;
}

// The states after each transition, one a transition.
template <MultiplyAdd T>
std::vector<std::vector<T>> diagonal_selective_scan(std::vector<T> h0, DiagonalList<T> transitions) {
  std::vector<std::vector<T>> states;
  states.reserve(transitions.size());
  for (const auto& transition : transitions) {
    h0 = transition.apply(std::move(h0));
    states.push_back(h0);
  }
  return states;
}

}  // namespace exactscan::spec
