// TorchLean's selective Mamba block: projections, a depthwise causal convolution, the selective scan, a gate,
// a projection. Source: TorchLean, NN.Spec.Models.Mamba (SelectiveMambaBlockSpec). A holds positive rates:
// the decay is exp(-(delta A)).
#pragma once

#include <span>
#include <stdexcept>
#include <utility>
#include <vector>

#include "spec/matrix.hpp"
#include "spec/selective_scan.hpp"

namespace exactscan::spec {

template <class T>
struct SelectiveMambaBlock {
  Matrix<T> x_proj, z_proj;  // I x E
  Matrix<T> conv_kernel;     // W x E; tap 0 is the current token
  std::vector<T> conv_bias;  // E
  Matrix<T> dt_proj;         // E x E
  std::vector<T> dt_bias;    // E
  Matrix<T> A;               // E x N, positive rates
  Matrix<T> b_proj, c_proj;  // E x N
  std::vector<T> d_skip;     // E
  Matrix<T> out_proj;        // E x O

  // The scan's state, E x N, and the projected tokens that the convolution still sees, newest first, at most
  // W - 1.
  struct State {
    std::vector<std::vector<T>> h, history;
    bool operator==(const State&) const = default;
  };
  // What a token makes on its way: its projections, the convolution's sum and its silu, the scan's inputs,
  // and the readout before and after the gate.
  struct Inner {
    std::vector<T> z, v, u, delta_argument, delta, B, C, readout, y;
  };
  struct Step {
    State state;
    std::vector<T> output;
  };
  struct Run {
    State state;
    std::vector<std::vector<T>> output;
  };

  State start() const requires ExponentialRing<T> {
    return {std::vector<std::vector<T>>(A.rows, std::vector<T>(A.columns, zero<T>())), {}};
  }

  // conv_bias[c] + sum over taps of history[tap][c] conv_kernel[tap][c]; tokens before the first are zero.
  std::vector<T> convolve(const std::vector<std::vector<T>>& history) const requires ExponentialRing<T> {
    std::vector<T> v = conv_bias;
    for (std::size_t tap = 0; tap < conv_kernel.rows && tap < history.size(); ++tap) {
      for (std::size_t c = 0; c < v.size(); ++c)
        v[c] = std::move(v[c]) + history[tap][c] * conv_kernel(tap, c);
    }
    return v;
  }

  // One state of the scan: exp(-(delta A)) h + (delta B) u.
  static T scan_step(const T& delta, const T& rate, const T& B, const T& u, T h) requires ExponentialRing<T> {
    return exponential(T(-(delta * rate))) * std::move(h) + T(delta * B) * u;
  }

  // One token up to the output projection; the state goes on. Throws std::invalid_argument for sizes that do
  // not fit.
  Inner advance(State& state, const std::vector<T>& x) const requires ExponentialRing<T> {
    require_state(state);
    Inner inner;
    state.history.insert(state.history.begin(), multiply(x, x_proj));
    inner.z = multiply(x, z_proj);
    inner.v = convolve(state.history);
    for (const T& value : inner.v) inner.u.push_back(silu(value));
    inner.delta_argument = multiply(inner.u, dt_proj);
    inner.B = multiply(inner.u, b_proj), inner.C = multiply(inner.u, c_proj);
    for (std::size_t d = 0; d < inner.u.size(); ++d) {
      inner.delta_argument[d] = std::move(inner.delta_argument[d]) + dt_bias[d];
      inner.delta.push_back(soft_plus(inner.delta_argument[d]));
      T sum = d_skip[d] * inner.u[d];
      for (std::size_t n = 0; n < A.columns; ++n) {
        T& h = state.h[d][n];
        h = scan_step(inner.delta[d], A(d, n), inner.B[n], inner.u[d], std::move(h));
        sum = std::move(sum) + h * inner.C[n];
      }
      inner.readout.push_back(sum);
      inner.y.push_back(gated(sum, inner.z[d]));
    }
    if (state.history.size() >= conv_kernel.rows)
      state.history.resize(conv_kernel.rows > 0 ? conv_kernel.rows - 1 : 0);
    return inner;
  }

  Step step(State state, const std::vector<T>& x) const requires ExponentialRing<T> {
    const Inner inner = advance(state, x);
    return {std::move(state), multiply(inner.y, out_proj)};
  }

  // The final state, and one output an input.
  Run run_list(State state, std::span<const std::vector<T>> xs) const requires ExponentialRing<T> {
    Run run{std::move(state), {}};
    for (const auto& x : xs) {
      Step next = step(std::move(run.state), x);
      run.state = std::move(next.state);
      run.output.push_back(std::move(next.output));
    }
    return run;
  }

 private:
  void require_state(const State& state) const {
    const std::size_t E = x_proj.columns;
    bool fits = z_proj.columns == E && conv_kernel.columns == E && conv_bias.size() == E &&
                dt_bias.size() == E && dt_proj.columns == E && A.rows == E && d_skip.size() == E &&
                b_proj.columns == A.columns && c_proj.columns == A.columns && state.h.size() == E;
    for (const auto& row : state.h) fits = fits && row.size() == A.columns;
    for (const auto& row : state.history) fits = fits && row.size() == E;
    if (!fits) throw std::invalid_argument("selective Mamba block: sizes do not fit");
  }
};

}  // namespace exactscan::spec
