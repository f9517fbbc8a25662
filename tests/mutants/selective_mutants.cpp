// Defects of the selective scan and its gradients, planted in the plain kernel.
#include "tests/mutants/planting.hpp"

namespace exactscan::mutants {
namespace {

using kernels::Planted;

void add_steps(const Planting& plant) {
  plant("scan_bias_after_softplus", Planted::bias_after_softplus, "softplus(delta) + bias",
        "boostr, Mamba2 layer");
  plant("scan_bias_twice", Planted::bias_twice, "the bias is added twice", "modular 5748");
  plant("scan_softplus_naive", Planted::softplus_of_log_one_plus, "log(1 + exp(x)) for log1p(exp(x))",
        "mamba_ssm 377, tt-metal 9910");
  plant("scan_threshold_branch", Planted::wrong_variable_beyond_threshold,
        "beyond softplus's threshold the step is delta without its bias", "mamba_ssm 574");
  plant("scan_step_clamped", Planted::step_at_least_a_thousandth, "steps are at least 0.001",
        "mlx-lm 1026, transformers 48989");
  plant("scan_negative_step_zeroed", Planted::negative_step_zeroed,
        "without softplus negative steps become 0", "boostr ssd_chunk_cumsum");
}

void add_states(const Planting& plant) {
  plant("scan_group_modulo", Planted::group_modulo, "channel d reads group d mod G", "ggml 15625");
  plant("scan_group_modulo_of_C", Planted::group_modulo_of_C, "the same of C alone", "ggml 15625");
  plant("scan_no_state_for_one", Planted::no_initial_state_of_one_batch,
        "the initial state is ignored in a batch of one", "vLLM 22034");
  plant("scan_growth_forbidden", Planted::growth_forbidden, "exp(min(delta A, 0))", "boostr, mamba_ssm 713");
  plant("scan_exp_dropped", Planted::exp_dropped_in_tail, "the ragged tail takes delta A for exp(delta A)",
        "mamba_ssm 746");
  plant("scan_exp2_unscaled", Planted::exp2_without_scale, "exp2 without log2(e)",
        "probe: ex2 with prescale");
  plant("scan_coarse_exp", Planted::coarse_exp, "exp by (1 + x/256)^256", "probe: fast exp");
  plant("scan_state_in_bf16", Planted::state_in_bf16, "the state is rounded to bfloat16 at each step",
        "mlx-lm 988");
  plant("scan_weights_of_next_step", Planted::weights_of_next_step,
        "the last of every eight steps reads the next step's B", "ggml 24360: missing barrier");
  plant("scan_carry_dropped", Planted::carry_dropped, "the state restarts at step 16", "mamba_ssm 831");
  plant("scan_carry_of_neighbour", Planted::carry_of_first_channel,
        "at step 16 odd channels go on from the state of the channel before",
        "mamba_ssm 880: r * MAX_DSTATE");
  plant("scan_last_state_lacks_B", Planted::last_state_lacks_B,
        "with constant B the last state is divided by it", "mamba_ssm, constant B");
  plant("scan_last_state_early", Planted::last_state_one_early,
        "the last state returned is the one before it", "sglang 31833");
}

void add_readouts(const Planting& plant) {
  plant("scan_reads_state_before", Planted::state_before_the_update, "y reads the state before the update",
        "TensorRT-Model-Connect 719");
  plant("scan_sum_in_bf16", Planted::sum_in_bf16, "the sum over states is kept in bfloat16",
        "probe: low-precision accumulate");
  plant("scan_skip_of_head", Planted::skip_of_head, "D is read by group, not by channel", "mamba_ssm 888");
  plant("scan_gate_before_skip", Planted::gate_before_skip, "y silu(z) + D u",
        "probe: order of gate and skip");
  plant("scan_gate_is_sigmoid", Planted::gate_is_sigmoid, "the gate is sigmoid(z)",
        "probe: wrong activation");
  plant("scan_skip_lost_with_gate", Planted::skip_lost_with_gate, "with a gate there is no D u",
        "fla f636f5a1");
}

void add_gradients(const Planting& plant) {
  plant("grad_own_decay", Planted::own_decay_backwards, "the adjoint is carried by the wrong step's decay",
        "probe: adjoint shifted");
  plant("grad_carry_dropped", Planted::reverse_carry_dropped, "the reverse scan restarts at step 15",
        "mamba_ssm 831");
  plant("grad_state_recovered", Planted::previous_recovered,
        "exp(delta A) h is recovered as h - delta B u, under a contract of stored states",
        "mamba_ssm selective_scan_bwd");
  plant("grad_softplus_slope", Planted::slope_of_softplus_missing, "ddelta lacks softplus's slope",
        "mamba_ssm 574");
  plant("grad_slope_without_bias", Planted::slope_without_bias, "softplus's slope is taken without the bias",
        "mamba_ssm 574");
  plant("grad_gate_slope", Planted::gate_slope_incomplete, "dz takes sigmoid(z) for the slope of silu",
        "probe: wrong derivative");
  plant("grad_gate_missing_in_dC", Planted::gate_missing_in_dC, "dC lacks the gate",
        "probe: gradient before the gate");
  plant("grad_last_of_group", Planted::last_channel_of_group, "dB and dC are not summed over the group",
        "mamba_ssm 547: reduction width");
  plant("grad_last_batch", Planted::dA_of_last_batch, "dA is of the last batch alone", "mamba_ssm ddce0c1");
  plant("grad_du_without_skip", Planted::du_without_skip, "du lacks D dy", "fla f636f5a1");
}

}  // namespace

void add_selective_mutants(std::vector<SystemMutant>& list) {
  const Planting forward(list, "plain_selective_scan", {{"selective_scan", false}},
                         kernels::plain_selective_scan);
  add_steps(forward);
  add_states(forward);
  add_readouts(forward);
  add_gradients({list, "plain_selective_scan", {{"selective_scan", true}}, kernels::plain_selective_scan});
}

}  // namespace exactscan::mutants
