// The plain kernels: what one writes first from the papers, in float32, one loop a sum. Clean, they stand in
// the list of kernels; with a defect planted, each at the place where a real kernel had it, they are the
// gallery's mutants (tests/mutants/ has the evidence).
#pragma once

#include "tests/kernels/system_kernel.hpp"

namespace exactscan::kernels {

enum class Planted : std::uint8_t {
  nothing,
  // Step sizes.
  bias_after_softplus,
  bias_twice,
  softplus_of_log_one_plus,
  wrong_variable_beyond_threshold,
  step_at_least_a_thousandth,
  negative_step_zeroed,
  // The step and the state.
  group_modulo,
  group_modulo_of_C,
  no_initial_state_of_one_batch,
  growth_forbidden,
  exp_dropped_in_tail,
  exp2_without_scale,
  coarse_exp,
  state_in_bf16,
  weights_of_next_step,
  carry_dropped,
  carry_of_first_channel,
  last_state_lacks_B,
  last_state_one_early,
  // Readout.
  state_before_the_update,
  sum_in_bf16,
  skip_of_head,
  gate_before_skip,
  gate_is_sigmoid,
  skip_lost_with_gate,
  // Gradients of the selective scan.
  own_decay_backwards,
  reverse_carry_dropped,
  previous_recovered,
  slope_of_softplus_missing,
  slope_without_bias,
  gate_slope_incomplete,
  gate_missing_in_dC,
  last_channel_of_group,
  dA_of_last_batch,
  du_without_skip,
  // The single step.
  bias_of_first_head,
  state_not_stored,
};

void plain_selective_scan(const SystemCall& call, Planted planted);
void plain_state_update(const SystemCall& call, Planted planted);

}  // namespace exactscan::kernels
