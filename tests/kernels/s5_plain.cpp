#include "tests/kernels/s5_plain.hpp"

#include <cmath>
#include <complex>
#include <string>
#include <vector>

namespace exactscan::kernels {
namespace {

using Z = std::complex<float>;
using Defect = S5Defect;
using Index = std::int64_t;

std::size_t at(Index i) { return static_cast<std::size_t>(i); }

// expm1(x) cos y - 2 sin^2(y/2) + i e^x sin y.
Z minus_one(const Z& z) {
  const float s = std::sin(z.imag() / 2);
  return {std::expm1(z.real()) * std::cos(z.imag()) - 2 * s * s, std::exp(z.real()) * std::sin(z.imag())};
}

class PlainS5 {
 public:
  PlainS5(const SystemCall& call, Defect planted)
      : call_(call),
        planted_(planted),
        update_(call.inputs.op == "simplified_state_update"),
        scan_(call.inputs.op == "simplified_scan"),
        method_(call.text("discretization", "bilinear")),
        conj_sym_(call.flag("conj_sym", true)),
        N_(call.size("u", 0)),
        H_(call.size("u", 1)),
        P_(call.size("C", 1)),
        L_(update_ ? 1 : call.size("u", 2)) {}

  void run() {
    for (Index n = 0; n < N_; ++n) {
      for (Index p = 0; p < P_; ++p) forward(n, p);
    }
    for (Index n = 0; n < N_; ++n) {
      for (Index h = 0; h < H_; ++h) {
        for (Index t = 0; t < L_; ++t) put_output(n, h, t);
      }
    }
    if (call_.has("dy")) backward();
  }

 private:
  bool is(Defect d) const { return planted_ == d; }
  Z conj_unless(Defect d, const Z& z) const { return is(d) ? z : std::conj(z); }
  Z complex(const char* name, Index i) const { return call_.in.at(name).as<const Z>()[i]; }
  float real(const char* name, Index i) const { return call_.in.at(name).as<const float>()[i]; }
  Index at_u(Index n, Index h, Index t) const { return (n * H_ + h) * L_ + t; }
  Index at_step(Index n, Index p, Index t) const { return (n * P_ + p) * L_ + t; }
  Z u(Index n, Index h, Index t) const {
    const Index i = at_u(n, h, t);
    return update_ ? Z(real("u", i)) : complex("u", i);
  }
  template <class T>
  void put(const char* name, Index i, const T& value) const {
    if (call_.wants(name)) call_.out.at(name).as<T>()[i] = value;
  }

  // One step of one state.
  struct Step {
    float d, e;
    Z a, multiplier, gain, b;
  };
  Step step(Index n, Index p, Index t) const {
    const bool shared = update_ && call_.in.at("delta").shape.size() == 1;
    const Index row = shared || is(Defect::delta_of_first_sequence) ? 0 : n;
    const Index i = at_step(row, p, is(Defect::delta_of_first_step) ? 0 : t);
    Step s;
    s.d = real("delta", i);
    s.e = call_.has("deltaA") && !is(Defect::deltaA_ignored) ? real("deltaA", i) : s.d;
    if (is(Defect::deltaA_in_gain)) s.d = s.e;
    s.a = complex("A", p);
    for (Index h = 0; h < H_; ++h) s.b += complex("B", p * H_ + h) * u(n, h, t);
    discretize(s);
    if (is(Defect::gain_omitted)) s.gain = 1;
    return s;
  }
  void discretize(Step& s) const {
    if (method_ == "bilinear") {
      const float sign = is(Defect::bilinear_signs_exchanged) ? -1.0F : 1.0F;
      const Z w = sign * s.e / 2 * s.a, v = sign * s.d / 2 * s.a;
      s.multiplier = (1.0F + w) / (1.0F - w);
      s.gain = s.d / (1.0F - v);
    } else {
      s.multiplier = std::exp(s.e * s.a);
      s.gain = method_ == "zoh" ? zoh_gain(s.d, s.a) : Z(1);
    }
  }
  Z zoh_gain(float d, const Z& a) const {
    const Z z = d * a;
    if (is(Defect::gain_by_subtraction)) return (std::exp(z) - 1.0F) / a;
    if (is(Defect::gain_unguarded_at_zero) && std::norm(a) == 0) return minus_one(z) * std::conj(a) / 1e-12F;
    return a == 0.0F ? Z(d) : minus_one(z) / a;
  }

  Z initial(Index n, Index p) const {
    const char* const name = update_ ? "state" : "x0";
    return call_.has(name) && !is(Defect::initial_state_ignored) ? complex(name, n * P_ + p) : Z(0);
  }
  void forward(Index n, Index p) {
    Z x = initial(n, p), before = x;
    for (Index t = 0; t < L_; ++t) {
      const Step s = step(n, p, t);
      steps_.push_back(s);
      before_.push_back(x);
      before = x;
      x = s.multiplier * x + s.gain * s.b;
      states_.push_back(x);
    }
    put("last_state", n * P_ + p, is(Defect::last_state_one_early) ? before : x);
  }
  const Step& at_time(Index n, Index p, Index t) const { return steps_[at(at_step(n, p, t))]; }
  Z state(Index n, Index p, Index t) const { return states_[at(at_step(n, p, t))]; }
  // The state before a step, where gradients use it.
  Z previous(Index n, Index p, Index t) const {
    const Index i = at_step(n, p, t);
    if (is(Defect::state_after_the_step)) return states_[at(i)];
    const Step& s = steps_[at(i)];
    if (is(Defect::state_recovered_by_division)) return (states_[at(i)] - s.gain * s.b) / s.multiplier;
    return before_[at(i)];
  }

  void put_output(Index n, Index h, Index t) const {
    Z y;
    for (Index p = 0; p < P_; ++p) {
      const Z c = complex("C", h * P_ + p);
      const Index i = at_step(n, p, t);
      y += (is(Defect::readout_conjugated) ? std::conj(c) : c) *
           (is(Defect::readout_before_update) ? before_ : states_)[at(i)];
    }
    if (scan_) return put("y", at_u(n, h, t), y);
    const bool twice = (conj_sym_ || is(Defect::factor_two_always)) && !is(Defect::factor_two_missing);
    if (is(Defect::factor_two_on_skip))
      return put("y", at_u(n, h, t), y.real() + (twice ? 2.0F : 1.0F) * skip(n, h, t));
    put("y", at_u(n, h, t), (twice ? 2.0F : 1.0F) * y.real() + skip(n, h, t));
  }
  float skip(Index n, Index h, Index t) const {
    if (!call_.has("D")) return 0;
    if (!update_) return real("D", is(Defect::skip_of_first_channel) ? 0 : h) * u(n, h, t).real();
    float sum = 0;
    for (Index j = 0; j < H_; ++j) {
      if (is(Defect::skip_matrix_diagonal) && j != h) continue;
      const Index place = is(Defect::skip_matrix_transposed) ? j * H_ + h : h * H_ + j;
      sum += real("D", place) * u(n, j, t).real();
    }
    return sum;
  }

  // Of the complex y.
  Z gradient(Index n, Index h, Index t) const {
    const Index i = at_u(n, h, t);
    if (scan_) return complex("dy", i);
    return (conj_sym_ && !is(Defect::factor_two_missing_backwards) ? 2.0F : 1.0F) * real("dy", i);
  }
  void backward() {
    gb_.resize(steps_.size());
    dA_.resize(at(P_));
    for (Index n = 0; n < N_; ++n) {
      for (Index p = 0; p < P_; ++p) {
        if (is(Defect::dA_of_last_sequence)) dA_[at(p)] = 0;
        backward(n, p);
      }
    }
    for (Index p = 0; p < P_; ++p) put("dA", p, dA_[at(p)]);
    put_input_gradients();
    put_weight_gradients();
  }
  void backward(Index n, Index p) {
    Z carry;
    if (call_.has("dlast_state") && !is(Defect::last_state_gradient_ignored))
      carry = complex("dlast_state", n * P_ + p);
    for (Index t = L_; t-- > 0;) {
      Z lambda = carry;
      for (Index h = 0; h < H_; ++h)
        lambda += conj_unless(Defect::readout_not_conjugated, complex("C", h * P_ + p)) * gradient(n, h, t);
      const Step& s = at_time(n, p, t);
      gradients_of_step(n, p, t, lambda);
      gb_[at(at_step(n, p, t))] = conj_unless(Defect::gain_not_conjugated, s.gain) * lambda;
      const Step& link = is(Defect::adjoint_shifted) && t > 0 ? at_time(n, p, t - 1) : s;
      carry = conj_unless(Defect::multiplier_not_conjugated, link.multiplier) * lambda;
    }
    put("dx0", n * P_ + p, carry);
  }

  struct Partials {
    Z multiplier_by_a, multiplier_by_e, gain_by_a, gain_by_d;
  };
  Partials partials(const Step& s) const {
    if (method_ == "bilinear") {
      const Z ra = 1.0F / (1.0F - s.e / 2 * s.a), rb = 1.0F / (1.0F - s.d / 2 * s.a);
      return {s.e * (ra * ra), s.a * (ra * ra), s.d * s.d / 2 * (rb * rb), rb * rb};
    }
    Partials r{s.e * s.multiplier, s.a * s.multiplier, 0, 0};
    if (method_ == "dirac") return r;
    r.gain_by_d = std::exp(s.d * s.a);
    r.gain_by_a = s.a == 0.0F ? Z(s.d * s.d / 2) : (s.d * r.gain_by_d - s.gain) / s.a;
    return r;
  }
  void gradients_of_step(Index n, Index p, Index t, const Z& lambda) {
    const Step& s = at_time(n, p, t);
    const Partials by = partials(s);
    const Z x = lambda * std::conj(previous(n, p, t)), b = lambda * std::conj(s.b);
    const float E = (x * std::conj(by.multiplier_by_e)).real();
    // dirac's Bbar is constant: 0, also where lambda overflowed.
    const float F = method_ == "dirac" ? 0 : (b * std::conj(by.gain_by_d)).real();
    const Index i = at_step(n, p, t);
    put("ddeltaA", i, E);
    put("ddelta", i, call_.has("deltaA") || is(Defect::part_of_multiplier_missing_in_ddelta) ? F : E + F);
    Z& dA = dA_[at(p)];
    dA += (is(Defect::state_not_conjugated_in_dA) ? lambda * previous(n, p, t) : x) *
          conj_unless(Defect::partial_not_conjugated_in_dA, by.multiplier_by_a);
    if (!is(Defect::part_of_gain_missing_in_dA)) dA += b * std::conj(by.gain_by_a);
  }

  void put_input_gradients() const {
    for (Index n = 0; n < N_; ++n) {
      for (Index h = 0; h < H_; ++h) {
        for (Index t = 0; t < L_; ++t) {
          Z du;
          for (Index p = 0; p < P_; ++p)
            du += conj_unless(Defect::projection_not_conjugated, complex("B", p * H_ + h)) *
                  gb_[at(at_step(n, p, t))];
          if (!scan_ && !is(Defect::skip_missing_in_du)) du += real("D", h) * real("dy", at_u(n, h, t));
          put("du", at_u(n, h, t), du);
        }
      }
    }
  }
  void put_weight_gradients() const {
    for (Index h = 0; h < H_; ++h) {
      float dD = 0;
      for (Index n = is(Defect::dD_of_last_sequence) ? N_ - 1 : 0; n < N_ && !scan_; ++n) {
        for (Index t = 0; t < L_; ++t) dD += real("dy", at_u(n, h, t)) * u(n, h, t).real();
      }
      put("dD", h, dD);
      for (Index p = 0; p < P_; ++p) {
        Z dB, dC;
        for (Index n = 0; n < N_; ++n) {
          for (Index t = 0; t < L_; ++t) {
            dB += gb_[at(at_step(n, p, t))] * conj_unless(Defect::input_not_conjugated_in_dB, u(n, h, t));
            dC += gradient(n, h, t) * conj_unless(Defect::state_not_conjugated_in_dC, state(n, p, t));
          }
        }
        put("dB", p * H_ + h, dB);
        put("dC", h * P_ + p, dC);
      }
    }
  }

  const SystemCall& call_;
  Defect planted_;
  bool update_, scan_;
  std::string method_;
  bool conj_sym_;
  Index N_, H_, P_, L_;
  std::vector<Step> steps_;  // [N, P, L], as all of these
  std::vector<Z> before_, states_, gb_;
  std::vector<Z> dA_;  // [P]
};

}  // namespace

void plain_s5(const SystemCall& call, S5Defect planted) { PlainS5(call, planted).run(); }

SystemKernel plain_s5_kernel(const char* name, S5Defect planted) {
  SystemKernel k;
  k.name = name;
  k.forms = {{"simplified_scan", false},
             {"simplified_scan", true},
             {"s5_inner", false},
             {"s5_inner", true},
             {"simplified_state_update", false}};
  k.types = {ElementType::f32};
  k.run = [planted](const SystemCall& call) { plain_s5(call, planted); };
  return k;
}

}  // namespace exactscan::kernels
