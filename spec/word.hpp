// Formal sums of words over an alphabet: the free semiring. A product concatenates, so it keeps the order of
// every factor; a sum forgets nothing but its own order. Two expressions are equal here only if they are
// equal in every semiring, so no mistake in order, in bracketing or in what is left out can hide.
#pragma once

#include <concepts>
#include <cstdint>
#include <map>
#include <ostream>
#include <stdexcept>
#include <string>
#include <utility>

namespace exactscan::spec {

// Σ count * word, counts > 0. Error: exact; counts wrap beyond 2^64 - 1.
class WordSum {
 public:
  static constexpr bool commutative = false;

  WordSum() = default;  // 0: no words
  // `count` times the empty word. Throws std::invalid_argument for negative counts.
  template <std::integral I>
  explicit WordSum(I count) {
    if (std::cmp_less(count, 0)) throw std::invalid_argument("words have no negative counts");
    add("", static_cast<std::uint64_t>(count));
  }
  // One word, one letter a char.
  static WordSum word(std::string letters) {
    WordSum result;
    result.add(std::move(letters), 1);
    return result;
  }

  friend WordSum operator+(WordSum x, const WordSum& y) {
    for (const auto& [letters, count] : y.counts_) x.add(letters, count);
    return x;
  }
  friend WordSum operator*(const WordSum& x, const WordSum& y) {
    WordSum product;
    for (const auto& [left, left_count] : x.counts_) {
      for (const auto& [right, right_count] : y.counts_) product.add(left + right, left_count * right_count);
    }
    return product;
  }
  bool operator==(const WordSum&) const = default;

  friend std::ostream& operator<<(std::ostream& out, const WordSum& x) {
    if (x.counts_.empty()) return out << "0";
    const char* separator = "";
    for (const auto& [letters, count] : x.counts_) {
      out << std::exchange(separator, " + ") << count << "[" << letters << "]";
    }
    return out;
  }

 private:
  void add(std::string letters, std::uint64_t count) {
    if (count == 0) return;
    const auto [entry, is_new] = counts_.try_emplace(std::move(letters), count);
    if (!is_new && (entry->second += count) == 0) counts_.erase(entry);
  }

  std::map<std::string, std::uint64_t> counts_;
};

}  // namespace exactscan::spec
