// Defects of the step itself, in the plain loop over time.
#include <bit>
#include <cmath>

#include "tests/mutants/lists.hpp"

namespace exactscan::mutants {
namespace {

float to_bfloat16(float x) { return impl::to_state(impl::from_state<impl::BFloat16>(x)); }
float to_half(float x) { return impl::to_state(impl::from_state<impl::Float16>(x)); }
// The bits that a tf32 multiplier reads: 10 of the fraction.
float to_tf32(float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffffe000U); }
float flush(float x) { return std::fabs(x) < 0x1p-126F ? 0.0F : x; }

// h[t] = step(c, t, h[t-1]).
template <class Step>
void loop(Channel& c, float first, const Step& step) {
  float state = first;
  for (std::int64_t t = 0; t < c.length(); ++t) {
    state = step(c.a[static_cast<std::size_t>(t)], c.b[static_cast<std::size_t>(t)], state, t);
    c.h[static_cast<std::size_t>(t)] = state;
  }
  if (c.length() > 0) c.last = state;
}

// The same, from the channel's initial state.
template <class Step>
ChannelKernel looping(const Step& step) {
  return [step](Channel& c) {
    loop(c, c.initial, [&](float a, float b, float h, std::int64_t) { return step(a, b, h); });
  };
}

float clean(float a, float b, float h, std::int64_t /*t*/) { return a * h + b; }

void add_arithmetic(std::vector<Mutant>& list) {
  plant(list, "state_in_bf16", "the state is rounded to bfloat16 at each step", "mlx-lm 988",
        looping([](float a, float b, float h) { return to_bfloat16(a * h + b); }));
  plant(list, "state_in_fp16", "the state is rounded to binary16 at each step", "ggml, fp16 overflow",
        looping([](float a, float b, float h) { return to_half(a * h + b); }));
  plant(list, "multiplier_truncated", "a is cut to the 11 bits that tf32 has", "probe: operand truncation",
        looping([](float a, float b, float h) { return to_tf32(a) * h + b; }));
  plant(list, "product_in_bf16", "a h is rounded to bfloat16 before the sum",
        "probe: low-precision accumulate",
        looping([](float a, float b, float h) { return to_bfloat16(a * h) + b; }));
  plant(list, "factor_over_the_sum", "a (h + b) instead of a h + b", "probe: a misplaced parenthesis",
        looping([](float a, float b, float h) { return a * (h + b); }));
  plant(list, "sign_of_decay", "|a| instead of a", "fla 1012: unary minus and clamp",
        looping([](float a, float b, float h) { return std::fabs(a) * h + b; }));
  plant(list, "step_clamped", "a is clamped from below at 0.001", "mlx-lm 1026, transformers 48989",
        looping([](float a, float b, float h) { return std::fmax(a, 0.001F) * h + b; }));
  plant(list, "flushed_to_zero", "subnormal states become zero under a contract of gradual underflow",
        "mamba_ssm: --use_fast_math", looping([](float a, float b, float h) { return flush(a * h + b); }));
  plant(list, "state_saturates", "the state is clamped to 65504", "ggml, fp16 range",
        looping(
            [](float a, float b, float h) { return std::fmin(std::fmax(a * h + b, -65504.0F), 65504.0F); }));
  plant(list, "nan_swallowed", "a state that is not finite restarts at b", "probe: nan_to_num",
        looping([](float a, float b, float h) {
          const float next = a * h + b;
          return std::isfinite(next) ? next : b;
        }));
  plant(list, "zero_does_not_reset", "a = 0 is taken for a missing gate, as 1", "fla f636f5a1: if USE_G",
        looping([](float a, float b, float h) { return (a == 0 ? 1.0F : a) * h + b; }));
}

void add_states(std::vector<Mutant>& list) {
  plant(list, "no_initial_state", "the initial state is ignored", "mamba_ssm 42: seq_idx starts at 0",
        [](Channel& c) { loop(c, 0, clean); });
  plant(list, "no_initial_state_alone", "the initial state is ignored if there is one channel", "vLLM 22034",
        [](Channel& c) { loop(c, c.count == 1 ? 0 : c.initial, clean); });
  plant(list, "no_initial_state_in_later_blocks", "channels from 8 on start from zero",
        "mamba_ssm 880: r * MAX_DSTATE", [](Channel& c) { loop(c, c.index >= 8 ? 0 : c.initial, clean); });
  plant(list, "state_before_the_update", "h[t] is the state before step t", "TensorRT-Model-Connect 719",
        [](Channel& c) {
          loop(c, c.initial, clean);
          for (std::size_t t = c.h.size(); t-- > 0;) c.h[t] = t == 0 ? c.initial : c.h[t - 1];
        });
  plant(list, "last_state_one_early", "the last state returned is the one before it", "sglang 31833",
        [](Channel& c) {
          loop(c, c.initial, clean);
          if (c.h.size() > 1) c.last = c.h[c.h.size() - 2];
        });
  plant(list, "last_state_is_first", "the last state returned is the initial one", "transformers 34817",
        [](Channel& c) {
          loop(c, c.initial, clean);
          c.last = c.initial;
        });
  plant(list, "one_element_off", "one element in the middle is off by 1e-5 of itself", "probe",
        [](Channel& c) {
          loop(c, c.initial, clean);
          if (!c.h.empty() && c.index == c.count / 2) c.h[c.h.size() / 2] *= 1.00001F;
        });
  plant(list, "reset_in_the_middle", "the state restarts at step 32, as if a sequence began there",
        "vLLM 23279", [](Channel& c) {
          loop(c, c.initial,
               [](float a, float b, float h, std::int64_t t) { return t == 32 ? b : a * h + b; });
        });
  plant(list, "next_step_summand", "the last of every eight steps reads the next step's b",
        "ggml 24360: missing barrier", [](Channel& c) {
          loop(c, c.initial, [&](float a, float b, float h, std::int64_t t) {
            const bool races = t % 8 == 7 && t + 1 < c.length();
            return a * h + (races ? c.b[static_cast<std::size_t>(t) + 1] : b);
          });
        });
}

}  // namespace

void sequential(Channel& c) { loop(c, c.initial, clean); }

void add_step_mutants(std::vector<Mutant>& list) {
  add_arithmetic(list);
  add_states(list);
}

}  // namespace exactscan::mutants
