// One head of the emulated kernels of SSD's gradients: in stages or step by step.
#pragma once

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "tests/soundness/ssd_chunk_arithmetic.hpp"

namespace exactscan::soundness {

// What one head gives back; B and C step by state, the others as their inputs. Sums over heads are left.
template <class V>
struct HeadGradients {
  std::vector<V> dx, ddt, dB, dC, dz, dinitial;
  std::vector<Addend<V>> dA, dD;
};

template <class K>
class SsdGradientKernel : private SsdChunkArithmetic<K> {
 public:
  using V = typename K::Value;
  SsdGradientKernel(K& kernel, Functions<K>& functions, const SsdSetting& setting, const SsdInputData& in,
                    const std::vector<double>& dy, const std::vector<double>& dfinal)
      : Base(kernel, functions, setting, in), rounds_(setting.convert == Convert::storage) {
    for (const double v : dy) g_.push_back(k_.read(v));
    for (const double v : dfinal) G_.push_back(k_.read(v));
    const auto size = [&](std::size_t n) { return std::vector<V>(n, k_.read(0)); };
    d_ = {size(in.T * in.P), size(in.T), size(in.T * in.N), size(in.T * in.N), size(in.T * in.P), {}, {}, {}};
  }

  HeadGradients<V> run() {
    setting_.recurrent ? step_by_step() : in_stages();
    return std::move(d_);
  }

 private:
  using Base = SsdChunkArithmetic<K>;
  using Base::B, Base::C, Base::x, Base::decay, Base::dot, Base::operand, Base::product, Base::row_decay,
      Base::starts, Base::summed, Base::together;
  using Base::k_, Base::f_, Base::setting_, Base::in_, Base::dt_, Base::z_, Base::state_;
  using Terms = std::vector<Addend<V>>;

  // What a kernel keeps in the storage type between its parts.
  V kept(const V& v) { return rounds_ && k_.random().coin() ? operand(v) : v; }
  V& g(std::size_t t, std::size_t p) { return g_[t * in_.P + p]; }
  V A() const { return k_.read(in_.A); }

  // g = dy silu(z), and dz from the readout.
  void gate(std::size_t t, std::size_t p, const V& readout) {
    if (!in_.gate) return;
    const V z = k_.read(in_.z[t * in_.P + p]), s = f_.sigmoid(z), one = k_.read(1);
    const V slope = k_.multiply_add(z, k_.add(one, f_.negated(s)), one);
    d_.dz[t * in_.P + p] = product({g(t, p), kept(readout), s, slope});
    g(t, p) = kept(product({g(t, p), z, s}));
  }
  void skip(std::size_t t, std::size_t p, Terms terms) {
    terms.push_back({k_.read(in_.D), g(t, p), true});
    d_.dx[t * in_.P + p] = sum(k_, std::move(terms));
    d_.dD.push_back({g(t, p), x(t, p), true});
  }
  // The gradient of the raw step size, and what A gets.
  void finish(std::size_t t, const V& direct, const V& rate) {
    V d = k_.multiply_add(A(), rate, direct);
    if (in_.softplus && !(K::get(this->argument_[t]) > 20 && k_.random().coin()))
      d = k_.mul(d, f_.sigmoid(this->argument_[t]));
    const double v = K::get(this->free_[t]);
    d_.ddt[t] = v < in_.low || v > in_.high ? k_.read(0) : d;
    d_.dA.push_back({dt_[t], rate, true});
  }

  void step_by_step() {
    const std::size_t N = in_.N, P = in_.P;
    std::vector<std::vector<V>> S{state_};
    std::vector<V> a;
    for (std::size_t t = 0; t < in_.T; ++t) {
      a.push_back(f_.exp(z_[t]));
      S.push_back(S.back());
      for (std::size_t i = 0; i < N * P; ++i) {
        const V b = product({dt_[t], B(t, i % N), x(t, i / N)});
        S.back()[i] = starts(t) ? b : k_.multiply_add(a[t], S[t][i], b);
      }
      for (std::size_t p = 0; p < P; ++p) {
        Terms terms{{k_.read(in_.D), x(t, p), true}};
        for (std::size_t n = 0; n < N; ++n) terms.push_back({C(t, n), S.back()[p * N + n], true});
        gate(t, p, sum(k_, std::move(terms)));
      }
    }
    for (std::size_t t = in_.T; t-- > 0;) {
      Terms direct, rate;
      std::vector<Terms> dB(N), dC(N), dx(P);
      for (std::size_t i = 0; i < N * P; ++i) {
        const std::size_t n = i % N, p = i / N;
        const V l = k_.multiply_add(C(t, n), g(t, p), G_[i]);
        dB[n].push_back({product({l, dt_[t], x(t, p)}), {}, false});
        dC[n].push_back({g(t, p), S[t + 1][i], true});
        dx[p].push_back({product({l, dt_[t], B(t, n)}), {}, false});
        direct.push_back({product({l, B(t, n), x(t, p)}), {}, false});
        if (!starts(t)) rate.push_back({l, k_.mul(a[t], S[t][i]), true});
        G_[i] = starts(t) ? k_.read(0) : k_.mul(a[t], l);
      }
      for (std::size_t p = 0; p < P; ++p) skip(t, p, std::move(dx[p]));
      for (std::size_t n = 0; n < N; ++n)
        d_.dB[t * N + n] = sum(k_, std::move(dB[n])), d_.dC[t * N + n] = sum(k_, std::move(dC[n]));
      finish(t, sum(k_, std::move(direct)), sum(k_, std::move(rate)));
    }
    d_.dinitial = G_;
  }

  struct Chunk {
    std::size_t from, live;
    std::vector<V> L, E;
    std::size_t last() const { return from + live - 1; }
  };
  bool entered(const Chunk& c, std::size_t l) const {
    return together(c.from == 0 ? 0 : c.from - 1, c.from + l);
  }

  void in_stages() {
    std::vector<Chunk> chunks;
    for (std::size_t from = 0; from < in_.T; from += in_.Q) {
      Chunk c{from, std::min(in_.Q, in_.T - from), {}, state_};
      for (std::size_t l = 0; l < c.live; ++l) c.L.push_back(summed(from, 0, l + 1));
      for (V& e : c.E) e = kept(e);
      pass(c);
      chunks.push_back(c);
      if (!in_.gate) continue;
      for (std::size_t l = 0; l < c.live; ++l)
        for (std::size_t p = 0; p < in_.P; ++p) gate(from + l, p, readout(c, l, p));
    }
    for (std::size_t c = chunks.size(); c-- > 0;) backward(chunks[c]);
    d_.dinitial = G_;
  }

  V score(const Chunk& c, std::size_t l, std::size_t j) {
    Terms terms;
    for (std::size_t n = 0; n < in_.N; ++n)
      terms.push_back({operand(C(c.from + l, n)), operand(B(c.from + j, n)), true});
    return dot(std::move(terms));
  }
  // g_l . x_j
  V paired(const Chunk& c, std::size_t l, std::size_t j) {
    Terms terms;
    for (std::size_t p = 0; p < in_.P; ++p)
      terms.push_back({operand(g(c.from + l, p)), operand(x(c.from + j, p)), true});
    return dot(std::move(terms));
  }

  V readout(const Chunk& c, std::size_t l, std::size_t p) {
    Terms entering, own;
    for (std::size_t n = 0; n < in_.N; ++n)
      entering.push_back({operand(C(c.from + l, n)), operand(c.E[p * in_.N + n]), true});
    V total = entered(c, l) ? k_.mul(dot(entering), row_decay(c.from, l, c.L)) : k_.read(0);
    for (std::size_t j = 0; j <= l; ++j) {
      if (!together(c.from + j, c.from + l)) continue;
      const V weight = product({score(c, l, j), decay(c.from, j, l, c.L), dt_[c.from + j]});
      own.push_back({operand(weight), operand(x(c.from + j, p)), true});
    }
    total = k_.add(total, dot(own));
    return k_.multiply_add(k_.read(in_.D), x(c.from + l, p), total);
  }

  void pass(const Chunk& c) {
    const bool enters = entered(c, c.live - 1);
    const V whole = row_decay(c.from, c.live - 1, c.L);
    for (std::size_t i = 0; i < state_.size(); ++i) {
      Terms own;
      for (std::size_t j = 0; j < c.live; ++j) {
        if (!together(c.from + j, c.last())) continue;
        const V scaled =
            product({B(c.from + j, i % in_.N), decay(c.from, j, c.live - 1, c.L), dt_[c.from + j]});
        own.push_back({operand(scaled), operand(x(c.from + j, i / in_.N)), true});
      }
      state_[i] = enters ? k_.multiply_add(whole, state_[i], dot(own)) : dot(own);
    }
  }

  void backward(const Chunk& c) {
    for (V& v : G_) v = kept(v);
    for (std::size_t j = 0; j < c.live; ++j) inputs(c, j), weights(c, j);
    for (std::size_t l = 0; l < c.live; ++l) readouts(c, l);
    pass_back(c);
  }

  // dx, and the step size's own part: l without its step size, column by column.
  void inputs(const Chunk& c, std::size_t j) {
    const std::size_t t = c.from + j;
    const bool leaves = together(t, c.last());
    Terms direct;
    for (std::size_t p = 0; p < in_.P; ++p) {
      Terms own, leaving;
      for (std::size_t l = j; l < c.live; ++l) {
        if (!together(t, c.from + l)) continue;
        const V weight = k_.mul(score(c, l, j), decay(c.from, j, l, c.L));
        own.push_back({operand(weight), operand(g(c.from + l, p)), true});
      }
      for (std::size_t n = 0; n < in_.N; ++n)
        leaving.push_back({operand(B(t, n)), operand(G_[p * in_.N + n]), true});
      V inner = dot(std::move(own));
      if (leaves) inner = k_.multiply_add(dot(std::move(leaving)), decay(c.from, j, c.live - 1, c.L), inner);
      direct.push_back({inner, x(t, p), true});
      skip(t, p, {{dt_[t], inner, true}});
    }
    finish(t, sum(k_, std::move(direct)), rate(c, j));
  }

  void weights(const Chunk& c, std::size_t j) {
    const std::size_t t = c.from + j;
    for (std::size_t n = 0; n < in_.N; ++n) {
      Terms own, leaving;
      for (std::size_t l = j; l < c.live; ++l) {
        if (!together(t, c.from + l)) continue;
        const V weight = product({paired(c, l, j), decay(c.from, j, l, c.L), dt_[t]});
        own.push_back({operand(weight), operand(C(c.from + l, n)), true});
      }
      for (std::size_t p = 0; p < in_.P; ++p)
        leaving.push_back({operand(x(t, p)), operand(G_[p * in_.N + n]), true});
      V total = dot(std::move(own));
      if (together(t, c.last()))
        total = k_.add(total, product({dot(std::move(leaving)), decay(c.from, j, c.live - 1, c.L), dt_[t]}));
      d_.dB[t * in_.N + n] = total;
    }
  }

  void readouts(const Chunk& c, std::size_t l) {
    const std::size_t t = c.from + l;
    for (std::size_t n = 0; n < in_.N; ++n) {
      Terms own;
      for (std::size_t j = 0; j <= l; ++j) {
        if (!together(c.from + j, t)) continue;
        const V weight = product({paired(c, l, j), decay(c.from, j, l, c.L), dt_[c.from + j]});
        own.push_back({operand(weight), operand(B(c.from + j, n)), true});
      }
      V total = dot(std::move(own));
      if (entered(c, l)) total = k_.multiply_add(entering(c, l, n), row_decay(c.from, l, c.L), total);
      d_.dC[t * in_.N + n] = total;
    }
  }
  // sum over p of g_l E
  V entering(const Chunk& c, std::size_t l, std::size_t n) {
    Terms terms;
    for (std::size_t p = 0; p < in_.P; ++p)
      terms.push_back({operand(g(c.from + l, p)), operand(c.E[p * in_.N + n]), true});
    return dot(std::move(terms));
  }

  // The gradient of the exponent of step r: sums over the pairs of steps on either side of it, row by row,
  // over the steps before it and G, over the steps from it on and E, and E with G.
  V rate(const Chunk& c, std::size_t r) {
    Terms rows;
    for (std::size_t l = r; l < c.live; ++l) {
      Terms row;
      for (std::size_t j = 0; j < r; ++j) {
        if (!together(c.from + j, c.from + l)) continue;
        row.push_back({product({paired(c, l, j), score(c, l, j), decay(c.from, j, l, c.L), dt_[c.from + j]}),
                       {},
                       false});
      }
      if (!row.empty()) rows.push_back({sum(k_, std::move(row)), {}, false});
      if (!entered(c, l)) continue;
      Terms states;
      for (std::size_t n = 0; n < in_.N; ++n) states.push_back({C(c.from + l, n), entering(c, l, n), true});
      rows.push_back({sum(k_, std::move(states)), row_decay(c.from, l, c.L), true});
    }
    for (std::size_t j = 0; j < r; ++j) {
      if (!together(c.from + j, c.last())) continue;
      Terms columns;
      for (std::size_t p = 0; p < in_.P; ++p) {
        Terms terms;
        for (std::size_t n = 0; n < in_.N; ++n)
          terms.push_back({operand(B(c.from + j, n)), operand(G_[p * in_.N + n]), true});
        columns.push_back({dot(std::move(terms)), x(c.from + j, p), true});
      }
      rows.push_back(
          {product({sum(k_, std::move(columns)), decay(c.from, j, c.live - 1, c.L), dt_[c.from + j]}),
           {},
           false});
    }
    if (entered(c, c.live - 1)) {
      Terms states;
      for (std::size_t i = 0; i < G_.size(); ++i) states.push_back({G_[i], c.E[i], true});
      rows.push_back({sum(k_, std::move(states)), row_decay(c.from, c.live - 1, c.L), true});
    }
    return sum(k_, std::move(rows));
  }

  // The gradient of the state that enters.
  void pass_back(const Chunk& c) {
    const bool enters = entered(c, c.live - 1);
    const V whole = row_decay(c.from, c.live - 1, c.L);
    for (std::size_t i = 0; i < G_.size(); ++i) {
      Terms own;
      for (std::size_t l = 0; l < c.live; ++l) {
        if (!entered(c, l)) continue;
        const V scaled = k_.mul(C(c.from + l, i % in_.N), row_decay(c.from, l, c.L));
        own.push_back({operand(scaled), operand(g(c.from + l, i / in_.N)), true});
      }
      const V leaf = kept(dot(std::move(own)));
      G_[i] = enters ? k_.multiply_add(whole, G_[i], leaf) : leaf;
    }
  }

  bool rounds_;
  std::vector<V> g_, G_;
  HeadGradients<V> d_;
};

}  // namespace exactscan::soundness
