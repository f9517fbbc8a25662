// What the parts of ssd's gradient check hand to one another.
#pragma once

#include <optional>
#include <vector>

#include "oracle/bounds/scan_allowance.hpp"
#include "oracle/check/ssd_backward.hpp"
#include "oracle/check/ssd_steps.hpp"

namespace exactscan {

// A chunked kernel's value: the majorant of its terms, and what errors add to that.
struct SsdBackward::Majorant {
  Bound size = 0, excess = 0;
};

// A value and both bounds of it: of a kernel that goes step by step, and of one in stages.
struct SsdBackward::Total {
  Ball<double> value{0};
  Calculus<Bound>::Sum stepwise;
  Bound staged = 0;
  bool overflow = false;

  void add(const Ball<double>& x, const Inexact& step, Bound stage, bool over) {
    value = value + x;
    stepwise.add(step);
    staged = up(Bound(staged + stage));
    overflow = overflow || over;
  }
};

// One head of one batch: its steps, and what is summed over its columns.
struct SsdBackward::Head {
  std::int64_t b = 0, h = 0;
  std::vector<SsdStep> steps;
  std::vector<Bound> one_end, both_ends;  // phi of a term with one end of a decay at the step, or two
  Bound passing = 0, tiny = 0;            // phi of a gradient of a state; what underflow may add
  bool overflow = false;
  std::vector<Total> direct, rate;         // of each step size: the sums of l B x and l a S
  std::vector<Calculus<Bound>::Sum> both;  // kernels that add all of them at once
};

// One column: what the forward pass leaves, and where the backward pass stands.
struct SsdBackward::Column {
  std::int64_t p = 0;
  std::vector<Ball<double>> h, readout;  // S_{-1}, S_0, …; one entry a step
  std::vector<Inexact> stepwise;         // as h
  std::vector<Majorant> before, after;
  std::vector<ScanAllowance<Bound>> scans;
  std::vector<Ball<double>> carry;
  std::vector<Majorant> carried;
  std::vector<ScanAllowance<Bound>> back;
  spec::SsdAdjointStep<Ball<double>> step;
  Inexact g;
  std::optional<Calculus<Bound>::Sum> dx_terms;
  Bound dx_error = 0;
  bool overflow = false;
};

struct SsdBackward::Totals {
  std::vector<Total> B, C;                    // batch, step, state
  std::vector<Total> A;                       // head of the group
  std::vector<Calculus<Bound>::Sum> A_steps;  // of kernels in stages: one term a step
  std::vector<Total> bias;
  std::vector<Total> D;  // head, or head and column
  Bound tiny = 0;        // the largest of the heads'
};

}  // namespace exactscan
