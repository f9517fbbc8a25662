// S5 as one writes it first from the papers: float32, one loop a sum, one sequence and state after the other,
// all states kept. Clean, it stands in the list of kernels; with a defect planted it is a mutant
// (tests/mutants/s5_mutants.cpp has what each is and the evidence).
#pragma once

#include <cstdint>

#include "tests/kernels/system_kernel.hpp"

namespace exactscan::kernels {

enum class S5Defect : std::uint8_t {
  nothing,
  // The step.
  deltaA_ignored,
  deltaA_in_gain,
  delta_of_first_step,
  delta_of_first_sequence,
  gain_omitted,
  gain_by_subtraction,
  gain_unguarded_at_zero,
  bilinear_signs_exchanged,
  // The state and the output.
  initial_state_ignored,
  last_state_one_early,
  readout_before_update,
  readout_conjugated,
  factor_two_on_skip,
  factor_two_missing,
  factor_two_always,
  skip_of_first_channel,
  skip_matrix_transposed,
  skip_matrix_diagonal,
  // The adjoint.
  multiplier_not_conjugated,
  readout_not_conjugated,
  gain_not_conjugated,
  projection_not_conjugated,
  input_not_conjugated_in_dB,
  state_not_conjugated_in_dC,
  state_not_conjugated_in_dA,
  partial_not_conjugated_in_dA,
  adjoint_shifted,
  state_after_the_step,
  state_recovered_by_division,
  last_state_gradient_ignored,
  factor_two_missing_backwards,
  part_of_multiplier_missing_in_ddelta,
  part_of_gain_missing_in_dA,
  skip_missing_in_du,
  dD_of_last_sequence,
  dA_of_last_sequence,
};

void plain_s5(const SystemCall& call, S5Defect planted);
// The kernel of all three operations, forward and, but for the update, backward.
SystemKernel plain_s5_kernel(const char* name, S5Defect planted);

}  // namespace exactscan::kernels
