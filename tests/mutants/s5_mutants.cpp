// Defects of S5: its steps, its states and outputs, its gradients. The kernel: tests/kernels/s5_plain.cpp.
#include "tests/kernels/s5_plain.hpp"
#include "tests/mutants/system_mutant.hpp"

namespace exactscan::mutants {
namespace {

using Defect = kernels::S5Defect;

struct Planting {
  Defect planted;
  const char *name, *defect, *evidence;
};

constexpr Planting of_steps[] = {
    {Defect::deltaA_ignored, "s5_deltaA_ignored", "Abar is formed from delta, not deltaA",
     "probe: lrnnx's two steps"},
    {Defect::deltaA_in_gain, "s5_deltaA_in_gain", "Bbar is formed from deltaA, not delta",
     "probe: lrnnx's two steps"},
    {Defect::delta_of_first_step, "s5_delta_of_first_step", "the step size of t = 0 serves every step",
     "fla 871, mamba_ssm 834: a stride ignored"},
    {Defect::delta_of_first_sequence, "s5_delta_of_first_sequence",
     "the step sizes of sequence 0 serve every sequence", "lrnnx: deltaA read by delta's strides"},
    {Defect::gain_omitted, "s5_gain_omitted", "Bbar is taken for 1",
     "fla f636f5a1: a term lost with an option"},
    {Defect::gain_by_subtraction, "s5_gain_by_subtraction",
     "zero-order hold by exp(z) - 1 under a contract of expm1", "lrnnx: zoh of the simplified scan"},
    {Defect::gain_unguarded_at_zero, "s5_gain_zero_at_zero",
     "zero-order hold's Bbar is 0 at A = 0, not delta", "lrnnx: |a|^2 = 0 replaced by 1e-12"},
    {Defect::bilinear_signs_exchanged, "s5_bilinear_inverted", "bilinear with its signs exchanged",
     "lrnnx: core/discretization.py"},
};

constexpr Planting of_states[] = {
    {Defect::initial_state_ignored, "s5_no_initial_state", "the state starts from zero", "vLLM 22034"},
    {Defect::last_state_one_early, "s5_last_state_one_early", "the last state returned is the one before it",
     "sglang 31833"},
    {Defect::readout_before_update, "s5_readout_before_update", "y reads the state before the step",
     "TensorRT-Model-Connect 719"},
    {Defect::readout_conjugated, "s5_readout_conjugated", "y = conj(C) x", "probe: a stray conjugation"},
    {Defect::factor_two_on_skip, "s5_factor_two_on_skip", "conj_sym doubles D u, not Re(C x)",
     "probe: factor of conj_sym"},
    {Defect::factor_two_missing, "s5_factor_two_missing", "conj_sym is ignored", "probe: factor of conj_sym"},
    {Defect::factor_two_always, "s5_factor_two_always", "Re(C x) is doubled without conj_sym, too",
     "probe: factor of conj_sym"},
    {Defect::skip_of_first_channel, "s5_skip_of_first_channel", "D of channel 0 serves every channel",
     "mamba_ssm 888, 887: index of D"},
    {Defect::skip_matrix_transposed, "s5_skip_matrix_transposed", "the single step applies D transposed",
     "mamba_ssm 888: D of the step and of the scan"},
    {Defect::skip_matrix_diagonal, "s5_skip_matrix_diagonal", "the single step applies D's diagonal alone",
     "mamba_ssm 888: D of the step and of the scan"},
};

constexpr Planting of_adjoints[] = {
    {Defect::multiplier_not_conjugated, "s5_multiplier_not_conjugated",
     "lambda is carried by Abar, not its conjugate", "probe: missing conjugation"},
    {Defect::readout_not_conjugated, "s5_readout_not_conjugated", "lambda takes C^T dy, not C^H dy",
     "probe: missing conjugation"},
    {Defect::gain_not_conjugated, "s5_gain_not_conjugated", "the gradient of b takes Bbar, not its conjugate",
     "probe: missing conjugation"},
    {Defect::projection_not_conjugated, "s5_projection_not_conjugated", "du takes B^T, not B^H",
     "probe: missing conjugation"},
    {Defect::input_not_conjugated_in_dB, "s5_input_not_conjugated_in_dB", "dB takes u, not its conjugate",
     "probe: missing conjugation"},
    {Defect::state_not_conjugated_in_dC, "s5_state_not_conjugated_in_dC", "dC takes x, not its conjugate",
     "probe: missing conjugation"},
    {Defect::state_not_conjugated_in_dA, "s5_state_not_conjugated_in_dA",
     "dA takes x[t-1], not its conjugate", "probe: missing conjugation"},
    {Defect::partial_not_conjugated_in_dA, "s5_partial_not_conjugated_in_dA",
     "dA takes dAbar/dA, not its conjugate", "probe: missing conjugation"},
    {Defect::adjoint_shifted, "s5_adjoint_shifted", "lambda is carried to t by Abar[t], not Abar[t+1]",
     "mamba_ssm: reverse scan, smem_delta_a of the next step"},
    {Defect::state_after_the_step, "s5_state_after_the_step", "gradients of a step take x[t] for x[t-1]",
     "probe: off by one"},
    {Defect::state_recovered_by_division, "s5_state_recovered", "x[t-1] is (x[t] - Bbar b)/Abar",
     "lrnnx: simplified_scan_bwd_kernel, NaN where Abar = 0"},
    {Defect::last_state_gradient_ignored, "s5_last_state_gradient_ignored",
     "the last state's gradient is dropped", "lrnnx, mamba_ssm: no gradient flows through last_state"},
    {Defect::factor_two_missing_backwards, "s5_factor_two_missing_backwards", "conj_sym is ignored backwards",
     "probe: factor of conj_sym"},
    {Defect::part_of_multiplier_missing_in_ddelta, "s5_ddelta_lacks_multiplier",
     "ddelta without the part through Abar where no deltaA is given",
     "fla f636f5a1: a term lost with an option"},
    {Defect::part_of_gain_missing_in_dA, "s5_dA_lacks_gain", "dA without the part through Bbar",
     "fla 23da0a15: a term of the backward pass lost"},
    {Defect::skip_missing_in_du, "s5_skip_missing_in_du", "du without D dy", "mamba_ssm 888"},
    {Defect::dD_of_last_sequence, "s5_dD_of_last_sequence", "dD is summed over the last sequence alone",
     "mamba_ssm 3b0dde5: reduction over another width"},
    {Defect::dA_of_last_sequence, "s5_dA_of_last_sequence", "dA is summed over the last sequence alone",
     "mamba_ssm 3b0dde5: reduction over another width"},
};

}  // namespace

void add_s5_mutants(std::vector<SystemMutant>& list) {
  const auto plant = [&](const auto& plantings) {
    for (const Planting& p : plantings)
      list.push_back({kernels::plain_s5_kernel(p.name, p.planted), p.defect, p.evidence});
  };
  plant(of_steps), plant(of_states), plant(of_adjoints);
}

}  // namespace exactscan::mutants
