// What emulated SSD kernels have in common, forward and backward: a head's data, its step sizes, decays
// formed in each of the ways that a contract can name, and dots as a tensor core has them.
#pragma once

#include <vector>

#include "tests/emulation/functions.hpp"
#include "tests/soundness/ssd_kernel.hpp"

namespace exactscan::soundness {

using namespace emulation;

// One head.
struct SsdInputData {
  std::size_t T, P, N, Q;
  bool softplus, bias, gate, start, sequences;
  std::vector<double> x, dt, B, C, z, initial;  // step by P, step, step by N, …
  double A, D, dt_bias, low, high;
  std::vector<std::int64_t> sequence;
};

SsdInputData draw_ssd_inputs(Random& random, const SsdSetting& setting);

template <class K>
class SsdChunkArithmetic {
 public:
  using V = typename K::Value;
  SsdChunkArithmetic(K& kernel, Functions<K>& functions, const SsdSetting& setting, const SsdInputData& in)
      : k_(kernel), f_(functions), setting_(setting), in_(in) {
    for (std::size_t t = 0; t < in.T; ++t) {
      V v = k_.read(in.dt[t]);
      if (in.bias) v = k_.add(v, k_.read(in.dt_bias));
      argument_.push_back(v);
      if (in.softplus) v = f_.softplus(v);
      free_.push_back(v);
      if (K::get(v) < in.low) v = k_.read(in.low);
      if (K::get(v) > in.high) v = k_.read(in.high);
      dt_.push_back(v);
      z_.push_back(k_.mul(v, k_.read(in.A)));
    }
    for (const double e : in.initial) state_.push_back(k_.read(in.start ? e : 0));
  }

 protected:
  V x(std::size_t t, std::size_t p) const { return k_.read(in_.x[t * in_.P + p]); }
  V B(std::size_t t, std::size_t n) const { return k_.read(in_.B[t * in_.N + n]); }
  V C(std::size_t t, std::size_t n) const { return k_.read(in_.C[t * in_.N + n]); }
  bool starts(std::size_t t) const {
    return in_.sequences && t > 0 && in_.sequence[t] != in_.sequence[t - 1];
  }
  bool together(std::size_t s, std::size_t t) const {
    return !in_.sequences || in_.sequence[s] == in_.sequence[t];
  }
  V product(std::vector<V> factors) {
    k_.random().shuffle(factors);
    return product_tree(k_, factors, 0, factors.size());
  }

  // The sum of z over [from + first, from + last), in some order.
  V summed(std::size_t from, std::size_t first, std::size_t last) {
    std::vector<Addend<V>> terms;
    for (std::size_t r = first; r < last; ++r) terms.push_back({z_[from + r], {}, false});
    return sum(k_, std::move(terms));
  }
  // exp of the sum over (j, l], as the setting forms it; L are the chunk's cumulative sums.
  V decay(std::size_t from, std::size_t j, std::size_t l, const std::vector<V>& L) {
    if (setting_.decay == Decay::cumsum) return f_.exp(k_.add(L[l], f_.negated(L[j])));
    if (setting_.decay == Decay::segsum) return f_.exp(summed(from, j + 1, l + 1));
    return factors(from, j + 1, l + 1);
  }
  V row_decay(std::size_t from, std::size_t l, const std::vector<V>& L) {
    return setting_.decay == Decay::product ? factors(from, 0, l + 1) : f_.exp(L[l]);
  }
  V factors(std::size_t from, std::size_t first, std::size_t last) {
    std::vector<V> list;
    for (std::size_t r = first; r < last; ++r) list.push_back(f_.exp(z_[from + r]));
    return list.empty() ? k_.read(1) : product_tree(k_, list, 0, list.size());
  }

  // An operand as a tensor core takes it.
  V operand(const V& v) {
    const double d = K::get(v);
    const BinaryFormat tf32{11, -136, 127};
    switch (setting_.convert) {
      case Convert::none:
        return v;
      case Convert::truncate:
        return k_.read(round_to(d, tf32, Direction::toward_zero));
      case Convert::nearest:
        return k_.read(round_to(d, tf32));
      case Convert::storage:
        return k_.read(round_to(d, setting_.base.base.in_format));
    }
    return v;
  }
  V dot(std::vector<Addend<V>> terms) {
    if (!setting_.coarse_accumulate) return sum(k_, std::move(terms));
    if (k_.random().coin()) k_.random().shuffle(terms);
    double total = 0;
    for (const auto& term : terms)
      total = round_to(add_to_odd(total, K::get(term.x) * K::get(term.y)), binary32, Direction::toward_zero);
    return k_.read(total);
  }

  K& k_;
  Functions<K>& f_;
  const SsdSetting& setting_;
  const SsdInputData& in_;
  std::vector<V> argument_, free_, dt_, z_,
      state_;  // the step size before softplus, before limits, and as it is
};

}  // namespace exactscan::soundness
