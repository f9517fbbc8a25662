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
  // Chunks.
  limits_ignored,
  upper_limit_ignored,
  limits_before_softplus,
  sums_not_restarted,
  sums_in_bf16,
  padding_decays,
  scaled_in_bf16,
  scores_in_bf16,
  segment_clamped,
  entry_decay_exclusive,
  leaving_for_entering,
  intra_chunk_missing,
  diagonal_missing,
  masked_by_product,
  states_not_passed,
  decays_transposed,
  sequences_ignored,
  reset_at_chunk_edge,
  initial_state_of_sequence_zero,
  packed_end_off_by_one,
  packed_begin_off_by_one,
  // Blocks.
  window_off_by_one,
  newest_token_twice,
  window_reversed,
  history_ignored,
  history_oldest_first,
  convolution_bias_dropped,
  activation_before_convolution,
  growing_rate,
  step_projection_transposed,
  skip_of_input,
  gate_of_first_token,
  // The single step.
  bias_of_first_head,
  state_not_stored,
};

void plain_selective_scan(const SystemCall& call, Planted planted);
void plain_state_update(const SystemCall& call, Planted planted);
void plain_ssd(const SystemCall& call, Planted planted);
void plain_ssd_stage(const SystemCall& call, Planted planted);
void plain_mamba_block(const SystemCall& call, Planted planted);
void plain_selective_mamba_block(const SystemCall& call, Planted planted);

}  // namespace exactscan::kernels
