// The kernel itself, over any arithmetic. It follows s5.md's formulas in the way that kernels are written,
// and shares nothing with spec/.
#pragma once

#include "tests/soundness/s5_kernel.hpp"

namespace exactscan::soundness {

template <class A>
class S5Run {
 public:
  using K = ComplexKernel<A>;
  using V = typename K::Value;
  using R = typename K::Real;

  S5Run(const S5Data& data, K& kernel, emulation::Schedule schedule, S5Defect defect)
      : d_(data), k_(kernel), schedule_(schedule), defect_(defect) {}

  S5Results run() {
    prepare();
    for (std::size_t n = 0; n < d_.N; ++n) {
      for (std::size_t p = 0; p < d_.P; ++p) forward(n, p);
    }
    outputs();
    if (d_.backward) {
      for (std::size_t n = 0; n < d_.N; ++n) {
        for (std::size_t p = 0; p < d_.P; ++p) backward(n, p);
      }
      parameter_gradients();
    }
    return std::move(out_);
  }

 private:
  bool has(S5Defect defect) const { return defect_ == defect; }
  std::size_t at_u(std::size_t n, std::size_t h, std::size_t t) const { return (n * d_.H + h) * d_.L + t; }
  std::size_t at_step(std::size_t n, std::size_t p, std::size_t t) const { return (n * d_.P + p) * d_.L + t; }
  V conj_unless(S5Defect defect, const V& x) const { return has(defect) ? x : k_.conj(x); }

  R step_of(const std::vector<double>& steps, std::size_t n, std::size_t p, std::size_t t) const {
    if (has(S5Defect::delta_frozen_in_time)) t = 0;
    if (has(S5Defect::delta_of_first_batch)) n = 0;
    return k_.read_real(steps[at_step(n, p, t)]);
  }
  R gain_step(std::size_t n, std::size_t p, std::size_t t) const {
    return step_of(has(S5Defect::deltaA_for_delta) && d_.separate_step ? d_.deltaA : d_.delta, n, p, t);
  }
  R multiplier_step(std::size_t n, std::size_t p, std::size_t t) const {
    return step_of(d_.separate_step && !has(S5Defect::delta_for_deltaA) ? d_.deltaA : d_.delta, n, p, t);
  }
  V input(std::size_t i) const {
    const V u = k_.read(d_.u[i]);
    return has(S5Defect::imaginary_input_dropped) ? V{u.re, k_.read_real(0)} : u;
  }
  R scale() const {
    return k_.read_real(d_.kind != S5Kind::scan && d_.conj_sym && !has(S5Defect::scale_missing) ? 2 : 1);
  }
  V gradient(std::size_t n, std::size_t h, std::size_t t) {
    return k_.scale(scale(), k_.read(d_.dy[at_u(n, h, t)]));
  }

  void prepare() {
    const std::size_t states = d_.N * d_.P * d_.L;
    for (auto* list : {&multiplier_, &gain_, &b_, &leaf_, &x_, &lambda_, &gb_})
      list->assign(states, k_.read(0.0));
  }

  V denominator(const R& step, const V& a) {
    const V half = k_.scale(k_.read_real(0.5), k_.scale(step, a));
    return k_.subtract(k_.read(1.0), half);
  }
  V reciprocal(const R& step, const V& a) { return k_.divide(k_.read(1.0), denominator(step, a)); }

  V multiplier(const R& step, const V& a) {
    if (d_.method != S5Method::bilinear) return k_.exponential(k_.scale(step, a));
    const V half = k_.scale(k_.read_real(0.5), k_.scale(step, a));
    return k_.divide(k_.add(k_.read(1.0), half), denominator(step, a));
  }
  V gain(const R& step, const V& a) {
    if (has(S5Defect::gain_omitted) || d_.method == S5Method::dirac) return k_.read(1.0);
    if (d_.method == S5Method::bilinear) return k_.scale(step, reciprocal(step, a));
    return k_.divide(k_.exponential_minus_1(k_.scale(step, a)), a);
  }

  void forward(std::size_t n, std::size_t p) {
    const V a = k_.read(d_.A[p]);
    emulation::Windows<K> leaves;
    for (std::size_t t = 0; t < d_.L; ++t) {
      const std::size_t i = at_step(n, p, t);
      std::vector<V> weights, inputs;
      for (std::size_t h = 0; h < d_.H; ++h) {
        weights.push_back(k_.read(d_.B[p * d_.H + h])), inputs.push_back(input(at_u(n, h, t)));
      }
      b_[i] = k_.dot(weights, inputs);
      multiplier_[i] = multiplier(multiplier_step(n, p, t), a);
      gain_[i] = gain(gain_step(n, p, t), a);
      const bool early =
          d_.method == S5Method::bilinear && !has(S5Defect::gain_omitted) && k_.random().one_in(3);
      leaf_[i] = early ? k_.mul(k_.scale(gain_step(n, p, t), b_[i]), reciprocal(gain_step(n, p, t), a))
                       : k_.mul(gain_[i], b_[i]);
      leaves.push_back({multiplier_[i], leaf_[i]});
    }
    const V start = d_.start ? k_.read(d_.x0[n * d_.P + p]) : k_.read(0.0);
    const std::vector<V> states =
        defective_scan() ? run_defective(leaves, start)
                         : emulation::scan_states(k_, leaves, d_.start ? &start : nullptr, schedule_);
    for (std::size_t t = 0; t < d_.L; ++t) x_[at_step(n, p, t)] = states[t];
    const std::size_t last = d_.L - (has(S5Defect::last_state_too_early) && d_.L > 1 ? 2 : 1);
    out_["last_state"].push_back(K::get(x_[at_step(n, p, last)]));
  }

  bool defective_scan() const { return has(S5Defect::carry_dropped) || has(S5Defect::state_in_bf16); }
  std::vector<V> run_defective(const emulation::Windows<K>& leaves, V x) {
    std::vector<V> states;
    for (std::size_t t = 0; t < leaves.size(); ++t) {
      if (has(S5Defect::carry_dropped) && t == leaves.size() / 2) x = k_.read(0.0);
      x = k_.multiply_add(leaves[t].a, x, leaves[t].b);
      if (has(S5Defect::state_in_bf16)) {
        const auto cut = [](double v) { return emulation::round_to(v, emulation::bfloat16); };
        x = k_.read(Complex(cut(K::get(x).real()), cut(K::get(x).imag())));
      }
      states.push_back(x);
    }
    return states;
  }

  void outputs() {
    std::vector<Complex>& y = out_["y"];
    y.resize(d_.N * d_.H * d_.L);
    for (std::size_t n = 0; n < d_.N; ++n) {
      for (std::size_t h = 0; h < d_.H; ++h) {
        for (std::size_t t = 0; t < d_.L; ++t) y[at_u(n, h, t)] = output(n, h, t);
      }
    }
  }
  Complex output(std::size_t n, std::size_t h, std::size_t t) {
    std::vector<V> weights, states;
    for (std::size_t p = 0; p < d_.P; ++p) {
      weights.push_back(k_.read(d_.C[h * d_.P + p])), states.push_back(x_[at_step(n, p, t)]);
    }
    const V value = k_.dot(weights, states);
    if (d_.kind == S5Kind::scan) return K::get(value);
    auto& real = k_.parts();
    std::vector<emulation::Addend<R>> terms{{real.mul(scale(), value.re), {}, false}};
    const R twice = k_.read_real(has(S5Defect::scale_on_skip) && d_.conj_sym ? 2 : 1);
    for (std::size_t j = 0; j < d_.H && !d_.D.empty(); ++j) {
      if (d_.kind == S5Kind::inner && j != h) continue;
      const std::size_t place = d_.kind == S5Kind::inner         ? h
                                : has(S5Defect::skip_transposed) ? j * d_.H + h
                                                                 : h * d_.H + j;
      terms.push_back({real.mul(twice, k_.read_real(d_.D[place])), k_.read(d_.u[at_u(n, j, t)]).re, true});
    }
    return A::get(emulation::sum(real, std::move(terms)));
  }

  // lambda, from the last step to the first.
  void adjoint_states(std::size_t n, std::size_t p) {
    emulation::Windows<K> leaves;
    for (std::size_t t = d_.L; t-- > 0;) {
      std::vector<V> weights, gradients;
      for (std::size_t h = 0; h < d_.H; ++h) {
        weights.push_back(conj_unless(S5Defect::conj_C_missing, k_.read(d_.C[h * d_.P + p])));
        gradients.push_back(gradient(n, h, t));
      }
      V source = k_.dot(weights, gradients);
      if (d_.last_gradient && t + 1 == d_.L) source = k_.add(source, k_.read(d_.dlast[n * d_.P + p]));
      const std::size_t next = has(S5Defect::adjoint_shifted) ? t : std::min(t + 1, d_.L - 1);
      leaves.push_back(
          {conj_unless(S5Defect::conj_multiplier_missing, multiplier_[at_step(n, p, next)]), source});
    }
    const std::vector<V> states =
        emulation::scan_states(k_, leaves, static_cast<const V*>(nullptr), schedule_);
    for (std::size_t t = 0; t < d_.L; ++t) lambda_[at_step(n, p, t)] = states[d_.L - 1 - t];
  }

  V before(std::size_t n, std::size_t p, std::size_t t) {
    const std::size_t i = at_step(n, p, t);
    if (k_.style().recovered) return k_.divide(k_.subtract(x_[i], leaf_[i]), multiplier_[i]);
    if (t > 0) return x_[i - 1];
    return d_.start ? k_.read(d_.x0[n * d_.P + p]) : k_.read(0.0);
  }

  struct Partials {
    V multiplier_by_a, multiplier_by_step, gain_by_a, gain_by_step;
  };
  Partials partials(const R& e, const R& d, const V& a) {
    const V none = k_.read(0.0);
    if (d_.method == S5Method::bilinear) {
      const V ra = reciprocal(e, a), rb = reciprocal(d, a), ra2 = k_.mul(ra, ra), rb2 = k_.mul(rb, rb);
      const V half = k_.scale(k_.read_real(0.5), k_.scale(d, a));
      const R square = k_.parts().mul(k_.read_real(0.5), k_.parts().mul(d, d));
      const V by_step = k_.random().coin() ? k_.add(rb, k_.mul(half, rb2)) : rb2;
      return {k_.scale(e, ra2), k_.mul(a, ra2), k_.scale(square, rb2), by_step};
    }
    const V m = k_.exponential(k_.scale(e, a));
    if (d_.method == S5Method::dirac) return {k_.scale(e, m), k_.mul(a, m), none, none};
    const V g = k_.exponential(k_.scale(d, a));
    const V by_a = k_.divide(k_.subtract(k_.scale(d, g), gain(d, a)), a);
    return {k_.scale(e, m), k_.mul(a, m), by_a, g};
  }
  // lambda conj(v) conj(w), associated either way.
  V triple(const V& lambda, const V& v, const V& w) {
    if (k_.random().coin()) return k_.mul(lambda, k_.conj(k_.mul(v, w)));
    return k_.mul(k_.mul(lambda, k_.conj(v)), k_.conj(w));
  }

  void backward(std::size_t n, std::size_t p) {
    adjoint_states(n, p);
    const V a = k_.read(d_.A[p]);
    auto& real = k_.parts();
    for (auto* name : {"ddelta", "ddeltaA"}) out_[name].resize(d_.N * d_.P * d_.L);
    for (std::size_t t = 0; t < d_.L; ++t) {
      const std::size_t i = at_step(n, p, t);
      const V lambda = lambda_[i], x = before(n, p, t);
      const Partials by = partials(multiplier_step(n, p, t), gain_step(n, p, t), a);
      gb_[i] = k_.mul(conj_unless(S5Defect::conj_gain_missing, gain_[i]), lambda);
      const V first = has(S5Defect::conj_partial_missing) ? k_.mul(lambda, k_.mul(x, by.multiplier_by_a))
                                                          : triple(lambda, x, by.multiplier_by_a);
      terms_of_a_[p].push_back(first), terms_of_a_[p].push_back(triple(lambda, b_[i], by.gain_by_a));
      const R E = triple(lambda, x, by.multiplier_by_step).re, F = triple(lambda, b_[i], by.gain_by_step).re;
      out_["ddeltaA"][i] = A::get(E);
      out_["ddelta"][i] = A::get(d_.separate_step ? F : real.add(E, F));
    }
    out_["dx0"].push_back(K::get(k_.mul(k_.conj(multiplier_[at_step(n, p, 0)]), lambda_[at_step(n, p, 0)])));
  }

  void parameter_gradients() {
    const auto sum_of = [&](const std::vector<V>& terms) {
      std::vector<emulation::Addend<R>> re, im;
      for (const V& v : terms) re.push_back({v.re, {}, false}), im.push_back({v.im, {}, false});
      return V{emulation::sum(k_.parts(), std::move(re)), emulation::sum(k_.parts(), std::move(im))};
    };
    for (std::size_t p = 0; p < d_.P; ++p) out_["dA"].push_back(K::get(sum_of(terms_of_a_[p])));
    out_["du"].resize(d_.N * d_.H * d_.L);
    for (std::size_t n = 0; n < d_.N; ++n) {
      for (std::size_t h = 0; h < d_.H; ++h) {
        for (std::size_t t = 0; t < d_.L; ++t) input_gradient(n, h, t);
      }
    }
    for (std::size_t p = 0; p < d_.P; ++p) {
      for (std::size_t h = 0; h < d_.H; ++h) weight_gradient("dB", p, h);
    }
    for (std::size_t h = 0; h < d_.H; ++h) {
      for (std::size_t p = 0; p < d_.P; ++p) weight_gradient("dC", p, h);
    }
    for (std::size_t h = 0; h < d_.H && d_.kind == S5Kind::inner; ++h) {
      std::vector<emulation::Addend<R>> terms;
      for (std::size_t n = 0; n < d_.N; ++n) {
        for (std::size_t t = 0; t < d_.L; ++t)
          terms.push_back({k_.read(d_.dy[at_u(n, h, t)]).re, k_.read(d_.u[at_u(n, h, t)]).re, true});
      }
      out_["dD"].push_back(A::get(emulation::sum(k_.parts(), std::move(terms))));
    }
  }
  void input_gradient(std::size_t n, std::size_t h, std::size_t t) {
    std::vector<V> weights, gradients;
    for (std::size_t p = 0; p < d_.P; ++p) {
      weights.push_back(conj_unless(S5Defect::conj_B_missing, k_.read(d_.B[p * d_.H + h])));
      gradients.push_back(gb_[at_step(n, p, t)]);
    }
    V g = k_.dot(weights, gradients);
    if (d_.kind == S5Kind::inner)
      g = k_.add(g, k_.scale(k_.read_real(d_.D[h]), k_.read(d_.dy[at_u(n, h, t)])));
    out_["du"][at_u(n, h, t)] = K::get(g);
  }
  void weight_gradient(const char* name, std::size_t p, std::size_t h) {
    const bool of_b = name[1] == 'B';
    std::vector<V> left, right;
    for (std::size_t n = 0; n < d_.N; ++n) {
      for (std::size_t t = 0; t < d_.L; ++t) {
        left.push_back(of_b ? gb_[at_step(n, p, t)] : gradient(n, h, t));
        right.push_back(of_b ? conj_unless(S5Defect::conj_u_missing, input(at_u(n, h, t)))
                             : conj_unless(S5Defect::conj_x_missing, x_[at_step(n, p, t)]));
      }
    }
    out_[name].push_back(K::get(k_.dot(left, right)));
  }

  const S5Data& d_;
  K& k_;
  emulation::Schedule schedule_;
  S5Defect defect_;
  std::vector<V> multiplier_, gain_, b_, leaf_, x_, lambda_, gb_;
  std::map<std::size_t, std::vector<V>> terms_of_a_;
  S5Results out_;
};

}  // namespace exactscan::soundness
