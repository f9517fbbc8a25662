// ssd in chunks, by its four stages, and each stage as an operation of its own.
//
// With L the sums of dt A within a chunk and E the state that enters it:
//   R = sum_j exp(L_last - L_j) dt_j B_j x_j;  E' = exp(L_last) E + R
//   y_l = exp(L_l) C_l . E + sum_{j<=l} (C_l . B_j) exp(L_l - L_j) dt_j x_j + D x_l, times silu(z_l)
#include <limits>
#include <vector>

#include "tests/kernels/plain/elements.hpp"
#include "tests/kernels/plain/plain.hpp"
#include "tests/kernels/plain/step.hpp"

namespace exactscan::kernels {
namespace {

using Index = std::int64_t;
using Row = std::vector<float>;
std::size_t at(Index i) { return static_cast<std::size_t>(i); }

struct Sizes {
  Index batch = 0, steps = 0, heads = 0, width = 0, states = 0, groups = 1, chunk = 256, chunks = 0;
};

Sizes sizes_of(const SystemCall& call) {
  Sizes s;
  if (call.has("dA_cumsum")) {
    const std::vector<Index>& shape = call.in.at("dA_cumsum").shape;
    s.batch = shape[0], s.heads = shape[1], s.chunks = shape[2], s.chunk = shape[3];
    s.steps = s.chunks * s.chunk;
  }
  if (call.has("states")) s.width = call.size("states", 3), s.states = call.size("states", 4);
  if (call.has("seq_idx")) s.steps = call.size("seq_idx", 1);
  if (call.has("x")) s.steps = call.size("x", 1), s.width = call.size("x", 3);
  for (const char* name : {"B", "C"}) {
    if (call.has(name)) s.groups = call.size(name, 2), s.states = call.size(name, 3);
  }
  if (call.has("dt") && call.in.at("dt").shape.size() == 3) {
    s.batch = call.size("dt", 0), s.steps = call.size("dt", 1), s.heads = call.size("dt", 2);
    s.chunk = static_cast<Index>(call.number("chunk_size", 256));
    s.chunks = (s.steps + s.chunk - 1) / s.chunk;
  }
  return s;
}

// One head of one batch.
class Head {
 public:
  Head(const SystemCall& call, const Sizes& sizes, Planted planted, Index b, Index h)
      : call_(call), s_(sizes), planted_(planted), b_(b), h_(h) {
    dt_.assign(at(s_.chunks * s_.chunk), 0);
    sums_ = dt_;
    entering_.assign(at((s_.chunks + 1) * s_.width * s_.states), 0);
    own_.assign(at(s_.chunks * s_.width * s_.states), 0);
  }

  void cumsum() {
    StepRule rule{call_.flag("dt_softplus"), static_cast<float>(call_.number("softplus_threshold", 20)),
                  planted_, static_cast<float>(call_.number("dt_min", 0)),
                  static_cast<float>(call_.number("dt_max", std::numeric_limits<double>::infinity()))};
    if (has(Planted::limits_ignored)) rule.low = 0, rule.high = std::numeric_limits<float>::infinity();
    if (has(Planted::upper_limit_ignored)) rule.high = std::numeric_limits<float>::infinity();
    const float A = get(call_.in.at("A"), h_), bias = get_or_zero(call_.input("dt_bias"), h_);
    float sum = 0;
    for (Index t = 0; t < s_.chunks * s_.chunk; ++t) {
      if (t % s_.chunk == 0 && !has(Planted::sums_not_restarted)) sum = 0;
      const bool live = t < s_.steps;
      float raw = live ? get(call_.in.at("dt"), (b_ * s_.steps + t) * s_.heads + h_) : 0;
      if (has(Planted::limits_before_softplus)) raw = std::min(std::max(raw, rule.low), rule.high);
      if (live || has(Planted::padding_decays)) dt_[at(t)] = rule.size(raw, bias);
      sum += dt_[at(t)] * A;
      if (has(Planted::sums_in_bf16)) sum = to_bfloat16(sum);
      sums_[at(t)] = sum;
    }
  }
  void read_cumsum() {
    for (Index i = 0; i < s_.chunks * s_.chunk; ++i) {
      const Index from = (b_ * s_.heads + h_) * s_.chunks * s_.chunk + i;
      dt_[at(i)] = get_or_zero(call_.input("dt"), from);
      sums_[at(i)] = get(call_.in.at("dA_cumsum"), from);
    }
  }
  void write_cumsum() const {
    for (Index i = 0; i < s_.chunks * s_.chunk; ++i) {
      const Index to = (b_ * s_.heads + h_) * s_.chunks * s_.chunk + i;
      set(call_.out.at("dt_out"), to, dt_[at(i)]);
      set(call_.out.at("dA_cumsum"), to, sums_[at(i)]);
    }
  }

  // own_[c] = R.
  void chunk_states() {
    for (Index c = 0; c < s_.chunks; ++c) {
      const Index first = c * s_.chunk, last = last_of(c);
      for (Index j = first; j <= last; ++j) {
        if (!has(Planted::sequences_ignored) && sequence(j) != sequence(last)) continue;
        float scale = segment(sums_[at((c + 1) * s_.chunk - 1)] - sums_[at(j)]) * dt_[at(j)];
        if (has(Planted::scaled_in_bf16)) scale = to_bfloat16(scale);
        for (Index p = 0; p < s_.width; ++p) {
          for (Index n = 0; n < s_.states; ++n) own_[state(c, p, n)] += scale * weight("B", j, n) * x(j, p);
        }
      }
    }
  }
  // entering_[c] = E, one more than there are chunks.
  void pass_states() {
    for (Index p = 0; p < s_.width; ++p) {
      for (Index n = 0; n < s_.states; ++n) {
        const bool dropped =
            (has(Planted::no_initial_state_of_one_batch) && s_.batch == 1) ||
            (has(Planted::initial_state_of_sequence_zero) && s_.steps > 0 && sequence(0) != 0);
        float E = dropped ? 0 : get_or_zero(call_.input("initial_states"), final_index(p, n));
        entering_[state(0, p, n)] = E;
        for (Index c = 0; c < s_.chunks; ++c) {
          const float decay = plain_exp(chunk_decay(c), planted_);
          const bool same = has(Planted::sequences_ignored) || c * s_.chunk >= s_.steps || goes_through(c);
          E = has(Planted::states_not_passed) ? own_[state(c, p, n)]
                                              : (same ? decay * E : 0) + own_[state(c, p, n)];
          if (has(Planted::state_in_bf16)) E = to_bfloat16(E);
          entering_[state(c + 1, p, n)] = E;
        }
      }
    }
    if (has(Planted::decays_transposed)) pass_transposed();
  }
  void read_states(std::vector<float>& to) const {
    for (Index c = 0; c < s_.chunks; ++c) {
      for_states(
          [&](Index p, Index n) { to[state(c, p, n)] = get(call_.in.at("states"), passed_index(c, p, n)); });
    }
  }
  void read_own() { read_states(own_); }
  void read_entering() { read_states(entering_); }
  void write_own() const {
    for (Index c = 0; c < s_.chunks; ++c)
      for_states([&](Index p, Index n) {
        set(call_.out.at("states"), passed_index(c, p, n), own_[state(c, p, n)]);
      });
  }
  void write_passed() const {
    bool leaving = call_.text("states_convention", "entering") == "leaving";
    if (has(Planted::leaving_for_entering)) leaving = true;
    for (Index c = 0; c < s_.chunks; ++c) {
      for_states([&](Index p, Index n) {
        set(call_.out.at("states"), passed_index(c, p, n), entering_[state(leaving ? c + 1 : c, p, n)]);
      });
    }
  }
  void write_final() const {
    const Index c = has(Planted::last_state_one_early) ? std::max<Index>(s_.chunks - 1, 0) : s_.chunks;
    for_states([&](Index p, Index n) {
      set_if(call_.output("final_states"), final_index(p, n), entering_[state(c, p, n)]);
    });
  }
  // The state after each packed sequence, step by step.
  void write_packed() const {
    if (!call_.wants("varlen_states")) return;
    const Buffer ends = call_.in.at("cu_seqlens"), out = call_.out.at("varlen_states");
    for (Index r = 0; r + 1 < ends.size(); ++r) {
      const Index begin = get_integer(ends, r);
      const Index end = get_integer(ends, r + 1) - (has(Planted::packed_end_off_by_one) ? 1 : 0);
      for_states([&](Index p, Index n) {
        float S = r == 0 ? get_or_zero(call_.input("initial_states"), final_index(p, n)) : 0;
        for (Index t = begin; t < end; ++t)
          S = plain_exp(dt_[at(t)] * get(call_.in.at("A"), h_), planted_) * S +
              dt_[at(t)] * weight("B", t, n) * x(t, p);
        set(out, ((r * s_.heads + h_) * s_.width + p) * s_.states + n, S);
      });
    }
  }

  void write_outputs(bool inter_only) const {
    for (Index t = 0; t < s_.steps; ++t) {
      const Index c = t / s_.chunk;
      const bool entered =
          has(Planted::sequences_ignored) || sequence(t) == sequence(std::max<Index>(c * s_.chunk - 1, 0));
      const float decay = plain_exp(entry_decay(t), planted_);
      const Row scores = scores_of(t, inter_only);
      for (Index p = 0; p < s_.width; ++p) {
        float sum = 0;
        for (Index n = 0; n < s_.states; ++n)
          sum += weight("C", t, n) * entering_[state(has(Planted::leaving_for_entering) ? c + 1 : c, p, n)];
        sum = entered ? sum * decay : 0;
        for (std::size_t j = 0; j < scores.size(); ++j)
          sum += scores[j] * x(c * s_.chunk + static_cast<Index>(j), p);
        write_output(t, p, sum);
      }
    }
  }

 private:
  bool has(Planted planted) const { return planted_ == planted; }
  template <class Body>
  void for_states(const Body& body) const {
    for (Index p = 0; p < s_.width; ++p) {
      for (Index n = 0; n < s_.states; ++n) body(p, n);
    }
  }
  std::size_t state(Index c, Index p, Index n) const { return at((c * s_.width + p) * s_.states + n); }
  Index final_index(Index p, Index n) const { return ((b_ * s_.heads + h_) * s_.width + p) * s_.states + n; }
  Index passed_index(Index c, Index p, Index n) const {
    return (((b_ * s_.chunks + c) * s_.heads + h_) * s_.width + p) * s_.states + n;
  }
  float x(Index t, Index p) const {
    return get(call_.in.at("x"), ((b_ * s_.steps + t) * s_.heads + h_) * s_.width + p);
  }
  float weight(const char* name, Index t, Index n) const {
    const Index group = has(Planted::group_modulo) ? h_ % s_.groups : h_ / (s_.heads / s_.groups);
    return get(call_.in.at(name), ((b_ * s_.steps + t) * s_.groups + group) * s_.states + n);
  }
  // The last live step of a chunk.
  Index last_of(Index c) const { return std::min((c + 1) * s_.chunk, s_.steps) - 1; }
  // Whether one sequence fills the chunk and is that of the step before.
  bool goes_through(Index c) const {
    const Index until = has(Planted::reset_at_chunk_edge) ? c * s_.chunk : last_of(c);
    return sequence(std::max<Index>(c * s_.chunk - 1, 0)) == sequence(until);
  }
  Index sequence(Index t) const {
    if (call_.has("seq_idx")) return get_integer(call_.in.at("seq_idx"), b_ * s_.steps + t);
    if (!call_.has("cu_seqlens")) return 0;
    const Buffer ends = call_.in.at("cu_seqlens");
    Index number = 0;
    const Index shift = has(Planted::packed_begin_off_by_one) ? 1 : 0;
    while (number + 2 < ends.size() && t >= get_integer(ends, number + 1) + shift) ++number;
    return number;
  }
  // Of a chunk's own steps: the exponential of a sum that is at most 0 where A is.
  float segment(float exponent) const {
    if (has(Planted::segment_clamped)) exponent = std::min(exponent, 0.0F);
    return plain_exp(exponent, planted_);
  }
  float chunk_decay(Index c) const { return sums_[at((c + 1) * s_.chunk - 1)] - restart(c); }
  // What the sums of chunk c began with, where they are not begun anew.
  float restart(Index c) const {
    return has(Planted::sums_not_restarted) && c > 0 ? sums_[at(c * s_.chunk - 1)] : 0;
  }
  float entry_decay(Index t) const {
    const Index first = t / s_.chunk * s_.chunk;
    if (has(Planted::entry_decay_exclusive)) return t == first ? 0 : sums_[at(t - 1)];
    return sums_[at(t)] - restart(t / s_.chunk);
  }
  // (C_t . B_j) exp(L_t - L_j) dt_j over the chunk's steps up to t; 0 across sequences.
  Row scores_of(Index t, bool inter_only) const {
    Row scores;
    const Index first = t / s_.chunk * s_.chunk;
    Index end = has(Planted::diagonal_missing) ? t : t + 1;
    if (inter_only || has(Planted::intra_chunk_missing)) return scores;
    if (has(Planted::masked_by_product)) end = last_of(t / s_.chunk) + 1;
    for (Index j = first; j < end; ++j) {
      float dot = 0;
      for (Index n = 0; n < s_.states; ++n) dot += weight("C", t, n) * weight("B", j, n);
      if (has(Planted::scores_in_bf16)) dot = to_bfloat16(dot);
      const bool same = has(Planted::sequences_ignored) || sequence(j) == sequence(t);
      const float mask = j <= t ? 1 : 0;
      scores.push_back(same ? mask * dot * segment(sums_[at(t)] - sums_[at(j)]) * dt_[at(j)] : 0);
    }
    return scores;
  }
  // The decay between chunks by row, not by column: what enters chunk c is own_[c-1] times the sum of its
  // decays to all chunks.
  void pass_transposed() {
    for (Index c = 1; c <= s_.chunks; ++c) {
      float total = 0, decay = 1;
      for (Index k = c; k <= s_.chunks; ++k) {
        total += decay;
        if (k < s_.chunks) decay *= plain_exp(chunk_decay(k), planted_);
      }
      for_states([&](Index p, Index n) { entering_[state(c, p, n)] = own_[state(c - 1, p, n)] * total; });
    }
  }
  void write_output(Index t, Index p, float sum) const {
    const Index i = ((b_ * s_.steps + t) * s_.heads + h_) * s_.width + p;
    const Buffer D = call_.input("D"), z = call_.input("z");
    const bool of_head = D.shape.size() == 1 || has(Planted::skip_of_head);
    const float skip = get_or_zero(D, D.shape.size() == 1 ? h_ : of_head ? h_ * s_.width : h_ * s_.width + p);
    const float gate = get_or_zero(z, i);
    set(call_.out.at("y"), i,
        plain_gated(sum, D.data == nullptr ? 0 : skip * x(t, p), z.data == nullptr ? nullptr : &gate,
                    planted_));
  }

  const SystemCall& call_;
  const Sizes& s_;
  Planted planted_;
  Index b_, h_;
  Row dt_, sums_, own_, entering_;
};

template <class Body>
void each_head(const SystemCall& call, Planted planted, const Body& body) {
  const Sizes sizes = sizes_of(call);
  for (Index b = 0; b < sizes.batch; ++b) {
    for (Index h = 0; h < sizes.heads; ++h) {
      Head head(call, sizes, planted, b, h);
      body(head);
    }
  }
}

}  // namespace

void plain_ssd(const SystemCall& call, Planted planted) {
  each_head(call, planted, [&](Head& head) {
    head.cumsum();
    head.chunk_states();
    head.pass_states();
    head.write_outputs(false);
    head.write_final();
    head.write_packed();
  });
}

void plain_ssd_stage(const SystemCall& call, Planted planted) {
  each_head(call, planted, [&](Head& head) {
    if (call.inputs.op == "ssd_chunk_cumsum") {
      head.cumsum();
      head.write_cumsum();
      return;
    }
    head.read_cumsum();
    if (call.inputs.op == "ssd_chunk_state") {
      head.chunk_states();
      head.write_own();
    } else if (call.inputs.op == "ssd_state_passing") {
      head.read_own();
      head.pass_states();
      head.write_passed();
      head.write_final();
    } else {
      head.read_entering();
      head.write_outputs(call.flag("inter_chunk_only"));
    }
  });
}

}  // namespace exactscan::kernels
