// TorchLean's compact Mamba block: a diagonal S4 layer whose readout is gated by sigmoid(x·gate_proj) before
// the output projection. Source: TorchLean, NN.Spec.Models.Mamba (MambaBlockSpec).
#pragma once

#include <span>
#include <utility>
#include <vector>

#include "spec/activation.hpp"
#include "spec/diagonal_s4.hpp"

namespace exactscan::spec {

template <class T>
struct MambaBlock {
  Matrix<T> in_proj, gate_proj;  // I x N
  Matrix<T> out_proj;            // N x O
  DiagonalSSM<T> ssm;            // size N

  using Step = StateAndOutput<T, std::vector<T>>;
  using Run = StateAndOutput<T, std::vector<std::vector<T>>>;

  // With s = x·in_proj and h' = ssm.step(h, s): the state h', the output (ssm.readout(h',
  // s)⊙sigmoid(x·gate_proj))·out_proj. Throws std::invalid_argument for sizes that do not fit, as everything
  // here does.
  Step step(std::vector<T> h, const std::vector<T>& x) const requires ExponentialSemiring<T> {
    const std::vector<T> s = multiply(x, in_proj), gate = multiply(x, gate_proj);
    std::vector<T> next = ssm.step(std::move(h), s);
    std::vector<T> read = ssm.readout(next, s);
    require_same_size(read.size(), gate.size());
    for (std::size_t n = 0; n < read.size(); ++n) read[n] = read[n] * logistic(gate[n]);
    return {std::move(next), multiply(read, out_proj)};
  }

  // The final state, and one output an input.
  Run run_list(std::vector<T> h0, std::span<const std::vector<T>> xs) const requires ExponentialSemiring<T> {
    Run run{std::move(h0), {}};
    for (const auto& x : xs) {
      Step next = step(std::move(run.state), x);
      run.state = std::move(next.state);
      run.output.push_back(std::move(next.output));
    }
    return run;
  }
};

}  // namespace exactscan::spec
