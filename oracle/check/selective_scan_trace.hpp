// What the parts of selective_scan's check hand to one another.
#pragma once

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
