// What the parts of selective_scan's check hand to one another.
#pragma once

#include <optional>
#include <vector>

#include "oracle/check/selective_scan.hpp"

namespace exactscan {

// What the forward pass of one channel leaves to the backward pass: one entry a step, or a step and a state.
struct SelectiveScan::Trace {
  std::vector<StepSize> sizes;
  std::vector<Ball<double>> h, readout;
  std::vector<Inexact> ax, bx, hx, readout_bound;
  std::vector<char> overflow;
  std::vector<Ball<double>> h0;
  std::vector<Inexact> h0x;
};

// Where the forward pass stands: what holds of the channel, and of each state after the step.
struct SelectiveScan::Progress {
  std::vector<Ball<double>> A, state;
  std::vector<Inexact> Ax, ax, bx, hx;
  std::vector<StateAllowance> bounds;
  bool overflow = false;
};

// Before the gate.
struct SelectiveScan::Readout {
  Ball<double> value;
  Inexact bound;
};

// Where the backward pass of a channel stands.
struct SelectiveScan::Adjoint {
  std::int64_t b = 0, d = 0;
  spec::SelectiveChannel<Ball<double>> values;
  std::vector<Ball<double>> carry;
  std::vector<ScanAllowance<Bound>> bounds;
  std::vector<Inexact> lambda;  // of the step that was met last
  std::optional<Calculus<Bound>::Sum> du_terms, delta_terms;
  bool over = false;  // whether something may overflow at this step, or forward or backward before it
};

// A sum over steps or channels that grows as the backward pass meets its terms.
struct SelectiveScan::Total {
  Ball<double> value{0};
  Calculus<Bound>::Sum bound;
  bool overflow = false;

  void add(const Ball<double>& x, const Inexact& e, bool over) {
    value = value + x;
    bound.add(e);
    overflow = overflow || over;
  }
};

// The sums of one group's channels, in the group's own order: B and C by (batch, state, step), or, where they
// are constant, by (channel, state).
struct SelectiveScan::Totals {
  std::vector<Total> A, B, C, D, bias;
};

}  // namespace exactscan
