#include <cmath>
#include <cstring>

#include "tests/emulation/random.hpp"
#include "tests/emulation/rounding.hpp"
#include "tests/soundness/mamba_reference.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Random;
using enum SsdGradientDefect;

constexpr std::size_t batch = 2, heads = 4, groups = 2, width = 2, states = 2, steps = 7, Q = 3;
constexpr double low = 0.5, high = 1.0;

double bf16(double x) { return emulation::round_to(x, emulation::bfloat16); }
double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

// The adjoint of the recurrence, step by step.
class Adjoint {
 public:
  explicit Adjoint(SsdGradientDefect defect) : defect_(defect), random_(static_cast<std::uint64_t>(defect)) {
    x_ = draw(batch * steps * heads * width), z_ = draw(x_.size()), dy_ = draw(x_.size());
    B_ = draw(batch * steps * groups * states), C_ = draw(B_.size());
    dt_ = draw(batch * steps * heads), D_ = draw(heads);
    initial_ = draw(batch * heads * width * states), dfinal_ = draw(initial_.size());
    for (std::size_t h = 0; h < heads; ++h)
      A_.push_back(as_float(-0.3 - random_.unit())), bias_.push_back(as_float(-0.5 * random_.unit()));
    for (std::size_t i = 0; i < batch * steps; ++i)
      sequence_.push_back(defect == sequence_start_crossed && i % steps >= 4 ? 1 : 0);
  }

  MambaProblem problem(const char* name) {
    const std::vector<std::int64_t> token{batch, steps, heads, width}, weight{batch, steps, groups, states},
        state{batch, heads, width, states}, step{batch, steps, heads}, head{heads};
    const auto f32 = [](const std::vector<std::int64_t>& shape, const std::vector<double>& v) {
      return Tensor::of(ElementType::f32, shape, v);
    };
    MambaProblem p;
    p.name = name;
    p.value.op = "ssd";
    p.value.options = {
        {"chunk_size", std::int64_t{Q}}, {"dt_softplus", true}, {"dt_min", low}, {"dt_max", high}};
    p.value.inputs = {{"x", f32(token, x_)},
                      {"dt", f32(step, dt_)},
                      {"A", f32(head, A_)},
                      {"B", f32(weight, B_)},
                      {"C", f32(weight, C_)},
                      {"z", f32(token, z_)},
                      {"D", f32(head, D_)},
                      {"dt_bias", f32(head, bias_)},
                      {"dy", f32(token, dy_)},
                      {"initial_states", f32(state, initial_)},
                      {"dfinal_states", f32(state, dfinal_)}};
    Tensor ids{ElementType::i64, {batch, steps}, {}};
    ids.data.resize(sequence_.size() * 8);
    std::memcpy(ids.data.data(), sequence_.data(), ids.data.size());
    p.value.inputs["seq_idx"] = ids;
    p.shapes = {{"dx", token}, {"dz", token},      {"ddt", step},
                {"dA", head},  {"dB", weight},     {"dC", weight},
                {"dD", head},  {"ddt_bias", head}, {"dinitial_states", state}};
    p.truth = run(false), p.defective = run(true);
    return p;
  }

 private:
  static double as_float(double x) { return static_cast<double>(static_cast<float>(x)); }
  std::vector<double> draw(std::size_t count) {
    std::vector<double> v;
    for (std::size_t i = 0; i < count; ++i) v.push_back(as_float(random_.uniform(-1.5, 1.5)));
    return v;
  }
  bool has(SsdGradientDefect d) const { return active_ && defect_ == d; }
  static std::size_t token(std::size_t b, std::size_t t, std::size_t h, std::size_t p) {
    return ((b * steps + t) * heads + h) * width + p;
  }
  std::size_t weight(std::size_t b, std::size_t t, std::size_t h, std::size_t n) const {
    const std::size_t g = has(SsdGradientDefect::group_modulo) ? h % groups : h / (heads / groups);
    return ((b * steps + t) * groups + g) * states + n;
  }
  bool starts(std::size_t b, std::size_t t) const {
    return t > 0 && sequence_[b * steps + t] != sequence_[b * steps + t - 1];
  }

  Outputs run(bool with_defect) {
    active_ = with_defect;
    Outputs out;
    out["dx"].assign(x_.size(), 0), out["dz"].assign(x_.size(), 0), out["ddt"].assign(dt_.size(), 0);
    out["dB"].assign(B_.size(), 0), out["dC"].assign(B_.size(), 0);
    for (const char* name : {"dA", "dD", "ddt_bias"}) out[name].assign(heads, 0);
    out["dinitial_states"].assign(initial_.size(), 0);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t h = 0; h < heads; ++h) head(b, h, out);
    return out;
  }

  void head(std::size_t b, std::size_t h, Outputs& out) const {
    std::vector<double> free(steps), dt(steps), a(steps), rate(steps, 0), direct(steps, 0);
    for (std::size_t t = 0; t < steps; ++t) {
      free[t] = softplus(dt_[(b * steps + t) * heads + h] + bias_[h]);
      dt[t] = std::min(std::max(free[t], low), high);
      a[t] = starts(b, t) ? 0 : std::exp(dt[t] * A_[h]);
    }
    for (std::size_t p = 0; p < width; ++p)
      for (std::size_t n = 0; n < states; ++n) state(b, h, p, n, dt, a, rate, direct, out);
    for (std::size_t p = 0; p < width; ++p) column(b, h, p, out);
    for (std::size_t t = 0; t < steps; ++t) {
      const double x = dt_[(b * steps + t) * heads + h] + bias_[h];
      const double r = has(rate_of_step_before) ? (t == 0 ? 0 : rate[t - 1]) : rate[t];
      double d = direct[t] + (has(rate_missing) ? 0 : has(rate_without_A) ? r : A_[h] * r);
      if (!has(softplus_slope_missing)) d *= sigmoid(x);
      if (!has(limits_not_masked) && (free[t] < low || free[t] > high)) d = 0;
      out["ddt"][(b * steps + t) * heads + h] = d;
      if (!(has(batch_missing) && b > 0)) out["ddt_bias"][h] += d;
      if (!(has(last_chunk_of_dA_alone) && t < steps - steps % Q))
        out["dA"][h] += has(dA_without_dt) ? r : dt[t] * r;
    }
  }

  double g(std::size_t b, std::size_t t, std::size_t h, std::size_t p) const {
    const std::size_t i = token(b, t, h, p);
    return has(gate_missing_in_dy) ? dy_[i] : dy_[i] * z_[i] * sigmoid(z_[i]);
  }

  // All that goes through one state.
  void state(std::size_t b, std::size_t h, std::size_t p, std::size_t n, const std::vector<double>& dt,
             const std::vector<double>& a, std::vector<double>& rate, std::vector<double>& direct,
             Outputs& out) const {
    const std::size_t at = ((b * heads + h) * width + p) * states + n;
    std::vector<double> S{initial_[at]};
    for (std::size_t t = 0; t < steps; ++t)
      S.push_back(a[t] * S[t] + dt[t] * B_[weight(b, t, h, n)] * x_[token(b, t, h, p)]);
    double carry = has(final_gradient_dropped) ? 0 : dfinal_[at];
    for (std::size_t t = steps; t-- > 0;) {
      const double B = B_[weight(b, t, h, n)], C = C_[weight(b, t, h, n)], x = x_[token(b, t, h, p)];
      if (has(gradient_lost_between_chunks) && (t + 1) % Q == 0) carry = 0;
      const double l = C * g(b, t, h, p) + carry;
      rate[t] += l * a[t] *
                 (has(entering_state_missing) && t % Q == 0 ? 0
                  : has(state_after)                        ? S[t + 1]
                                                            : S[t]);
      direct[t] += l * B * x;
      if (!(has(shared_heads_not_summed) && h % (heads / groups) != 0)) {
        out["dB"][weight(b, t, h, n)] += l * (has(dB_without_dt) ? 1 : dt[t]) * x;
        out["dC"][weight(b, t, h, n)] += g(b, t, h, p) * (has(dC_of_state_before) ? S[t] : S[t + 1]);
      }
      out["dx"][token(b, t, h, p)] += l * dt[t] * B;
      out["dz"][token(b, t, h, p)] += C * S[t + 1];
      const std::size_t from = has(decay_of_next_step) && t + 1 < steps ? t + 1 : t;
      carry = (has(sequence_start_crossed) && starts(b, t) ? std::exp(dt[t] * A_[h]) : a[from]) * l;
      if (has(gradients_of_states_in_bf16) && t % Q == 0) carry = bf16(carry);
    }
    out["dinitial_states"][at] = has(first_decay_missing) ? carry / std::exp(dt[0] * A_[h]) : carry;
  }

  // dz holds the readout without D so far.
  void column(std::size_t b, std::size_t h, std::size_t p, Outputs& out) const {
    for (std::size_t t = 0; t < steps; ++t) {
      const std::size_t i = token(b, t, h, p);
      const double s = sigmoid(z_[i]), slope = has(gate_slope_missing) ? s : s * (1 + z_[i] * (1 - s));
      out["dz"][i] = dy_[i] * (out["dz"][i] + D_[h] * x_[i]) * slope;
      if (!has(skip_missing)) out["dx"][i] += D_[h] * g(b, t, h, p);
      out["dD"][h] += (has(dD_of_ungated) ? dy_[i] : g(b, t, h, p)) * x_[i];
    }
  }

  SsdGradientDefect defect_;
  Random random_;
  bool active_ = false;
  std::vector<double> x_, dt_, B_, C_, z_, D_, A_, bias_, dy_, initial_, dfinal_;
  std::vector<std::int64_t> sequence_;
};

constexpr const char* names[] = {"none",
                                 "gradient lost between chunks",
                                 "final states' gradient dropped",
                                 "decay of the next step",
                                 "start of a sequence crossed",
                                 "first decay missing",
                                 "gradients of states in bf16",
                                 "rate's share of ddt missing",
                                 "rate without A",
                                 "rate of the step before",
                                 "entering state missing in the rate",
                                 "rate of the state after",
                                 "dA without dt",
                                 "dA of the last chunk alone",
                                 "softplus slope missing",
                                 "limits not masked",
                                 "dB without dt",
                                 "dC of the state before",
                                 "shared heads not summed",
                                 "group modulo",
                                 "batch missing",
                                 "gate missing in dy",
                                 "gate's slope missing",
                                 "skip missing in dx",
                                 "dD of the ungated dy"};

}  // namespace

MambaProblem ssd_gradient_problem(SsdGradientDefect defect) {
  return Adjoint(defect).problem(names[static_cast<std::size_t>(defect)]);
}

}  // namespace exactscan::soundness
