// Diagonal S4: a diagonal state-space model between an input and an output projection.
// Source: TorchLean, NN.Spec.Models.S4. The output of a step reads the state after the step's update.
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "spec/diagonal_ssm.hpp"
#include "spec/matrix.hpp"

namespace exactscan::spec {

// A state and what was read out: of one step, or (Output a list) of a whole run.
template <class T, class Output>
struct StateAndOutput {
  std::vector<T> state;
  Output output;
  bool operator==(const StateAndOutput&) const = default;
};

template <class T>
struct DiagonalS4 {
  Matrix<T> in_proj;   // I x N
  Matrix<T> out_proj;  // N x O
  DiagonalSSM<T> ssm;  // size N

  using Step = StateAndOutput<T, std::vector<T>>;
  using Run = StateAndOutput<T, std::vector<std::vector<T>>>;

  // x·in_proj. Throws std::invalid_argument for sizes that do not fit, as everything here does.
  std::vector<T> project_input(const std::vector<T>& x) const requires Semiring<T> {
    return multiply(x, in_proj);
  }

  // h·out_proj.
  std::vector<T> project_output(const std::vector<T>& h) const requires Semiring<T> {
    return multiply(h, out_proj);
  }

  // With s = project_input(x) and h' = ssm.step(h, s): the state h' and the output
  // project_output(ssm.readout(h', s)).
  Step step(std::vector<T> h, const std::vector<T>& x) const requires Semiring<T> {
    const std::vector<T> s = project_input(x);
    std::vector<T> next = ssm.step(std::move(h), s);
    std::vector<T> y = project_output(ssm.readout(next, s));
    return {std::move(next), std::move(y)};
  }

  // The final state, and one output an input.
  Run run_list(std::vector<T> h0, std::span<const std::vector<T>> xs) const requires Semiring<T> {
    Run run{std::move(h0), {}};
    run.output.reserve(xs.size());
    for (const auto& x : xs) {
      Step next = step(std::move(run.state), x);
      run.state = std::move(next.state);
      run.output.push_back(std::move(next.output));
    }
    return run;
  }
};

}  // namespace exactscan::spec
