#include <cmath>

#include "tests/emulation/random.hpp"
#include "tests/emulation/rounding.hpp"
#include "tests/soundness/mamba_reference.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Random;
using enum ScanDefect;

constexpr std::size_t batches = 2, channels = 4, steps = 10, states = 2, groups = 2;

double bf16(double x) { return emulation::round_to(x, emulation::bfloat16); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

class Scan {
 public:
  explicit Scan(ScanDefect defect) : defect_(defect), random_(static_cast<std::uint64_t>(defect) + 77) {
    const bool strong = defect == recovered_state, low = defect == softplus_naive,
               high = defect == threshold_wrong_branch || defect == threshold_at_ten;
    constant_b_ = defect == constant_b_missing;
    const std::size_t tokens = batches * channels * steps, weights = batches * groups * states * steps;
    for (auto* v : {&u_, &z_, &dy_}) *v = normal(tokens, 1);
    delta_ = normal(tokens, 1);
    B_ = normal(constant_b_ ? channels * states : weights, 1), C_ = normal(weights, 1);
    D_ = normal(channels, 1), h0_ = normal(batches * channels * states, 1),
    dlast_ = normal(batches * channels * states, 1);
    for (std::size_t i = 0; i < channels * states; ++i)
      A_.push_back(as_float(strong ? -30 - random_.unit() : -0.2 - random_.unit()));
    for (std::size_t d = 0; d < channels; ++d)
      bias_.push_back(as_float(low                                ? -10
                               : defect == threshold_wrong_branch ? 22
                               : high                             ? 11
                               : defect == step_min               ? -6
                               : strong                           ? 0.5
                                                                  : -1 - random_.unit()));
  }

  Case inputs() const {
    const auto f32 = [](std::vector<std::int64_t> shape, const std::vector<double>& v) {
      return Tensor::of(ElementType::f32, std::move(shape), v);
    };
    const std::vector<std::int64_t> token{batches, channels, steps};
    Case value;
    value.op = "selective_scan";
    value.options["delta_softplus"] = true;
    value.inputs = {{"u", f32(token, u_)},
                    {"delta", f32(token, delta_)},
                    {"z", f32(token, z_)},
                    {"dy", f32(token, dy_)},
                    {"A", f32({channels, states}, A_)},
                    {"B", f32(b_shape(), B_)},
                    {"C", f32({batches, groups, states, steps}, C_)},
                    {"D", f32({channels}, D_)},
                    {"delta_bias", f32({channels}, bias_)},
                    {"initial_state", f32({batches, channels, states}, h0_)},
                    {"dlast_state", f32({batches, channels, states}, dlast_)}};
    return value;
  }
  std::vector<std::int64_t> b_shape() const {
    return constant_b_ ? std::vector<std::int64_t>{channels, states}
                       : std::vector<std::int64_t>{batches, groups, states, steps};
  }

  Outputs run(bool with_defect) {
    active_ = with_defect;
    Outputs out{{"y", {}}, {"last_state", {}}, {"du", {}}, {"ddelta", {}}, {"dz", {}}};
    for (auto& [name, v] : out) v.assign(batches * channels * (name == "last_state" ? states : steps), 0);
    out["dA"].assign(A_.size(), 0), out["dB"].assign(B_.size(), 0), out["dC"].assign(C_.size(), 0),
        out["dD"].assign(channels, 0);
    out["ddelta_bias"].assign(channels, 0), out["dinitial_state"].assign(h0_.size(), 0);
    for (std::size_t b = 0; b < batches; ++b) {
      for (std::size_t d = 0; d < channels; ++d) channel(b, d, out);
    }
    return out;
  }

 private:
  static double as_float(double x) { return static_cast<double>(static_cast<float>(x)); }
  std::vector<double> normal(std::size_t count, double size) {
    std::vector<double> v;
    for (std::size_t i = 0; i < count; ++i) v.push_back(as_float(size * random_.uniform(-1.5, 1.5)));
    return v;
  }
  bool has(ScanDefect d) const { return active_ && defect_ == d; }
  std::size_t token(std::size_t b, std::size_t d, std::size_t t) const {
    return (b * channels + d) * steps + t;
  }
  std::size_t weight(bool c, std::size_t b, std::size_t d, std::size_t n, std::size_t t) const {
    if (!c && constant_b_) return d * states + n;
    const bool modulo = has(group_modulo) || (c && has(group_of_c_only));
    return ((b * groups + (modulo ? d % groups : d / (channels / groups))) * states + n) * steps + t;
  }

  double step_size(std::size_t b, std::size_t d, std::size_t t) const {
    const double raw = delta_[token(b, d, t)], x = has(bias_missing) ? raw : raw + bias_[d];
    if (has(bias_after_softplus)) return softplus(raw) + bias_[d];
    if (has(softplus_naive)) return static_cast<double>(std::log(1.0F + std::exp(static_cast<float>(x))));
    if (has(threshold_wrong_branch) && x > 20) return raw;
    if (has(threshold_at_ten) && x > 10) return x;
    return has(step_min) ? std::max(softplus(x), 0.01) : softplus(x);
  }

  void channel(std::size_t b, std::size_t d, Outputs& out) const {
    std::vector<double> delta(steps), a(steps * states), h(steps * states), before(steps * states),
        readout(steps);
    for (std::size_t t = 0; t < steps; ++t) delta[t] = step_size(b, d, t);
    for (std::size_t n = 0; n < states; ++n) {
      double state = has(initial_state_dropped) ? 0 : h0_[(b * channels + d) * states + n];
      for (std::size_t t = 0; t < steps; ++t) {
        const double A = A_[d * states + n] * (has(rate_off) ? 1 + 0x1p-12 : 1), z = delta[t] * A;
        a[t * states + n] = has(exp_dropped) && d == 1 ? 1 + z : std::exp(z);
        if (has(carry_lost) && t == steps / 2) state = 0;
        const double decay = has(decay_of_step_before) && t > 0 ? a[(t - 1) * states + n] : a[t * states + n];
        before[t * states + n] = state;
        state = decay * state + delta[t] * weighted(B_[weight(false, b, d, n, t)]) * u_[token(b, d, t)];
        if (has(state_in_bf16)) state = bf16(state);
        h[t * states + n] = state;
        readout[t] += weighted(C_[weight(true, b, d, n, t)]) * state;
      }
      double& last = out["last_state"][(b * channels + d) * states + n];
      last = has(constant_b_missing) ? state / B_[weight(false, b, d, n, 0)] : state;
    }
    for (std::size_t t = 0; t < steps; ++t) {
      if (!has(skip_missing)) readout[t] += D_[d] * u_[token(b, d, t)];
      const double z = z_[token(b, d, t)];
      out["y"][token(b, d, t)] = readout[t] * sigmoid(z) * (has(gate_without_z) ? 1 : z);
    }
    gradients(b, d, delta, a, h, before, readout, out);
  }
  double weighted(double w) const { return has(weights_in_bf16) ? bf16(w) : w; }

  void gradients(std::size_t b, std::size_t d, const std::vector<double>& delta, const std::vector<double>& a,
                 const std::vector<double>& h, const std::vector<double>& before,
                 const std::vector<double>& readout, Outputs& out) const {
    std::vector<double> carry(states, 0);
    const std::size_t state = (b * channels + d) * states;
    for (std::size_t n = 0; n < states && !has(last_gradient_dropped); ++n) carry[n] = dlast_[state + n];
    for (std::size_t t = steps; t-- > 0;) {
      const std::size_t i = token(b, d, t);
      const double z = z_[i], s = sigmoid(z), u = u_[i], g = dy_[i] * z * s;
      out["dz"][i] = dy_[i] * readout[t] * s * (has(gate_slope_missing) ? 1 : 1 + z * (1 - s));
      double du = D_[d] * g, step = 0;
      for (std::size_t n = 0; n < states; ++n) {
        const double B = B_[weight(false, b, d, n, t)], A = A_[d * states + n];
        if (has(adjoint_carry_lost) && t == steps / 2) carry[n] = 0;
        const double l = C_[weight(true, b, d, n, t)] * g +
                         (has(adjoint_decay_of_step) ? a[t * states + n] * carry[n] : carry[n]);
        double ah = a[t * states + n] * before[t * states + n];
        if (has(recovered_state))
          ah = static_cast<double>(static_cast<float>(h[t * states + n]) -
                                   static_cast<float>(delta[t] * B * u));
        out["dC"][weight(true, b, d, n, t)] += g * h[t * states + n];
        if (!has(group_sum_missing) || d % (channels / groups) == 0)
          out["dB"][weight(false, b, d, n, t)] += l * delta[t] * u;
        if (!has(batch_missing) || b == 0) out["dA"][d * states + n] += l * delta[t] * ah;
        du += l * delta[t] * B;
        step += l * (B * u + A * ah);
        carry[n] = has(adjoint_decay_of_step) ? l : a[t * states + n] * l;
      }
      const double gradient = step * (has(slope_missing) ? 1 : sigmoid(delta_[i] + bias_[d]));
      out["du"][i] = du, out["ddelta"][i] = gradient;
      if (!has(batch_missing) || b == 0) out["dD"][d] += g * u, out["ddelta_bias"][d] += gradient;
    }
    for (std::size_t n = 0; n < states; ++n)
      out["dinitial_state"][state + n] = has(first_decay_missing_in_scan) ? carry[n] / a[n] : carry[n];
  }

  ScanDefect defect_;
  Random random_;
  bool constant_b_ = false, active_ = false;
  std::vector<double> u_, delta_, z_, dy_, A_, B_, C_, D_, bias_, h0_, dlast_;
};

constexpr const char* names[] = {"none",
                                 "group modulo",
                                 "group of C alone",
                                 "bias after softplus",
                                 "bias missing",
                                 "softplus naive",
                                 "threshold, wrong branch",
                                 "threshold at 10",
                                 "step sizes at least 0.01",
                                 "exp dropped",
                                 "decay of the step before",
                                 "carry lost",
                                 "initial state dropped",
                                 "state in bf16",
                                 "weights in bf16",
                                 "rate off by 2^-12",
                                 "skip missing",
                                 "gate without z",
                                 "constant B missing",
                                 "adjoint, decay of this step",
                                 "adjoint, carry lost",
                                 "recovered state, strong decay",
                                 "slope missing",
                                 "slope of the gate missing",
                                 "batch missing in sums",
                                 "group's sum missing",
                                 "last state's gradient dropped",
                                 "initial state's gradient undecayed"};

}  // namespace

MambaProblem scan_problem(ScanDefect defect) {
  Scan scan(defect);
  MambaProblem p;
  p.name = names[static_cast<std::size_t>(defect)];
  p.value = scan.inputs();
  p.truth = scan.run(false), p.defective = scan.run(true);
  const std::vector<std::int64_t> token{batches, channels, steps};
  p.shapes = {{"y", token},
              {"du", token},
              {"ddelta", token},
              {"dz", token},
              {"last_state", {batches, channels, states}},
              {"dA", {channels, states}},
              {"dB", scan.b_shape()},
              {"dC", {batches, groups, states, steps}},
              {"dD", {channels}},
              {"ddelta_bias", {channels}},
              {"dinitial_state", {batches, channels, states}}};
  return p;
}

}  // namespace exactscan::soundness
