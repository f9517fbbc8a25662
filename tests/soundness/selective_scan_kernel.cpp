#include "tests/soundness/selective_scan_kernel.hpp"

#include "tests/soundness/attack.hpp"

namespace exactscan::soundness {
namespace {

using namespace emulation;

struct Inputs {
  MambaShape shape;
  bool softplus, gate, skip, bias, start, constant_b, constant_c;
  std::vector<double> u, delta, A, B, C, D, z, delta_bias, h0, dy;
  bool end = false;  // whether the last state has a gradient
  std::vector<double> dlast;

  std::size_t token(std::size_t b, std::size_t d, std::size_t t) const {
    return (b * shape.channels + d) * shape.steps + t;
  }
  std::size_t group(std::size_t d) const { return d / (shape.channels / shape.groups); }
  std::size_t weight(bool constant, std::size_t b, std::size_t d, std::size_t n, std::size_t t) const {
    if (constant) return d * shape.states + n;
    return ((b * shape.groups + group(d)) * shape.states + n) * shape.steps + t;
  }
};

Inputs draw_inputs(Random& random, const MambaSetting& setting, const MambaShape& shape, bool backward) {
  const BinaryFormat& format = setting.base.in_format;
  const auto data = static_cast<MambaData>(random.below(mamba_data_count));
  Inputs in{shape,
            random.coin(),
            random.coin(),
            random.coin(),
            random.coin(),
            random.coin(),
            random.one_in(4),
            random.one_in(4),
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            {},
            backward && random.coin(),
            {}};
  if (data == MambaData::gates) in.gate = true;
  const std::size_t tokens = shape.batch * shape.channels * shape.steps;
  const auto numbers = [&](std::size_t count, int exponent) {
    return draw_numbers(random, format, count, exponent, data);
  };
  const auto weights = [&](bool constant) {
    return numbers(
        constant ? shape.channels * shape.states : shape.batch * shape.groups * shape.states * shape.steps,
        0);
  };
  in.u = numbers(tokens, 0), in.B = weights(in.constant_b), in.C = weights(in.constant_c),
  in.D = numbers(shape.channels, 0);
  in.h0 = numbers(shape.batch * shape.channels * shape.states, 0), in.dy = numbers(tokens, 0);
  in.dlast = numbers(shape.batch * shape.channels * shape.states, 0);
  for (std::size_t i = 0; i < tokens; ++i) {
    // Without softplus a step size is a small number, mostly positive.
    const double raw =
        in.softplus ? random.uniform(-2, 2) + (random.one_in(40) ? 30 : 0) : random.uniform(-0.02, 0.3);
    in.delta.push_back(round_to(raw, format));
    in.z.push_back(draw_gate(random, format, data));
  }
  for (std::size_t i = 0; i < shape.channels * shape.states; ++i)
    in.A.push_back(draw_rate(random, binary32, data));
  for (std::size_t d = 0; d < shape.channels; ++d)
    in.delta_bias.push_back(in.softplus ? draw_bias(random, binary32)
                                        : round_to(random.uniform(-0.01, 0.05), binary32));
  return in;
}

struct Results {
  std::vector<double> y, last, du, ddelta, dz, dA, dB, dC, dD, dbias, dinitial;
};

// One channel of one batch.
template <class K>
class Channel {
 public:
  using V = typename K::Value;
  Channel(K& kernel, Functions<K>& functions, const MambaSetting& setting, const Inputs& in, std::size_t b,
          std::size_t d)
      : k_(kernel),
        f_(functions),
        setting_(setting),
        in_(in),
        b_(b),
        d_(d),
        N_(in.shape.states),
        L_(in.shape.steps) {}

  void forward(Schedule schedule) {
    for (std::size_t t = 0; t < L_; ++t) {
      const V raw = k_.read(in_.delta[in_.token(b_, d_, t)]);
      x_.push_back(in_.bias ? k_.add(raw, k_.read(in_.delta_bias[d_])) : raw);
      delta_.push_back(in_.softplus ? f_.softplus(x_.back()) : x_.back());
    }
    a_.resize(N_), h_.resize(N_), source_.resize(N_);
    for (std::size_t n = 0; n < N_; ++n) {
      Windows<K> leaves;
      for (std::size_t t = 0; t < L_; ++t) {
        a_[n].push_back(f_.exp_product(delta_[t], k_.read(in_.A[d_ * N_ + n])));
        source_[n].push_back(product({delta_[t], B(n, t), u(t)}));
        leaves.push_back({a_[n][t], source_[n][t]});
      }
      const V h0 = k_.read(in_.h0[(b_ * in_.shape.channels + d_) * N_ + n]);
      h_[n] = scan_states(k_, leaves, in_.start ? &h0 : nullptr, schedule);
    }
    for (std::size_t t = 0; t < L_; ++t) {
      std::vector<Addend<V>> terms;
      for (std::size_t n = 0; n < N_; ++n) terms.push_back({C(n, t), h_[n][t], true});
      if (in_.skip) terms.push_back({k_.read(in_.D[d_]), u(t), true});
      readout_.push_back(sum(k_, std::move(terms)));
    }
  }

  std::vector<V> outputs() {
    std::vector<V> y;
    for (std::size_t t = 0; t < L_; ++t)
      y.push_back(in_.gate ? product({readout_[t], z(t), f_.sigmoid(z(t))}) : readout_[t]);
    return y;
  }
  V last(std::size_t n) const { return h_[n].back(); }

  // Gradients: adds to the sums of terms that channels and steps share.
  struct Shared {
    std::vector<std::vector<Addend<V>>> A, B, C, D, bias;
  };
  void backward(Schedule schedule, Shared& shared, std::vector<V>& du, std::vector<V>& ddelta,
                std::vector<V>& dz, std::vector<V>& dinitial) {
    std::vector<V> g;
    for (std::size_t t = 0; t < L_; ++t) {
      const V dy = k_.read(in_.dy[in_.token(b_, d_, t)]);
      if (!in_.gate) {
        g.push_back(dy);
        continue;
      }
      const V s = f_.sigmoid(z(t)),
              slope = k_.add(k_.read(1), k_.mul(z(t), k_.add(k_.read(1), f_.negated(s))));
      g.push_back(product({dy, z(t), s}));
      // A kernel that recovers what it did not keep reads the output again, as it was stored.
      const bool stored_readout = setting_.recovered && k_.random().coin();
      const V w =
          stored_readout ? k_.read(round_to(K::get(readout_[t]), setting_.base.in_format)) : readout_[t];
      dz.push_back(product({dy, w, s, slope}));
    }
    const std::vector<std::vector<V>> lambda = adjoints(schedule, g);
    for (std::size_t n = 0; n < N_; ++n) dinitial.push_back(k_.mul(a_[n][0], lambda[n][0]));
    for (std::size_t t = 0; t < L_; ++t) {
      std::vector<Addend<V>> du_terms, step_terms;
      for (std::size_t n = 0; n < N_; ++n) {
        const V ah = decayed(n, t), l = lambda[n][t];
        shared.C[in_.weight(in_.constant_c, b_, d_, n, t)].push_back({g[t], h_[n][t], true});
        shared.B[in_.weight(in_.constant_b, b_, d_, n, t)].push_back(term({l, delta_[t], u(t)}));
        shared.A[d_ * N_ + n].push_back(term({l, delta_[t], ah}));
        du_terms.push_back(term({l, delta_[t], B(n, t)}));
        step_terms.push_back(term({l, B(n, t), u(t)}));
        step_terms.push_back(term({l, k_.read(in_.A[d_ * N_ + n]), ah}));
      }
      if (in_.skip) du_terms.push_back({k_.read(in_.D[d_]), g[t], true});
      shared.D[d_].push_back({g[t], u(t), true});
      du.push_back(sum(k_, std::move(du_terms)));
      V step = sum(k_, std::move(step_terms));
      if (in_.softplus)
        step = K::get(x_[t]) > 20 && k_.random().coin() ? step : k_.mul(step, f_.sigmoid(x_[t]));
      ddelta.push_back(step);
      shared.bias[d_].push_back({step, {}, false});
    }
  }

 private:
  V u(std::size_t t) const { return k_.read(in_.u[in_.token(b_, d_, t)]); }
  V z(std::size_t t) const { return k_.read(in_.z[in_.token(b_, d_, t)]); }
  V B(std::size_t n, std::size_t t) const { return k_.read(in_.B[in_.weight(in_.constant_b, b_, d_, n, t)]); }
  V C(std::size_t n, std::size_t t) const { return k_.read(in_.C[in_.weight(in_.constant_c, b_, d_, n, t)]); }

  V product(std::vector<V> factors) {
    k_.random().shuffle(factors);
    return product_tree(k_, factors, 0, factors.size());
  }
  // A product that a sum may fuse.
  Addend<V> term(std::vector<V> factors) {
    k_.random().shuffle(factors);
    const V rest = product_tree(k_, factors, 1, factors.size());
    return {factors[0], rest, true};
  }

  V decayed(std::size_t n, std::size_t t) {
    const bool first = t == 0 && !in_.start;
    if (setting_.recovered && k_.random().coin()) return k_.add(h_[n][t], f_.negated(source_[n][t]));
    return first ? k_.read(0)
                 : k_.mul(a_[n][t],
                          t == 0 ? k_.read(in_.h0[(b_ * in_.shape.channels + d_) * N_ + n]) : h_[n][t - 1]);
  }

  std::vector<std::vector<V>> adjoints(Schedule schedule, const std::vector<V>& g) {
    std::vector<std::vector<V>> lambda;
    for (std::size_t n = 0; n < N_; ++n) {
      Windows<K> leaves;
      for (std::size_t t = L_; t-- > 0;)
        leaves.push_back({t + 1 < L_ ? a_[n][t + 1] : k_.read(1), k_.mul(C(n, t), g[t])});
      const V last = k_.read(in_.dlast[(b_ * in_.shape.channels + d_) * N_ + n]);
      std::vector<V> reversed = scan_states(k_, leaves, in_.end ? &last : nullptr, schedule);
      lambda.emplace_back(reversed.rbegin(), reversed.rend());
    }
    return lambda;
  }

  K& k_;
  Functions<K>& f_;
  const MambaSetting& setting_;
  const Inputs& in_;
  std::size_t b_, d_, N_, L_;
  std::vector<V> x_, delta_, readout_;
  std::vector<std::vector<V>> a_, h_, source_;
};

template <class A>
Results run_kernel(const A& arithmetic, Random& random, const MambaSetting& setting, Schedule schedule,
                   const Inputs& in, bool backward) {
  using K = Kernel<A>;
  using V = typename K::Value;
  K kernel(arithmetic, static_cast<Fma>(random.below(3)), random);
  Functions<K> functions(kernel, setting.quality);
  const MambaShape& s = in.shape;
  Results out;
  const auto give = [&](std::vector<double>& to, const std::vector<V>& values) {
    for (const V& v : values) to.push_back(stored(K::get(v), setting.base, random));
  };
  typename Channel<K>::Shared shared;
  shared.A.resize(in.A.size()), shared.B.resize(in.B.size()), shared.C.resize(in.C.size()),
      shared.D.resize(s.channels);
  shared.bias.resize(s.channels);
  for (std::size_t b = 0; b < s.batch; ++b) {
    for (std::size_t d = 0; d < s.channels; ++d) {
      Channel<K> channel(kernel, functions, setting, in, b, d);
      channel.forward(schedule);
      give(out.y, channel.outputs());
      for (std::size_t n = 0; n < s.states; ++n) out.last.push_back(K::get(channel.last(n)));
      if (!backward) continue;
      std::vector<V> du, ddelta, dz, dinitial;
      channel.backward(schedule, shared, du, ddelta, dz, dinitial);
      give(out.du, du), give(out.ddelta, ddelta), give(out.dz, dz), give(out.dinitial, dinitial);
    }
  }
  const auto give_sums = [&](std::vector<double>& to, auto& sums) {
    for (auto& terms : sums) to.push_back(K::get(sum(kernel, std::move(terms))));
  };
  if (backward)
    give_sums(out.dA, shared.A), give_sums(out.dB, shared.B), give_sums(out.dC, shared.C),
        give_sums(out.dD, shared.D), give_sums(out.dbias, shared.bias);
  return out;
}

Case make_case(const MambaSetting& setting, const Inputs& in, const Results& r, bool backward) {
  const auto i = [](std::size_t x) { return static_cast<std::int64_t>(x); };
  const MambaShape& s = in.shape;
  const std::vector<std::int64_t> token{i(s.batch), i(s.channels), i(s.steps)},
      rate{i(s.channels), i(s.states)};
  const auto weight = [&](bool constant) {
    return constant ? rate : std::vector<std::int64_t>{i(s.batch), i(s.groups), i(s.states), i(s.steps)};
  };
  const ElementType narrow = setting.base.in, wide = ElementType::f32;
  Case value;
  value.op = "selective_scan";
  value.options["delta_softplus"] = in.softplus;
  value.inputs["u"] = make_tensor(narrow, token, in.u);
  value.inputs["delta"] = make_tensor(narrow, token, in.delta);
  value.inputs["A"] = make_tensor(wide, rate, in.A);
  value.inputs["B"] = make_tensor(narrow, weight(in.constant_b), in.B);
  value.inputs["C"] = make_tensor(narrow, weight(in.constant_c), in.C);
  if (in.skip) value.inputs["D"] = make_tensor(narrow, {i(s.channels)}, in.D);
  if (in.gate) value.inputs["z"] = make_tensor(narrow, token, in.z);
  if (in.bias) value.inputs["delta_bias"] = make_tensor(wide, {i(s.channels)}, in.delta_bias);
  if (in.start)
    value.inputs["initial_state"] = make_tensor(narrow, {i(s.batch), i(s.channels), i(s.states)}, in.h0);
  value.outputs["y"] = make_tensor(setting.base.out, token, r.y);
  value.outputs["last_state"] = make_tensor(wide, {i(s.batch), i(s.channels), i(s.states)}, r.last);
  if (!backward) return value;
  value.inputs["dy"] = make_tensor(narrow, token, in.dy);
  const std::vector<std::int64_t> state{i(s.batch), i(s.channels), i(s.states)};
  if (in.end) value.inputs["dlast_state"] = make_tensor(narrow, state, in.dlast);
  if (in.start) value.outputs["dinitial_state"] = make_tensor(setting.base.out, state, r.dinitial);
  value.outputs["du"] = make_tensor(setting.base.out, token, r.du);
  value.outputs["ddelta"] = make_tensor(setting.base.out, token, r.ddelta);
  value.outputs["dA"] = make_tensor(wide, rate, r.dA);
  value.outputs["dB"] = make_tensor(wide, weight(in.constant_b), r.dB);
  value.outputs["dC"] = make_tensor(wide, weight(in.constant_c), r.dC);
  if (in.skip) value.outputs["dD"] = make_tensor(wide, {i(s.channels)}, r.dD);
  if (in.gate) value.outputs["dz"] = make_tensor(setting.base.out, token, r.dz);
  if (in.bias) value.outputs["ddelta_bias"] = make_tensor(wide, {i(s.channels)}, r.dbias);
  return value;
}

}  // namespace

Case selective_scan_case(Random& random, const MambaSetting& setting, Schedule schedule,
                         const MambaShape& shape, bool backward) {
  const Inputs in = draw_inputs(random, setting, shape, backward);
  const Results r = with_arithmetic(setting.base, random, [&](const auto& arithmetic) {
    return run_kernel(arithmetic, random, setting, schedule, in, backward);
  });
  return make_case(setting, in, r, backward);
}

}  // namespace exactscan::soundness
