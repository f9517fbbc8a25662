#include <cmath>
#include <cstring>

#include "tests/emulation/random.hpp"
#include "tests/emulation/rounding.hpp"
#include "tests/soundness/mamba_reference.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Random;
using enum SsdDefect;

constexpr std::size_t heads = 4, groups = 2, width = 2, states = 2, steps = 15, Q = 4;

double bf16(double x) { return emulation::round_to(x, emulation::bfloat16); }
double softplus(double x) { return x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)); }

// One batch. In stages, as a kernel has them; without a defect the stages are the recurrence.
class Stages {
 public:
  explicit Stages(SsdDefect defect) : defect_(defect), random_(static_cast<std::uint64_t>(defect) + 7) {
    x_ = draw(steps * heads * width), B_ = draw(steps * groups * states), C_ = draw(steps * groups * states),
    z_ = draw(steps * heads * width);
    dt_ = draw(steps * heads), D_ = draw(heads), initial_ = draw(heads * width * states);
    for (std::size_t h = 0; h < heads; ++h)
      A_.push_back(as_float(-0.3 - random_.unit())), bias_.push_back(as_float(-0.5 * random_.unit()));
    for (std::size_t t = 0; t < steps; ++t)
      sequence_.push_back(defect == sequence_start_ignored && t >= 6 ? 1 : 0);
  }

  Case inputs() const {
    const auto f32 = [](std::vector<std::int64_t> shape, const std::vector<double>& v) {
      return Tensor::of(ElementType::f32, std::move(shape), v);
    };
    Case value;
    value.op = "ssd";
    value.options = {
        {"chunk_size", std::int64_t{Q}}, {"dt_softplus", true}, {"dt_min", 0.5}, {"dt_max", 1.0}};
    value.inputs = {{"x", f32({1, steps, heads, width}, x_)},
                    {"dt", f32({1, steps, heads}, dt_)},
                    {"A", f32({heads}, A_)},
                    {"B", f32({1, steps, groups, states}, B_)},
                    {"C", f32({1, steps, groups, states}, C_)},
                    {"z", f32({1, steps, heads, width}, z_)},
                    {"D", f32({heads}, D_)},
                    {"dt_bias", f32({heads}, bias_)},
                    {"initial_states", f32({1, heads, width, states}, initial_)}};
    Tensor ids{ElementType::i64, {1, steps}, {}};
    ids.data.resize(steps * 8);
    std::memcpy(ids.data.data(), sequence_.data(), ids.data.size());
    value.inputs["seq_idx"] = ids;
    return value;
  }

  Outputs run(bool with_defect) {
    active_ = with_defect;
    Outputs out;
    out["y"].assign(steps * heads * width, 0), out["final_states"].assign(heads * width * states, 0);
    for (std::size_t h = 0; h < heads; ++h) head(h, out);
    return out;
  }

 private:
  static double as_float(double x) { return static_cast<double>(static_cast<float>(x)); }
  std::vector<double> draw(std::size_t count) {
    std::vector<double> v;
    for (std::size_t i = 0; i < count; ++i) v.push_back(as_float(random_.uniform(-1.5, 1.5)));
    return v;
  }
  bool has(SsdDefect d) const { return active_ && defect_ == d; }
  std::size_t group(std::size_t h) const { return has(group_modulo) ? h % groups : h / (heads / groups); }
  double B(std::size_t t, std::size_t h, std::size_t n) const {
    return B_[(t * groups + group(h)) * states + n];
  }
  double C(std::size_t t, std::size_t h, std::size_t n) const {
    return C_[(t * groups + group(h)) * states + n];
  }
  double x(std::size_t t, std::size_t h, std::size_t p) const { return x_[(t * heads + h) * width + p]; }
  bool together(std::size_t s, std::size_t t) const {
    return has(sequence_start_ignored) || sequence_[s] == sequence_[t];
  }
  double exponential(double d) const { return has(exp_dropped) ? d : std::exp(d); }

  void head(std::size_t h, Outputs& out) const {
    std::vector<double> dt, E(width * states), R(width * states), entered(width * states);
    for (std::size_t t = 0; t < steps; ++t) {
      const double d = softplus(dt_[t * heads + h] + bias_[h]);
      dt.push_back(has(limits_ignored) ? d : std::min(std::max(d, 0.5), 1.0));
    }
    for (std::size_t i = 0; i < E.size(); ++i)
      E[i] = has(initial_state_dropped) ? 0 : initial_[h * width * states + i];
    double undecayed = 1;
    for (std::size_t from = 0; from < steps; from += Q) {
      const std::size_t live = std::min(Q, steps - from), last = from + live - 1;
      std::vector<double> L;
      for (std::size_t l = 0; l < live; ++l) L.push_back((l == 0 ? 0 : L.back()) + dt[from + l] * A_[h]);
      if (has(sums_in_bf16))
        for (double& v : L) v = bf16(v);
      double whole = L.back();
      if (has(padding_decays)) whole += static_cast<double>(Q - live) * 0.5 * A_[h];
      for (std::size_t i = 0; i < R.size(); ++i) {
        R[i] = 0;
        for (std::size_t j = 0; j < live; ++j)
          if (together(from + j, last))
            R[i] += exponential(whole - L[j]) * dt[from + j] * B(from + j, h, i % states) *
                    x(from + j, h, i / states);
      }
      const bool passes = together(from == 0 ? 0 : from - 1, last);
      std::vector<double> next(E.size());
      for (std::size_t i = 0; i < E.size(); ++i) {
        const double decay = passes ? (has(chunks_summed_undecayed) ? undecayed : std::exp(whole)) : 0;
        next[i] = has(no_propagation) && from > 0 ? R[i] : decay * E[i] + R[i];
      }
      for (std::size_t l = 0; l < live; ++l)
        for (std::size_t p = 0; p < width; ++p)
          output(h, from, l, p, dt, L, has(leaving_for_entering) ? next : E, out);
      E = next;
    }
    for (std::size_t i = 0; i < E.size(); ++i) out["final_states"][h * width * states + i] = E[i];
  }

  void output(std::size_t h, std::size_t from, std::size_t l, std::size_t p, const std::vector<double>& dt,
              const std::vector<double>& L, const std::vector<double>& E, Outputs& out) const {
    const std::size_t t = from + l;
    double y = 0;
    for (std::size_t n = 0; n < states; ++n) {
      const double row = std::exp(has(exclusive_sums) ? (l == 0 ? 0 : L[l - 1]) : L[l]);
      if (together(from == 0 ? 0 : from - 1, t)) y += row * C(t, h, n) * E[p * states + n];
    }
    for (std::size_t j = 0; j <= l && !has(intra_chunk_missing); ++j) {
      double scores = 0;
      for (std::size_t n = 0; n < states; ++n) scores += C(t, h, n) * B(from + j, h, n);
      const double base = has(diagonal_decayed) ? (j == 0 ? 0 : L[j - 1]) : L[j];
      if (together(from + j, t)) y += scores * exponential(L[l] - base) * dt[from + j] * x(from + j, h, p);
    }
    y += D_[has(skip_by_wrong_head) ? (h + 1) % heads : h] * x(t, h, p);
    const std::size_t at = (t * heads + h) * width + p;
    out["y"][at] = has(gate_missing) ? y : y * z_[at] / (1 + std::exp(-z_[at]));
  }

  SsdDefect defect_;
  Random random_;
  bool active_ = false;
  std::vector<double> x_, dt_, B_, C_, z_, D_, A_, bias_, initial_;
  std::vector<std::int64_t> sequence_;
};

constexpr const char* names[] = {"none",
                                 "leaving for entering state",
                                 "intra-chunk term missing",
                                 "own input decays",
                                 "padding decays",
                                 "start of a sequence ignored",
                                 "initial state dropped",
                                 "no propagation over chunks",
                                 "chunks summed undecayed",
                                 "exclusive sums",
                                 "limits ignored",
                                 "group modulo",
                                 "exp dropped",
                                 "sums in bf16",
                                 "skip of the wrong head",
                                 "gate missing"};

}  // namespace

MambaProblem ssd_problem(SsdDefect defect) {
  Stages stages(defect);
  MambaProblem p;
  p.name = names[static_cast<std::size_t>(defect)];
  p.value = stages.inputs();
  p.truth = stages.run(false), p.defective = stages.run(true);
  p.shapes = {{"y", {1, steps, heads, width}}, {"final_states", {1, heads, width, states}}};
  return p;
}

}  // namespace exactscan::soundness
