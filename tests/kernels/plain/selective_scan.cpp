// selective_scan and its gradients, one channel after the other.
#include <vector>

#include "tests/kernels/plain/elements.hpp"
#include "tests/kernels/plain/plain.hpp"
#include "tests/kernels/plain/step.hpp"

namespace exactscan::kernels {
namespace {

using Index = std::int64_t;
std::size_t at(Index i) { return static_cast<std::size_t>(i); }

class Scan {
 public:
  Scan(const SystemCall& call, Planted planted)
      : call_(call),
        planted_(planted),
        batch_(call.size("u", 0)),
        channels_(call.size("u", 1)),
        length_(call.size("u", 2)),
        states_(call.size("A", 1)),
        rule_{call.flag("delta_softplus"), static_cast<float>(call.number("softplus_threshold", 20)),
              planted} {
    for (const char* name : {"B", "C"}) {
      if (call.in.at(name).shape.size() == 4) groups_ = call.size(name, 1);
    }
  }

  void run() {
    std::vector<float> sums_A(at(channels_ * states_)), sums_D(at(channels_)), sums_bias(at(channels_));
    const Buffer dB = call_.output("dB"), dC = call_.output("dC");
    std::vector<float> sums_B(at(dB.data == nullptr ? 0 : dB.size())),
        sums_C(at(dC.data == nullptr ? 0 : dC.size()));
    for (Index b = 0; b < batch_; ++b) {
      for (Index d = 0; d < channels_; ++d) {
        forward(b, d);
        if (call_.has("dy")) backward(b, d, {sums_A, sums_B, sums_C, sums_D, sums_bias});
      }
    }
    if (!call_.has("dy")) return;
    const auto store = [&](const char* name, const std::vector<float>& sums) {
      for (std::size_t i = 0; i < sums.size(); ++i)
        set_if(call_.output(name), static_cast<Index>(i), sums[i]);
    };
    store("dA", sums_A), store("dB", sums_B), store("dC", sums_C), store("dD", sums_D);
    store("ddelta_bias", sums_bias);
  }

 private:
  struct Sums {
    std::vector<float>&A, &B, &C, &D, &bias;
  };
  bool has(Planted planted) const { return planted_ == planted; }
  Index step_index(Index b, Index d, Index t) const { return (b * channels_ + d) * length_ + t; }
  Index state_index(Index b, Index d, Index n) const { return (b * channels_ + d) * states_ + n; }

  // Where B or C at (b, d, n, t) lies, in each of its three shapes.
  Index weight_index(const Buffer& w, Index b, Index d, Index n, Index t, bool modulo) const {
    if (w.shape.size() == 2) return d * states_ + n;
    if (w.shape.size() == 3) return (b * states_ + n) * length_ + t;
    const Index group = modulo ? d % groups_ : d / (channels_ / groups_);
    return ((b * groups_ + group) * states_ + n) * length_ + t;
  }
  Index B_index(Index b, Index d, Index n, Index t) const {
    if (has(Planted::weights_of_next_step) && t % 8 == 7 && t + 1 < length_) ++t;
    return weight_index(call_.in.at("B"), b, d, n, t, has(Planted::group_modulo));
  }
  Index C_index(Index b, Index d, Index n, Index t) const {
    return weight_index(call_.in.at("C"), b, d, n, t,
                        has(Planted::group_modulo) || has(Planted::group_modulo_of_C));
  }
  float B(Index b, Index d, Index n, Index t) const { return get(call_.in.at("B"), B_index(b, d, n, t)); }
  float C(Index b, Index d, Index n, Index t) const { return get(call_.in.at("C"), C_index(b, d, n, t)); }
  float A(Index d, Index n) const { return get(call_.in.at("A"), d * states_ + n); }
  float D(Index d) const {
    return get_or_zero(call_.input("D"), has(Planted::skip_of_head) ? d / (channels_ / groups_) : d);
  }

  float decay(Index d, Index n, Index t) const {
    const float exponent = delta_[at(t)] * A(d, n);
    if (has(Planted::exp_dropped_in_tail) && t >= length_ / 8 * 8) return exponent;
    return plain_exp(exponent, planted_);
  }

  float start(Index b, Index d, Index n) const {
    if (has(Planted::no_initial_state_of_one_batch) && batch_ == 1) return 0;
    return get_or_zero(call_.input("initial_state"), state_index(b, d, n));
  }

  void forward(Index b, Index d) {
    delta_.clear(), raw_.clear(), readout_.assign(at(length_), 0);
    h_.assign(at(length_ * states_), 0), before_.assign(at(length_ * states_), 0);
    for (Index t = 0; t < length_; ++t) {
      const float raw = get(call_.in.at("delta"), step_index(b, d, t));
      const float bias = get_or_zero(call_.input("delta_bias"), d);
      raw_.push_back(raw + (has(Planted::slope_without_bias) ? 0 : bias));
      delta_.push_back(rule_.size(raw, bias));
    }
    for (Index n = 0; n < states_; ++n) run_state(b, d, n);
    for (Index t = 0; t < length_; ++t) write_output(b, d, t);
  }

  void run_state(Index b, Index d, Index n) {
    float h = start(b, d, n);
    float previous = h;
    for (Index t = 0; t < length_; ++t) {
      if (has(Planted::carry_dropped) && t == 16) h = 0;
      if (has(Planted::carry_of_first_channel) && t == 16 && d % 2 == 0) first_channel_ = h;
      if (has(Planted::carry_of_first_channel) && t == 16 && d % 2 == 1) h = first_channel_;
      const std::size_t i = at(t * states_ + n);
      before_[i] = previous = h;
      h = decay(d, n, t) * h + delta_[at(t)] * B(b, d, n, t) * get(call_.in.at("u"), step_index(b, d, t));
      if (has(Planted::state_in_bf16)) h = to_bfloat16(h);
      h_[i] = h;
    }
    const Buffer& weights = call_.in.at("B");
    if (has(Planted::last_state_lacks_B) && weights.shape.size() == 2) h /= get(weights, d * states_ + n);
    set_if(call_.output("last_state"), state_index(b, d, n),
           has(Planted::last_state_one_early) ? previous : h);
  }

  void write_output(Index b, Index d, Index t) {
    float sum = 0;
    for (Index n = 0; n < states_; ++n) {
      const std::size_t i = at(t * states_ + n);
      sum += C(b, d, n, t) * (has(Planted::state_before_the_update) ? before_[i] : h_[i]);
      if (has(Planted::sum_in_bf16)) sum = to_bfloat16(sum);
    }
    const Buffer z = call_.input("z");
    const float gate = z.data == nullptr ? 0 : get(z, step_index(b, d, t));
    // Without D there is no such term, not one of 0 times what may be infinite.
    const float skipped = call_.has("D") ? D(d) * get(call_.in.at("u"), step_index(b, d, t)) : 0;
    readout_[at(t)] = sum + skipped;
    set_if(call_.output("y"), step_index(b, d, t),
           plain_gated(sum, skipped, z.data == nullptr ? nullptr : &gate, planted_));
  }

  void backward(Index b, Index d, const Sums& sums) {
    std::vector<float> carry;
    for (Index n = 0; n < states_; ++n)
      carry.push_back(get_or_zero(call_.input("dlast_state"), state_index(b, d, n)));
    for (Index t = length_; t-- > 0;) {
      if (has(Planted::reverse_carry_dropped) && t == 15) carry.assign(at(states_), 0.0F);
      const Index i = step_index(b, d, t);
      const float dy = get(call_.in.at("dy"), i), u = get(call_.in.at("u"), i), step = delta_[at(t)];
      float g = dy;
      if (call_.has("z")) {
        const float z = get(call_.in.at("z"), i), s = sigmoid(z);
        const float slope = has(Planted::gate_slope_incomplete) ? s : s * (1 + z * (1 - s));
        set_if(call_.output("dz"), i, dy * readout_[at(t)] * slope);
        g = dy * z * s;
      }
      float du = has(Planted::du_without_skip) || !call_.has("D") ? 0 : D(d) * g, dstep = 0;
      for (Index n = 0; n < states_; ++n) {
        const std::size_t j = at(t * states_ + n);
        const float a = decay(d, n, t), l = C(b, d, n, t) * g + carry[at(n)], w = B(b, d, n, t);
        const float decayed = has(Planted::previous_recovered) ? h_[j] - step * w * u : a * before_[j];
        add(sums.C, C_index(b, d, n, t), (has(Planted::gate_missing_in_dC) ? dy : g) * h_[j], d);
        add(sums.B, B_index(b, d, n, t), l * step * u, d);
        float& dA = sums.A[at(d * states_ + n)];
        dA = (has(Planted::dA_of_last_batch) && t == length_ - 1 ? 0 : dA) + l * step * decayed;
        du += l * step * w;
        dstep += l * (w * u + A(d, n) * decayed);
        carry[at(n)] = (has(Planted::own_decay_backwards) && t > 0 ? decay(d, n, t - 1) : a) * l;
      }
      const float dx = dstep * rule_.slope(raw_[at(t)]);
      set_if(call_.output("du"), i, du);
      set_if(call_.output("ddelta"), i, dx);
      sums.D[at(d)] += g * u;
      sums.bias[at(d)] += dx;
    }
    for (Index n = 0; n < states_; ++n)
      set_if(call_.output("dinitial_state"), state_index(b, d, n), carry[at(n)]);
  }

  void add(std::vector<float>& sums, Index i, float term, Index d) const {
    if (sums.empty()) return;
    if (has(Planted::last_channel_of_group) && (d + 1) % (channels_ / groups_) != 0) return;
    sums[at(i)] += term;
  }

  const SystemCall& call_;
  Planted planted_;
  Index batch_, channels_, length_, states_, groups_ = 1;
  StepRule rule_;
  std::vector<float> raw_, delta_, readout_;  // of the channel, by step
  std::vector<float> h_, before_;             // by step and state
  float first_channel_ = 0;
};

}  // namespace

void plain_selective_scan(const SystemCall& call, Planted planted) { Scan(call, planted).run(); }

}  // namespace exactscan::kernels
