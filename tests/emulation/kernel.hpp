// Kernel: an arithmetic together with the free choices of a legitimate kernel: fused multiply-add or not at
// each node, the order and the tree of a sum.
#pragma once

#include <numeric>
#include <vector>

#include "tests/emulation/arithmetic.hpp"

namespace exactscan::emulation {

enum class Fma : std::uint8_t { never, always, random };

// The transition h → a h + b of a window of steps.
template <class V>
struct Window {
  V a, b;
};

template <class A>
class Kernel {
 public:
  using Arithmetic = A;
  using Value = typename A::Value;

  Kernel(const A& arithmetic, Fma fma, Random& rng) : arithmetic_(arithmetic), fma_(fma), random_(&rng) {}

  Random& random() { return *random_; }
  Value read(double x) const { return arithmetic_.read(x); }
  static double get(const Value& x) { return A::get(x); }
  Value add(const Value& x, const Value& y) const { return arithmetic_.add(x, y); }
  Value mul(const Value& x, const Value& y) const { return arithmetic_.mul(x, y); }
  Value multiply_add(const Value& x, const Value& y, const Value& z) {
    return fused() ? arithmetic_.fma(x, y, z) : arithmetic_.add(arithmetic_.mul(x, y), z);
  }
  Window<Value> compose(const Window<Value>& later, const Window<Value>& earlier) {
    return {mul(later.a, earlier.a), multiply_add(later.a, earlier.b, later.b)};
  }
  Window<Value> identity() const { return {read(1), read(0)}; }
  bool fused() { return fma_ == Fma::always || (fma_ == Fma::random && random_->coin()); }

 private:
  A arithmetic_;
  Fma fma_;
  Random* random_;
};

// One addend of a sum: a value, or a product that an fma may take unrounded.
template <class V>
struct Addend {
  V x, y;
  bool product = false;
};

template <class K>
typename K::Value value_of(K& kernel, const Addend<typename K::Value>& term) {
  return term.product ? kernel.mul(term.x, term.y) : term.x;
}

// terms[from] + … + terms[to-1] in a random tree.
template <class K>
Addend<typename K::Value> sum_tree(K& kernel, const std::vector<Addend<typename K::Value>>& terms,
                                   std::size_t from, std::size_t to) {
  if (to - from == 1) return terms[from];
  const std::size_t split = from + 1 + kernel.random().below(to - from - 1);
  const auto left = sum_tree(kernel, terms, from, split), right = sum_tree(kernel, terms, split, to);
  if (right.product && kernel.fused())
    return {kernel.multiply_add(right.x, right.y, value_of(kernel, left)), {}, false};
  if (left.product && kernel.fused())
    return {kernel.multiply_add(left.x, left.y, value_of(kernel, right)), {}, false};
  return {kernel.add(value_of(kernel, left), value_of(kernel, right)), {}, false};
}

// The sum in a random order: one after the other, in a random tree, or pairwise. The empty sum is 0.
template <class K>
typename K::Value sum(K& kernel, std::vector<Addend<typename K::Value>> terms) {
  if (terms.empty()) return kernel.read(0);
  Random& random = kernel.random();
  if (random.coin()) random.shuffle(terms);
  if (random.one_in(3)) return value_of(kernel, sum_tree(kernel, terms, 0, terms.size()));
  if (random.coin()) {
    auto total = value_of(kernel, terms[0]);
    for (std::size_t i = 1; i < terms.size(); ++i) {
      total = terms[i].product ? kernel.multiply_add(terms[i].x, terms[i].y, total)
                               : kernel.add(terms[i].x, total);
    }
    return total;
  }
  std::vector<typename K::Value> level;
  for (const auto& term : terms) level.push_back(value_of(kernel, term));
  while (level.size() > 1) {
    std::vector<typename K::Value> next;
    for (std::size_t i = 0; i + 1 < level.size(); i += 2) next.push_back(kernel.add(level[i], level[i + 1]));
    if (level.size() % 2 == 1) next.push_back(level.back());
    level = std::move(next);
  }
  return level[0];
}

// A product of factors[from..to) in a random association.
template <class K>
typename K::Value product_tree(K& kernel, const std::vector<typename K::Value>& factors, std::size_t from,
                               std::size_t to) {
  if (to - from == 1) return factors[from];
  const std::size_t split = from + 1 + kernel.random().below(to - from - 1);
  return kernel.mul(product_tree(kernel, factors, split, to), product_tree(kernel, factors, from, split));
}

}  // namespace exactscan::emulation
