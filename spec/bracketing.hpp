// A bracketing of a list: a binary tree whose leaves, from left to right, are the list's items. Every
// parallel scan computes one. The statement that matters: evaluated by compose, each gives the list's
// summary.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <utility>

namespace exactscan::spec {

// A value: copies share the tree, which never changes. Functions recurse to the tree's height.
class Bracketing {
 public:
  static Bracketing leaf() { return Bracketing(1, nullptr); }
  // The items of `earlier`, then those of `later`.
  static Bracketing join(Bracketing earlier, Bracketing later) {
    const std::size_t leaves = earlier.leaves_ + later.leaves_;
    return Bracketing(leaves, std::make_shared<const Node>(std::move(earlier), std::move(later)));
  }
  // (((0 1) 2) 3) …: the recurrence. Requires: leaves >= 1, as below.
  static Bracketing sequential(std::size_t leaves) {
    require_leaves(leaves);
    Bracketing tree = leaf();
    for (std::size_t i = 1; i < leaves; ++i) tree = join(std::move(tree), leaf());
    return tree;
  }
  // Halves of halves, the earlier half not longer.
  static Bracketing balanced(std::size_t leaves) {
    require_leaves(leaves);
    return leaves == 1 ? leaf() : join(balanced(leaves / 2), balanced(leaves - leaves / 2));
  }

  std::size_t leaves() const { return leaves_; }
  bool is_leaf() const { return node_ == nullptr; }
  const Bracketing& earlier() const;  // requires: not a leaf
  const Bracketing& later() const;

 private:
  struct Node;
  Bracketing(std::size_t leaves, std::shared_ptr<const Node> node)
      : leaves_(leaves), node_(std::move(node)) {}
  static void require_leaves(std::size_t leaves) {
    if (leaves == 0) throw std::invalid_argument("a bracketing has at least one leaf");
  }

  std::size_t leaves_;
  std::shared_ptr<const Node> node_;
};

struct Bracketing::Node {
  Node(Bracketing e, Bracketing l) : earlier(std::move(e)), later(std::move(l)) {}
  Bracketing earlier, later;
};

inline const Bracketing& Bracketing::earlier() const { return node_->earlier; }
inline const Bracketing& Bracketing::later() const { return node_->later; }

// "((0 1) 2)"; `first` is the number of the first leaf.
inline std::string to_string(const Bracketing& tree, std::size_t first = 0) {
  if (tree.is_leaf()) return std::to_string(first);
  const std::size_t middle = first + tree.earlier().leaves();
  return "(" + to_string(tree.earlier(), first) + " " + to_string(tree.later(), middle) + ")";
}

// The items combined as the tree says; combine(later, earlier) has compose's order of arguments.
// Throws std::invalid_argument where items and leaves differ in number.
template <class Transition, class Combine>
Transition evaluate(const Bracketing& tree, std::span<const Transition> items, const Combine& combine) {
  if (items.size() != tree.leaves()) throw std::invalid_argument("a bracketing has one leaf an item");
  if (tree.is_leaf()) return items.front();
  const std::size_t middle = tree.earlier().leaves();
  const Transition earlier = evaluate(tree.earlier(), items.first(middle), combine);
  return combine(evaluate(tree.later(), items.subspan(middle), combine), earlier);
}

// The same with compose(later, earlier) of the transition's own namespace.
template <class Transition>
Transition evaluate(const Bracketing& tree, std::span<const Transition> items) {
  return evaluate(tree, items, [](const Transition& t2, const Transition& t1) { return compose(t2, t1); });
}

}  // namespace exactscan::spec
