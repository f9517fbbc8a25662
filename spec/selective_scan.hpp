// Mamba's selective scan, one channel: a diagonal state space model whose step size, B and C come with each
// token. Source: mamba_ssm, selective_scan_ref and selective_state_update; TorchLean writes the same step
// with positive rates.
//
//   delta_t = rule(delta_t raw + bias)            softplus, limits: StepRule
//   h_t[n]  = exp(delta_t A[n]) h_{t-1}[n] + delta_t B_t[n] u_t
//   y_t     = sum over n of C_t[n] h_t[n] + D u_t,  times silu(z_t) where there is a gate
//
// Every step is an affine transition of each h[n]; the single steps are functions, so that a caller streams
// over time.
#pragma once

#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "spec/activation.hpp"
#include "spec/matrix.hpp"
#include "spec/scalar_affine.hpp"

namespace exactscan::spec {

// How a step size is made of what the network gives.
struct StepRule {
  bool softplus = false;
  double low = -std::numeric_limits<double>::infinity(), high = std::numeric_limits<double>::infinity();
  constexpr bool limits() const {
    return low > -std::numeric_limits<double>::infinity() || high < std::numeric_limits<double>::infinity();
  }
};

template <ExponentialSemiring T>
constexpr T step_size(const T& raw, const T& bias, const StepRule& rule) {
  const T x = raw + bias;
  const T delta = rule.softplus ? soft_plus(x) : x;
  return rule.limits() ? limited(delta, rule.low, rule.high) : delta;
}

// d step_size / d raw.
template <ExponentialSemiring T>
T step_size_slope(const T& raw, const T& bias, const StepRule& rule) {
  const T x = raw + bias;
  const T slope = rule.softplus ? logistic(x) : one<T>();
  if (!rule.limits()) return slope;
  return limited_slope(rule.softplus ? soft_plus(x) : x, rule.low, rule.high) * slope;
}

// The transition of one state: {exp(delta A), delta u B}; delta u is what all states of a step share.
template <ExponentialSemiring T>
constexpr ScalarAffineTransition<T> selective_transition(const T& delta, const T& A, const T& B, const T& u) {
  return {exponential(T(delta * A)), T(delta * u) * B};
}

// One state, one step.
template <ExponentialSemiring T>
constexpr T selective_step(const T& delta, const T& A, const T& B, const T& u, T h) {
  return apply(selective_transition(delta, A, B, u), std::move(h));
}

// sum of C[n] h[n] + D u; the accessors give the n-th C and h.
template <ExponentialSemiring T, class C, class H>
constexpr T selective_readout(std::size_t states, C&& c, H&& h, const T& D, const T& u) {
  return dot<T>(states, c, h) + D * u;
}

template <ExponentialSemiring T>
constexpr T gated(const T& y, const T& z) {
  return y * silu(z);
}

// One channel's whole sequence. B and C have one row a step (a constant B: the same row each time), z one
// number a step or none at all; delta holds step sizes as step_size makes them.
template <class T>
struct SelectiveChannel {
  std::vector<T> A, h0;              // one a state
  std::vector<T> delta, u, z;        // one a step
  std::vector<std::vector<T>> B, C;  // step, state
  T D{};
};

template <class T>
struct SelectiveRun {
  std::vector<std::vector<T>> states;  // after each step
  std::vector<T> readout, y;           // before and after the gate
};

template <ExponentialSemiring T>
SelectiveRun<T> selective_scan(const SelectiveChannel<T>& channel) {
  SelectiveRun<T> run;
  std::vector<T> h = channel.h0;
  for (std::size_t t = 0; t < channel.u.size(); ++t) {
    for (std::size_t n = 0; n < h.size(); ++n)
      h[n] = selective_step(channel.delta[t], channel.A[n], channel.B[t][n], channel.u[t], std::move(h[n]));
    const auto c = [&](std::size_t n) -> const T& { return channel.C[t][n]; };
    const auto state = [&](std::size_t n) -> const T& { return h[n]; };
    run.readout.push_back(selective_readout(h.size(), c, state, channel.D, channel.u[t]));
    run.y.push_back(channel.z.empty() ? run.readout.back() : gated(run.readout.back(), channel.z[t]));
    run.states.push_back(h);
  }
  return run;
}

}  // namespace exactscan::spec
