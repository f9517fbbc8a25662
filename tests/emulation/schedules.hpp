// The schedules of a scan: each computes all prefixes of a list of windows under composition, that is, the b
// of prefix t for every t. Leaf 0 may be an initial state (its a is never used).
//
// Every one is a legitimate schedule of proofs-notes/rounding-bounds.md ("Schedules"); the quadratic form
// only where no product of a subset of the factors underflows or overflows ("Scope").
#pragma once

#include <algorithm>
#include <string_view>
#include <vector>

#include "tests/emulation/kernel.hpp"

namespace exactscan::emulation {

enum class Schedule : std::uint8_t {
  sequential,
  bracketing,
  chunked,
  kogge_stone,
  blelloch,
  look_back,
  quadratic,
  padded
};
inline constexpr int schedule_count = 8;
inline std::string_view schedule_name(Schedule s) {
  constexpr std::string_view names[] = {"sequential", "bracketing", "chunked",   "kogge_stone",
                                        "blelloch",   "look_back",  "quadratic", "padded"};
  return names[static_cast<std::size_t>(s)];
}

template <class K>
using Windows = std::vector<Window<typename K::Value>>;

// One window after the other.
template <class K>
Windows<K> scan_sequential(K& kernel, const Windows<K>& leaves) {
  Windows<K> prefixes;
  for (const auto& leaf : leaves)
    prefixes.push_back(prefixes.empty() ? leaf : kernel.compose(leaf, prefixes.back()));
  return prefixes;
}

// How a random tree is split: anywhere, in the middle, at the first leaf (which leans right) or at the last.
enum class Lean : std::uint8_t { anywhere, middle, first, last, ends };

template <class K>
Window<typename K::Value> reduce_tree(K& kernel, const Windows<K>& leaves, std::size_t from, std::size_t to,
                                      Lean lean) {
  if (to - from == 1) return leaves[from];
  const std::size_t n = to - from;
  std::size_t left = 1 + kernel.random().below(n - 1);
  if (lean == Lean::middle) left = n / 2;
  if (lean == Lean::first || (lean == Lean::ends && kernel.random().coin())) left = 1;
  if (lean == Lean::last || (lean == Lean::ends && left != 1 && kernel.random().coin())) left = n - 1;
  const auto earlier = reduce_tree(kernel, leaves, from, from + left, lean);
  return kernel.compose(reduce_tree(kernel, leaves, from + left, to, lean), earlier);
}

// Every prefix by a tree of its own.
template <class K>
Windows<K> scan_bracketing(K& kernel, const Windows<K>& leaves) {
  Windows<K> prefixes;
  for (std::size_t t = 0; t < leaves.size(); ++t)
    prefixes.push_back(reduce_tree(kernel, leaves, 0, t + 1, static_cast<Lean>(kernel.random().below(5))));
  return prefixes;
}

// Chunks scanned on their own, or from the carry; carries chained through the chunks' summaries.
template <class K>
Windows<K> scan_chunked(K& kernel, const Windows<K>& leaves, std::size_t chunk) {
  const bool rescan = kernel.random().coin();
  Windows<K> prefixes;
  for (std::size_t from = 0; from < leaves.size(); from += chunk) {
    const Windows<K> part(
        leaves.begin() + static_cast<std::ptrdiff_t>(from),
        leaves.begin() + static_cast<std::ptrdiff_t>(std::min(from + chunk, leaves.size())));
    const Windows<K> local = scan_sequential(kernel, part);
    if (from == 0) {
      prefixes = local;
      continue;
    }
    const auto carry = prefixes.back();
    auto running = carry;
    for (std::size_t i = 0; i < part.size(); ++i) {
      running = kernel.compose(part[i], running);
      prefixes.push_back(rescan && i + 1 < part.size() ? running : kernel.compose(local[i], carry));
    }
  }
  return prefixes;
}

template <class K>
Windows<K> scan_kogge_stone(K& kernel, const Windows<K>& leaves) {
  Windows<K> now = leaves;
  for (std::size_t d = 1; d < leaves.size(); d *= 2) {
    Windows<K> next = now;
    for (std::size_t i = d; i < leaves.size(); ++i) next[i] = kernel.compose(now[i], now[i - d]);
    now = std::move(next);
  }
  return now;
}

// Up-sweep and down-sweep over a power of two of leaves, padded with the identity; the exclusive result is
// then composed with the leaf.
template <class K>
Windows<K> scan_blelloch(K& kernel, const Windows<K>& leaves) {
  std::size_t n = 1;
  while (n < leaves.size()) n *= 2;
  Windows<K> tree = leaves;
  tree.resize(n, kernel.identity());
  for (std::size_t d = 1; d < n; d *= 2) {
    for (std::size_t i = 2 * d - 1; i < n; i += 2 * d) tree[i] = kernel.compose(tree[i], tree[i - d]);
  }
  tree[n - 1] = kernel.identity();
  for (std::size_t d = n / 2; d >= 1; d /= 2) {
    for (std::size_t i = 2 * d - 1; i < n; i += 2 * d) {
      const auto left = tree[i - d];
      tree[i - d] = tree[i];
      tree[i] = kernel.compose(left, tree[i]);
    }
  }
  Windows<K> prefixes;
  for (std::size_t t = 0; t < leaves.size(); ++t)
    prefixes.push_back(t == 0 ? leaves[0] : kernel.compose(leaves[t], tree[t]));
  return prefixes;
}

// Tiles whose prefix is put together by looking back: aggregates of earlier tiles, in groups of random
// length, until a tile whose inclusive prefix happens to be there.
template <class K>
Windows<K> scan_look_back(K& kernel, const Windows<K>& leaves, std::size_t tile) {
  Windows<K> prefixes, aggregates, inclusive;
  for (std::size_t from = 0; from < leaves.size(); from += tile) {
    const Windows<K> part(leaves.begin() + static_cast<std::ptrdiff_t>(from),
                          leaves.begin() + static_cast<std::ptrdiff_t>(std::min(from + tile, leaves.size())));
    const Windows<K> local =
        kernel.random().coin() ? scan_kogge_stone(kernel, part) : scan_sequential(kernel, part);
    if (aggregates.empty()) {
      prefixes = local;
    } else {
      std::size_t at = aggregates.size();
      Window<typename K::Value> found{};
      bool any = false;
      while (at > 0) {
        const bool end = at == 1 || kernel.random().one_in(3);
        const std::size_t width = end ? 1 : 1 + kernel.random().below(at - 1);
        const auto group =
            end ? inclusive[at - 1] : reduce_tree(kernel, aggregates, at - width, at, Lean::anywhere);
        found = any ? kernel.compose(found, group) : group;
        any = true;
        at = end ? 0 : at - width;
      }
      for (const auto& window : local) prefixes.push_back(kernel.compose(window, found));
    }
    aggregates.push_back(local.back());
    inclusive.push_back(prefixes.back());
  }
  return prefixes;
}

// The sum over s of (a_{s+1} … a_t) b_s, products in a random association, out of order if `permute`; sums in
// any order or tree. Only b is given.
template <class K>
Windows<K> scan_quadratic(K& kernel, const Windows<K>& leaves, bool permute) {
  using V = typename K::Value;
  Windows<K> prefixes;
  for (std::size_t t = 0; t < leaves.size(); ++t) {
    std::vector<Addend<V>> terms;
    for (std::size_t s = 0; s <= t; ++s) {
      std::vector<V> factors{leaves[s].b};
      for (std::size_t r = s + 1; r <= t; ++r) factors.push_back(leaves[r].a);
      if (permute) kernel.random().shuffle(factors);
      if (factors.size() == 1) {
        terms.push_back({factors[0], {}, false});
        continue;
      }
      const std::size_t split = 1 + kernel.random().below(factors.size() - 1);
      terms.push_back({product_tree(kernel, factors, 0, split),
                       product_tree(kernel, factors, split, factors.size()), true});
    }
    prefixes.push_back({leaves[t].a, sum(kernel, std::move(terms))});
  }
  return prefixes;
}

// Identity windows strewn among the leaves.
template <class K>
Windows<K> scan_padded(K& kernel, const Windows<K>& leaves) {
  Windows<K> longer;
  std::vector<std::size_t> at;
  for (const auto& leaf : leaves) {
    if (!longer.empty()) {
      while (kernel.random().one_in(3)) longer.push_back(kernel.identity());
    }
    at.push_back(longer.size());
    longer.push_back(leaf);
  }
  const Windows<K> scanned = kernel.random().coin()
                                 ? scan_kogge_stone(kernel, longer)
                                 : scan_chunked(kernel, longer, 1 + kernel.random().below(9));
  Windows<K> prefixes;
  for (const std::size_t i : at) prefixes.push_back(scanned[i]);
  return prefixes;
}

template <class K>
Windows<K> scan(K& kernel, const Windows<K>& leaves, Schedule schedule) {
  if (leaves.empty()) return {};
  const auto some = [&] {
    return 1 + kernel.random().below(kernel.random().coin() ? 4 : 1 + leaves.size() / 2);
  };
  switch (schedule) {
    case Schedule::sequential:
      return scan_sequential(kernel, leaves);
    case Schedule::bracketing:
      return scan_bracketing(kernel, leaves);
    case Schedule::chunked:
      return scan_chunked(kernel, leaves, some());
    case Schedule::kogge_stone:
      return scan_kogge_stone(kernel, leaves);
    case Schedule::blelloch:
      return scan_blelloch(kernel, leaves);
    case Schedule::look_back:
      return scan_look_back(kernel, leaves, some());
    case Schedule::quadratic:
      return scan_quadratic(kernel, leaves, kernel.random().coin());
    case Schedule::padded:
      return scan_padded(kernel, leaves);
  }
  return {};
}

// The states of h_t = a_t h_{t-1} + b_t. The initial state is the first leaf of the scan, or enters the first
// window, or is applied at the end.
template <class K>
std::vector<typename K::Value> scan_states(K& kernel, const Windows<K>& leaves, const typename K::Value* h0,
                                           Schedule schedule) {
  std::vector<typename K::Value> states;
  Windows<K> all = leaves;
  const std::size_t way =
      h0 == nullptr || leaves.empty() ? 3 : kernel.random().below(schedule == Schedule::quadratic ? 2 : 3);
  if (way == 0) all.insert(all.begin(), {kernel.read(0), *h0});
  if (way == 1) all[0].b = kernel.multiply_add(all[0].a, *h0, all[0].b);
  const Windows<K> prefixes = scan(kernel, all, schedule);
  for (std::size_t t = 0; t < leaves.size(); ++t) {
    const auto& prefix = prefixes[way == 0 ? t + 1 : t];
    states.push_back(way == 2 ? kernel.multiply_add(prefix.a, *h0, prefix.b) : prefix.b);
  }
  return states;
}

}  // namespace exactscan::emulation
