// selective_state_update, with heads or without.
#include "tests/kernels/plain/elements.hpp"
#include "tests/kernels/plain/plain.hpp"
#include "tests/kernels/plain/step.hpp"

namespace exactscan::kernels {
namespace {

using Index = std::int64_t;

struct Sizes {
  Index batch, heads, width, states, groups;
};

Sizes sizes_of(const SystemCall& call) {
  const std::vector<Index>&state = call.in.at("state").shape, &weights = call.in.at("B").shape;
  if (state.size() == 3) return {state[0], 1, state[1], state[2], weights.size() == 3 ? weights[1] : 1};
  return {state[0], state[1], state[2], state[3], weights.size() == 3 ? weights[1] : 1};
}

}  // namespace

void plain_state_update(const SystemCall& call, Planted planted) {
  const auto has = [planted](Planted p) { return planted == p; };
  const Sizes s = sizes_of(call);
  const StepRule rule{call.flag("dt_softplus"), static_cast<float>(call.number("softplus_threshold", 20)),
                      planted};
  const Buffer before = call.in.at("state"), after = call.output("state"), z = call.input("z");
  const Index channels = s.heads * s.width;
  for (Index i = 0; i < s.batch * channels; ++i) {
    const Index b = i / channels, c = i % channels, h = c / s.width;
    // Without heads the channels share the groups as heads do.
    const Index sharing = s.heads == 1 ? channels : s.heads, place = s.heads == 1 ? c : h;
    const Index group = has(Planted::group_modulo) ? place % s.groups : place / (sharing / s.groups);
    const Index parameter = has(Planted::skip_of_head) ? h : c;
    const float bias = has(Planted::bias_of_first_head) ? get_or_zero(call.input("dt_bias"), c % s.width)
                                                        : get_or_zero(call.input("dt_bias"), c);
    const float step = rule.size(get(call.in.at("dt"), i), bias), x = get(call.in.at("x"), i);
    float sum = 0;
    for (Index n = 0; n < s.states; ++n) {
      const float old = get(before, i * s.states + n);
      const Index weight = (b * s.groups + group) * s.states + n;
      const float h_next = plain_exp(step * get(call.in.at("A"), c * s.states + n), planted) * old +
                           step * get(call.in.at("B"), weight) * x;
      sum += get(call.in.at("C"), weight) * (has(Planted::state_before_the_update) ? old : h_next);
      set_if(after, i * s.states + n, has(Planted::state_not_stored) && n % 4 == 2 ? old : h_next);
    }
    const float gate = get_or_zero(z, i);
    set_if(call.output("y"), i,
           plain_gated(sum, call.has("D") ? get(call.in.at("D"), parameter) * x : 0,
                       z.data == nullptr ? nullptr : &gate, planted));
  }
}

}  // namespace exactscan::kernels
