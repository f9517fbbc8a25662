// The theorems of TorchLean's NN.Spec.Models.S4, one test each, under their Lean names.
#include "spec/diagonal_s4.hpp"

#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

constexpr std::size_t inputs = 2, states = 2, outputs = 3;

template <class T>
DiagonalS4<T> draw_s4() {
  const auto v = [] { return draw_vector<T>(states); };
  return {{inputs, states, draw_vector<T>(inputs * states)},
          {states, outputs, draw_vector<T>(states * outputs)},
          {v(), v(), v(), v()}};
}

template <class T>
std::vector<std::vector<T>> draw_inputs() {
  return draw_rows<T>(static_cast<std::size_t>(draw_int(0, 2)), inputs);
}

template <class T>
class S4 : public testing::Test {};
TYPED_TEST_SUITE(S4, AllSemirings, NumberName);

TYPED_TEST(S4, runList_nil) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto h0 = draw_vector<T>(states);
    const auto run = draw_s4<T>().run_list(h0, {});
    require_equal(run.state, h0);
    require(run.output.empty(), "outputs of no input");
  }));
}

TYPED_TEST(S4, runList_cons) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto s4 = draw_s4<T>();
    const auto h0 = draw_vector<T>(states);
    const auto x = draw_vector<T>(inputs);
    const auto rest = draw_inputs<T>();
    const auto first = s4.step(h0, x);
    const auto tail = s4.run_list(first.state, rest);
    const auto whole = s4.run_list(h0, concatenate({x}, rest));
    require_equal(whole.state, tail.state);
    require_equal(whole.output, concatenate({first.output}, tail.output));
  }));
}

TYPED_TEST(S4, runList_outputs_length) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_inputs<T>();
    require_equal(draw_s4<T>().run_list(draw_vector<T>(states), xs).output.size(), xs.size());
  }));
}

// Causality: later tokens never change earlier outputs.
TYPED_TEST(S4, diagonalS4_runList_append_outputs_prefix) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto s4 = draw_s4<T>();
    const auto h0 = draw_vector<T>(states);
    const auto xs = draw_inputs<T>(), ys = draw_inputs<T>();
    const auto alone = s4.run_list(h0, xs);
    auto whole = s4.run_list(h0, concatenate(xs, ys));
    require_equal(whole.state, s4.run_list(alone.state, ys).state);
    whole.output.resize(xs.size());
    require_equal(whole.output, alone.output);
  }));
}

// The step, from its formula: s = x·in_proj, h' = A⊙h + B⊙s, y = (C⊙h' + D⊙s)·out_proj.
TYPED_TEST(S4, step_is_its_formula) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto m = draw_s4<T>();
    const auto h = draw_vector<T>(states), x = draw_vector<T>(inputs);
    const auto step = m.step(h, x);
    std::vector<T> next, read;
    for (std::size_t n = 0; n < states; ++n) {
      const T s = x[0] * m.in_proj.entries[n] + x[1] * m.in_proj.entries[states + n];
      next.push_back(m.ssm.A[n] * h[n] + m.ssm.B[n] * s);
      read.push_back(m.ssm.C[n] * next[n] + m.ssm.D[n] * s);
    }
    require_equal(step.state, next);
    for (std::size_t o = 0; o < outputs; ++o) {
      require_equal<T>(step.output[o],
                       read[0] * m.out_proj.entries[o] + read[1] * m.out_proj.entries[outputs + o]);
    }
  }));
}

TEST(S4, refuses_sizes_that_do_not_fit) {
  const std::vector<Dyadic> two(2), three(3), four(4);
  const DiagonalS4<Dyadic> s4{{2, 2, four}, {2, 1, two}, {two, two, two, two}};
  EXPECT_THROW(s4.step(two, three), std::invalid_argument);
  EXPECT_THROW(s4.step(three, two), std::invalid_argument);
  EXPECT_THROW(s4.project_output(three), std::invalid_argument);
  const DiagonalS4<Dyadic> torn{{2, 2, three}, {2, 1, two}, {two, two, two, two}};
  EXPECT_THROW(torn.project_input(two), std::invalid_argument);
}

}  // namespace
}  // namespace exactscan::spec::test
