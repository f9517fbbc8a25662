// TorchLean's two Mamba blocks: its theorems under their Lean names, over a ring with an exact exponential.
#include "spec/mamba_block.hpp"
#include "spec/selective_mamba_block.hpp"
#include "tests/spec/exponential_ring.hpp"

namespace exactscan::spec::test {
namespace {

using T = ExpRing;
constexpr std::size_t I = 2, N = 2, O = 1, E = 2, W = 3;

Matrix<T> draw_matrix(std::size_t rows, std::size_t columns) {
  return {rows, columns, draw_vector<T>(rows * columns)};
}
std::vector<std::vector<T>> draw_tokens() {
  return draw_rows<T>(static_cast<std::size_t>(draw_int(0, 4)), I);
}

MambaBlock<T> draw_compact() {
  const auto v = [] { return draw_vector<T>(N); };
  return {draw_matrix(I, N), draw_matrix(I, N), draw_matrix(N, O), {v(), v(), v(), v()}};
}

SelectiveMambaBlock<T> draw_selective() {
  return {draw_matrix(I, E), draw_matrix(I, E), draw_matrix(W, E), draw_vector<T>(E),
          draw_matrix(E, E), draw_vector<T>(E), draw_matrix(E, N), draw_matrix(E, N),
          draw_matrix(E, N), draw_vector<T>(E), draw_matrix(E, O)};
}

// runList over xs ++ ys: the outputs of xs do not depend on ys, and the state goes on. nil, cons and length
// follow.
TEST(MambaBlock, compactMamba_runList_append_outputs_prefix) {
  EXPECT_TRUE(holds([] {
    const auto block = draw_compact();
    const auto h0 = draw_vector<T>(N);
    const auto xs = draw_tokens(), ys = draw_tokens();
    const auto first = block.run_list(h0, xs), second = block.run_list(first.state, ys),
               whole = block.run_list(h0, concatenate(xs, ys));
    require_equal(first.output.size(), xs.size());
    require_equal(whole.state, second.state);
    require_equal(whole.output, concatenate(first.output, second.output));
  }));
}

// A gate of 1 everywhere is diagonal S4: here by dividing out, as the gate is the same factor in both.
TEST(MambaBlock, step_is_its_formula) {
  EXPECT_TRUE(holds([] {
    const auto m = draw_compact();
    const auto h = draw_vector<T>(N), x = draw_vector<T>(I);
    const auto step = m.step(h, x);
    T y(0);
    for (std::size_t n = 0; n < N; ++n) {
      const T s = x[0] * m.in_proj(0, n) + x[1] * m.in_proj(1, n),
              g = x[0] * m.gate_proj(0, n) + x[1] * m.gate_proj(1, n);
      const T next = m.ssm.A[n] * h[n] + m.ssm.B[n] * s;
      require_equal(step.state[n], next);
      y = y + (m.ssm.C[n] * next + m.ssm.D[n] * s) * sigmoid(g) * m.out_proj(n, 0);
    }
    require_equal(step.output[0], y);
  }));
}

TEST(SelectiveMambaBlock, selectiveMamba_runList_append_outputs_prefix) {
  EXPECT_TRUE(holds([] {
    const auto block = draw_selective();
    const auto xs = draw_tokens(), ys = draw_tokens();
    const auto first = block.run_list(block.start(), xs), second = block.run_list(first.state, ys),
               whole = block.run_list(block.start(), concatenate(xs, ys));
    require_equal(first.output.size(), xs.size());
    require(whole.state == second.state, "the state of a run goes on");
    require_equal(whole.output, concatenate(first.output, second.output));
  }));
}

// The convolution, with history newest first and zeros before the first token; the scan and the gate.
TEST(SelectiveMambaBlock, is_its_formula) {
  EXPECT_TRUE(holds([] {
    const auto m = draw_selective();
    const auto xs = draw_tokens();
    const auto run = m.run_list(m.start(), xs);
    std::vector<std::vector<T>> h(E, std::vector<T>(N, T(0)));
    const auto project = [&](std::size_t t, std::size_t c, const Matrix<T>& w) {
      return xs[t][0] * w(0, c) + xs[t][1] * w(1, c);
    };
    for (std::size_t t = 0; t < xs.size(); ++t) {
      std::vector<T> u;
      for (std::size_t c = 0; c < E; ++c) {
        T v = m.conv_bias[c];
        for (std::size_t tap = 0; tap < W && tap <= t; ++tap)
          v = v + project(t - tap, c, m.x_proj) * m.conv_kernel(tap, c);
        u.push_back(v * sigmoid(v));
      }
      T out(0);
      for (std::size_t d = 0; d < E; ++d) {
        const T delta = softplus(u[0] * m.dt_proj(0, d) + u[1] * m.dt_proj(1, d) + m.dt_bias[d]);
        T y = m.d_skip[d] * u[d];
        for (std::size_t n = 0; n < N; ++n) {
          const T B = u[0] * m.b_proj(0, n) + u[1] * m.b_proj(1, n),
                  C = u[0] * m.c_proj(0, n) + u[1] * m.c_proj(1, n);
          h[d][n] = exp(T(-(delta * m.A(d, n)))) * h[d][n] + delta * B * u[d];
          y = y + h[d][n] * C;
        }
        const T z = project(t, d, m.z_proj);
        out = out + y * z * sigmoid(z) * m.out_proj(d, 0);
      }
      require_equal(run.output[t][0], out);
    }
    require_equal(run.state.h, h);
  }));
}

TEST(SelectiveMambaBlock, refuses_sizes_that_do_not_fit) {
  EXPECT_TRUE(holds([] {
    auto block = draw_selective();
    block.dt_bias.pop_back();
    bool refused = false;
    try {
      block.step(block.start(), draw_vector<T>(I));
    } catch (const std::invalid_argument&) {
      refused = true;
    }
    require(refused, "a bias too short was taken");
  }));
}

}  // namespace
}  // namespace exactscan::spec::test
