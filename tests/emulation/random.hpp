// Random: a small generator of reproducible bits (SplitMix64; Steele, Lea, Flood 2014). Cheap to seed, so
// every case has its own seed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace exactscan::emulation {

class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}

  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  // A whole number in [0, n); n > 0. (The bias of the remainder does not matter here.)
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(next() % n); }
  // A whole number in [low, high].
  int between(int low, int high) {
    return low + static_cast<int>(below(static_cast<std::size_t>(high - low + 1)));
  }
  bool coin() { return (next() >> 63) != 0; }
  // True with probability 1/n.
  bool one_in(std::size_t n) { return below(n) == 0; }
  // Uniform in [0, 1).
  double unit() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  double uniform(double low, double high) { return low + (high - low) * unit(); }
  double sign() { return coin() ? 1.0 : -1.0; }

  template <class T>
  void shuffle(std::vector<T>& items) {
    for (std::size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[below(i)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace exactscan::emulation
