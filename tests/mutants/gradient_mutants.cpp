// Defects of the reverse pass: states before each step, the adjoint from the last step down, products and
// sums.
#include <cmath>

#include "tests/mutants/gradient_channel.hpp"
#include "tests/mutants/lists.hpp"

namespace exactscan::mutants {
namespace {

constexpr std::int64_t kChunk = 16;

float to_bfloat16(float x) { return impl::to_state(impl::from_state<impl::BFloat16>(x)); }

using Values = std::vector<float>;
std::size_t at(std::int64_t t) { return static_cast<std::size_t>(t); }

// The places where a defect is planted; each default is right.
struct Parts {
  // The state before each step.
  std::function<Values(const GradientChannel&)> states;
  // g of each step.
  std::function<Values(const GradientChannel&)> adjoint;
  // Gradients and sums from both.
  std::function<void(GradientChannel&, const Values&, const Values&)> combine;
};

Values states(const GradientChannel& c) {
  Values before;
  float h = c.initial;
  for (std::int64_t t = 0; t < c.length(); ++t) {
    before.push_back(h);
    h = c.a[at(t)] * h + c.b[at(t)] * c.x[at(t)];
  }
  return before;
}

// g[t] = dh[t] + a[t+1] g[t+1], where `carry` says what the second term is.
template <class Carry>
Values adjoint_with(const GradientChannel& c, const Carry& carry) {
  Values g(c.a.size());
  for (std::int64_t t = c.length(); t-- > 0;)
    g[at(t)] = c.dh[at(t)] + (t + 1 < c.length() ? carry(t, g[at(t + 1)]) : 0.0F);
  return g;
}
Values adjoint(const GradientChannel& c) {
  return adjoint_with(c, [&](std::int64_t t, float g) { return c.a[at(t + 1)] * g; });
}

void combine(GradientChannel& c, const Values& before, const Values& g) {
  for (std::int64_t t = c.length(); t-- > 0;) {
    const std::size_t i = at(t);
    c.da[i] = g[i] * before[i];
    c.db[i] = g[i] * c.x[i];
    c.dx[i] = g[i] * c.b[i];
    c.sum_a += c.da[i];
    c.sum_b += c.db[i];
  }
  if (c.length() > 0) c.dh0 = c.a[0] * g[0];
}

Parts clean() { return {states, adjoint, combine}; }

void run_parts(GradientChannel& c, const Parts& parts) {
  parts.combine(c, parts.states(c), parts.adjoint(c));
}

void plant_parts(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                 Parts parts) {
  list.push_back(
      {each_gradient_channel(name, [parts = std::move(parts)](GradientChannel& c) { run_parts(c, parts); }),
       defect, evidence});
}
void plant_states(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                  decltype(Parts::states) planted) {
  Parts parts = clean();
  parts.states = std::move(planted);
  plant_parts(list, name, defect, evidence, std::move(parts));
}
void plant_adjoint(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                   decltype(Parts::adjoint) planted) {
  Parts parts = clean();
  parts.adjoint = std::move(planted);
  plant_parts(list, name, defect, evidence, std::move(parts));
}
void plant_combine(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                   decltype(Parts::combine) planted) {
  Parts parts = clean();
  parts.combine = std::move(planted);
  plant_parts(list, name, defect, evidence, std::move(parts));
}

void add_states(std::vector<Mutant>& list) {
  plant_states(list, "gradient_state_after_step", "dA takes the state after the step, not before it",
               "probe: adjoint shifted by one step", [](const GradientChannel& c) {
                 Values before = states(c);
                 for (std::size_t t = 0; t < before.size(); ++t)
                   before[t] = c.a[t] * before[t] + c.b[t] * c.x[t];
                 return before;
               });
  plant_states(list, "gradient_without_initial_state", "states are computed again from zero, not from h0",
               "vLLM 22034; mamba_ssm 42", [](const GradientChannel& c) {
                 GradientChannel from_zero = c;
                 from_zero.initial = 0;
                 return states(from_zero);
               });
  plant_states(list, "gradient_states_by_division",
               "states run backwards, h[t-1] = (h[t] - B x[t]) / A, instead of being kept or computed again",
               "probe: reversible recurrence", [](const GradientChannel& c) {
                 Values before = states(c);
                 if (before.empty()) return before;
                 const std::size_t last = before.size() - 1;
                 float h = c.a[last] * before[last] + c.b[last] * c.x[last];
                 for (std::int64_t t = c.length(); t-- > 0;)
                   before[at(t)] = h = (h - c.b[at(t)] * c.x[at(t)]) / c.a[at(t)];
                 return before;
               });
  plant_states(list, "gradient_states_in_bf16", "the states that were kept are bfloat16", "mlx-lm 988",
               [](const GradientChannel& c) {
                 Values before = states(c);
                 for (float& h : before) h = to_bfloat16(h);
                 return before;
               });
  plant_states(list, "gradient_chunk_starts_at_zero",
               "states are computed again chunk by chunk, the third from zero", "TensorRT-LLM 6334",
               [](const GradientChannel& c) {
                 Values before = states(c);
                 float h = 0;
                 for (std::int64_t t = 2 * kChunk; t < std::min(3 * kChunk, c.length()); ++t) {
                   before[at(t)] = h;
                   h = c.a[at(t)] * h + c.b[at(t)] * c.x[at(t)];
                 }
                 return before;
               });
}

void add_adjoints(std::vector<Mutant>& list) {
  plant_adjoint(list, "adjoint_one_step_late", "g[t] takes dh[t+1]", "probe: adjoint shifted by one step",
                [](const GradientChannel& c) {
                  GradientChannel shifted = c;
                  for (std::size_t t = 0; t + 1 < c.dh.size(); ++t) shifted.dh[t] = c.dh[t + 1];
                  return adjoint(shifted);
                });
  plant_adjoint(list, "adjoint_own_decay", "the carry is decayed by A[t], not A[t+1]",
                "mamba_ssm 537: an offset too few", [](const GradientChannel& c) {
                  return adjoint_with(c, [&](std::int64_t t, float g) { return c.a[at(t)] * g; });
                });
  plant_adjoint(list, "adjoint_carry_lost", "the carry into the second chunk from the end is lost",
                "boostr; vLLM 22034", [](const GradientChannel& c) {
                  return adjoint_with(c, [&](std::int64_t t, float g) {
                    return t + 1 == (c.length() - 1) / kChunk * kChunk ? 0.0F : c.a[at(t + 1)] * g;
                  });
                });
  plant_adjoint(list, "adjoint_without_decay", "one carry in eight is not decayed", "fla f636f5a1",
                [](const GradientChannel& c) {
                  return adjoint_with(
                      c, [&](std::int64_t t, float g) { return t % 8 == 7 ? g : c.a[at(t + 1)] * g; });
                });
  plant_adjoint(list, "adjoint_lane_mask", "above 32 steps from the end, g of the step 32 later is used",
                "mamba_ssm 831: mask 0x1f in the reverse scan", [](const GradientChannel& c) {
                  Values g = adjoint(c);
                  for (std::int64_t t = 0; t + 64 < c.length(); ++t) {
                    if (t % 64 >= 32) g[at(t)] = g[at(t + 32)];
                  }
                  return g;
                });
  plant_adjoint(list, "adjoint_in_bf16", "g is rounded to bfloat16 at each step", "mamba_ssm: dstates dtype",
                [](const GradientChannel& c) {
                  return adjoint_with(
                      c, [&](std::int64_t t, float g) { return c.a[at(t + 1)] * to_bfloat16(g); });
                });
  plant_adjoint(list, "adjoint_sign_of_decay", "the scale lacks its exp where a is above 0.9: min(log a, 0)",
                "mamba_ssm 746", [](const GradientChannel& c) {
                  return adjoint_with(c, [&](std::int64_t t, float g) {
                    const float a = c.a[at(t + 1)];
                    return (a > 0.9F ? std::fmin(std::log(a), 0.0F) : a) * g;
                  });
                });
}

void add_sums(std::vector<Mutant>& list) {
  plant_combine(list, "gradient_of_h0_dropped", "dh0 is zero", "mamba_ssm ddce0c1",
                [](GradientChannel& c, const Values& before, const Values& g) {
                  combine(c, before, g);
                  c.dh0 = 0;
                });
  plant_combine(list, "gradient_of_h0_not_decayed", "dh0 is g[0], not A[0] g[0]", "probe: off by one",
                [](GradientChannel& c, const Values& before, const Values& g) {
                  combine(c, before, g);
                  if (!g.empty()) c.dh0 = g[0];
                });
  plant_combine(list, "first_step_without_gradient", "dA leaves out step 0, whose state is h0",
                "mamba_ssm 42; probe", [](GradientChannel& c, const Values& before, const Values& g) {
                  combine(c, before, g);
                  if (g.empty()) return;
                  c.sum_a -= c.da[0];
                  c.da[0] = 0;
                });
  plant_combine(list, "sum_in_bf16", "dB is summed, or stored on the way, in bfloat16",
                "mamba_ssm: atomics in the input's type",
                [](GradientChannel& c, const Values& before, const Values& g) {
                  combine(c, before, g);
                  c.sum_b = 0;
                  for (std::int64_t t = c.length(); t-- > 0;) {
                    c.db[at(t)] = to_bfloat16(c.db[at(t)]);
                    c.sum_b = to_bfloat16(c.sum_b + c.db[at(t)]);
                  }
                });
  plant_combine(list, "gradient_swapped_factors", "dx takes x where B belongs",
                "mamba_ssm 574: wrong variable",
                [](GradientChannel& c, const Values& before, const Values& g) {
                  combine(c, before, g);
                  for (std::size_t t = 0; t < g.size(); ++t) c.dx[t] = g[t] * c.x[t];
                });
  plant_combine(list, "tail_of_sum_lost", "steps behind the last whole chunk are not summed",
                "mamba_ssm 537: the tail", [](GradientChannel& c, const Values& before, const Values& g) {
                  combine(c, before, g);
                  c.sum_a = c.sum_b = 0;
                  for (std::int64_t t = 0; t < c.length(); ++t) {
                    if (t >= c.length() / kChunk * kChunk) c.da[at(t)] = c.db[at(t)] = 0;
                    c.sum_a += c.da[at(t)];
                    c.sum_b += c.db[at(t)];
                  }
                });
}

// What reads dh in memory as if its rows lay end to end.
void ignore_stride(const kernels::BackwardCall& call) {
  kernels::BackwardCall wrong = call;
  wrong.dh.time_stride = call.channels;
  each_gradient_channel("", [](GradientChannel& c) { run_parts(c, clean()); }).run_backward(wrong);
}

}  // namespace

void gradients(GradientChannel& c) { run_parts(c, clean()); }

void add_gradient_mutants(std::vector<Mutant>& list) {
  add_states(list);
  add_adjoints(list);
  add_sums(list);
  kernels::Implementation strides = each_gradient_channel("gradient_stride_ignored", {});
  strides.run_backward = ignore_stride;
  list.push_back({strides, "dh is read as if its rows lay end to end", "fla 871"});
}

}  // namespace exactscan::mutants
