// The selective scan, its gradients and SSD, in doubles and as plainly as can be, each with a choice of
// planted defects. Doubles are far more exact than the allowances of float32 kernels, so the undisturbed
// reference serves as the truth.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "oracle/casefile/case.hpp"
#include "oracle/check/check.hpp"

namespace exactscan::soundness {

using Outputs = std::map<std::string, std::vector<double>>;

struct MambaProblem {
  std::string name;
  Case value;  // without outputs
  std::map<std::string, std::vector<std::int64_t>> shapes;
  Outputs truth, defective;
};

// From tests of real kernels and their issue trackers.
enum class ScanDefect : std::uint8_t {
  none,
  group_modulo,     // B and C of group d mod G
  group_of_c_only,  // the same for C alone
  bias_after_softplus,
  bias_missing,
  softplus_naive,          // log(1 + e^x) under log1p, at a bias of -10
  threshold_wrong_branch,  // beyond 20 the step size without its bias
  threshold_at_ten,
  step_min,     // step sizes below 0.01 raised to it
  exp_dropped,  // 1 + z in place of e^z, in one channel
  decay_of_step_before,
  carry_lost,  // at the middle
  initial_state_dropped,
  state_in_bf16,
  weights_in_bf16,
  rate_off,  // A off by 2^-12
  skip_missing,
  gate_without_z,
  constant_b_missing,     // the last state lacks a constant B
  adjoint_decay_of_step,  // the reverse scan takes this step's decay
  adjoint_carry_lost,
  recovered_state,  // a h as h - b, under a strong decay
  slope_missing,
  gate_slope_missing,  // dz without 1 + z(1 - sigmoid)
  batch_missing,       // sums over the first batch alone
  group_sum_missing,   // dB of the first channel of its group alone
  last_gradient_dropped,
  first_decay_missing_in_scan,  // the first step's gradient for the initial state's
  count
};
MambaProblem scan_problem(ScanDefect defect);

enum class SsdDefect : std::uint8_t {
  none,
  leaving_for_entering,
  intra_chunk_missing,
  diagonal_decayed,  // a step's own input decays
  padding_decays,
  sequence_start_ignored,
  initial_state_dropped,
  no_propagation,  // a chunk sees the chunk before it alone
  chunks_summed_undecayed,
  exclusive_sums,  // exp of the exclusive sum on the entering state
  limits_ignored,
  group_modulo,
  exp_dropped,  // the difference itself for its exponential
  sums_in_bf16,
  skip_by_wrong_head,
  gate_missing,
  count
};
MambaProblem ssd_problem(SsdDefect defect);

enum class SsdGradientDefect : std::uint8_t {
  none,
  gradient_lost_between_chunks,
  final_gradient_dropped,
  decay_of_next_step,  // the reverse scan one step off
  sequence_start_crossed,
  first_decay_missing,  // dinitial_states as the first step's gradient
  gradients_of_states_in_bf16,
  rate_missing,  // ddt without what goes through the decay
  rate_without_A,
  rate_of_step_before,     // an exclusive sum for an inclusive one
  entering_state_missing,  // the first step of a chunk as if its state were empty
  state_after,
  dA_without_dt,
  last_chunk_of_dA_alone,
  softplus_slope_missing,
  limits_not_masked,
  dB_without_dt,
  dC_of_state_before,
  shared_heads_not_summed,
  group_modulo,
  batch_missing,
  gate_missing_in_dy,
  gate_slope_missing,
  skip_missing,
  dD_of_ungated,
  count
};
MambaProblem ssd_gradient_problem(SsdGradientDefect defect);

}  // namespace exactscan::soundness
