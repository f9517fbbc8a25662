// Defects of SSD in chunks, of its stages, and of the single step, planted in the plain kernels.
#include "tests/mutants/planting.hpp"

namespace exactscan::mutants {
namespace {

using kernels::Planted;

void add_step_sizes(const Planting& plant) {
  plant("ssd_bias_after_softplus", Planted::bias_after_softplus, "softplus(dt) + bias",
        "boostr, Mamba2 layer");
  plant("ssd_softplus_naive", Planted::softplus_of_log_one_plus, "log(1 + exp(x)) for log1p(exp(x))",
        "mamba_ssm 377, tt-metal 9910");
  plant("ssd_threshold_branch", Planted::wrong_variable_beyond_threshold,
        "beyond softplus's threshold the step is dt without its bias", "mamba_ssm 574");
  plant("ssd_limits_ignored", Planted::limits_ignored, "dt_min and dt_max are ignored", "mlx-lm 988, 1026");
  plant("ssd_upper_limit_ignored", Planted::upper_limit_ignored, "dt is clamped from below alone",
        "transformers 34817");
  plant("ssd_limits_before_softplus", Planted::limits_before_softplus,
        "dt is clamped before bias and softplus", "probe: order of clamp and softplus");
}

void add_sums(const Planting& plant) {
  plant("ssd_sums_in_bf16", Planted::sums_in_bf16, "the sums of dt A are kept in bfloat16",
        "boostr: everything in the tensors' type");
  plant("ssd_padding_decays", Planted::padding_decays, "steps beyond the end get softplus(bias), and decay",
        "boostr ssd_chunk_cumsum");
  plant("ssd_segment_clamped", Planted::segment_clamped, "exp(min(L_l - L_j, 0)) where A is above 0",
        "mamba_ssm 713, boostr");
  plant("ssd_growth_forbidden", Planted::growth_forbidden, "exp(min(x, 0)) everywhere", "boostr");
  plant("ssd_masked_by_product", Planted::masked_by_product,
        "what is above the diagonal is multiplied by 0 after exp", "fla 794, mamba_ssm bb3a82a");
  plant("ssd_entry_decay_exclusive", Planted::entry_decay_exclusive,
        "the entering state decays one step too little", "probe: inclusive or exclusive sum");
  plant("ssd_scaled_in_bf16", Planted::scaled_in_bf16, "the scale of B is rounded to bfloat16",
        "mamba_ssm chunk_state");
  plant("ssd_scores_in_bf16", Planted::scores_in_bf16, "C . B is rounded to bfloat16",
        "ggml: operands in 16 bits");
}

void add_composition(const Planting& plant) {
  plant("ssd_leaving_state", Planted::leaving_for_entering,
        "the state that leaves a chunk is taken to enter it", "boostr, four stages");
  plant("ssd_no_intra_chunk", Planted::intra_chunk_missing, "the term within chunks is missing",
        "boostr, four stages");
  plant("ssd_no_diagonal", Planted::diagonal_missing, "a step does not see its own input",
        "probe: j < l for j <= l");
  plant("ssd_states_not_passed", Planted::states_not_passed, "only the chunk before is seen",
        "transformers 34817: no propagation");
  plant("ssd_decays_transposed", Planted::decays_transposed,
        "decays between chunks are summed over the wrong axis", "transformers 35154, 47246");
  plant("ssd_state_in_bf16", Planted::state_in_bf16, "the state is rounded to bfloat16 between chunks",
        "vLLM, state dtype");
  plant("ssd_no_state_for_one", Planted::no_initial_state_of_one_batch,
        "the initial state is ignored in a batch of one", "vLLM 22034");
  plant("ssd_final_state_early", Planted::last_state_one_early,
        "the final state is that which enters the last chunk", "sglang 31833");
}

void add_sequences(const Planting& plant) {
  plant("ssd_sequences_ignored", Planted::sequences_ignored, "seq_idx and cu_seqlens are ignored",
        "mamba_ssm 8ffd905");
  plant("ssd_reset_at_chunk_edge", Planted::reset_at_chunk_edge,
        "a sequence that begins within a chunk lets the state through", "vLLM 23279, TensorRT-LLM 6334");
  plant("ssd_sequence_zero_alone", Planted::initial_state_of_sequence_zero,
        "the initial state enters only a sequence numbered 0", "mamba_ssm state passing");
  plant("ssd_packed_begin_late", Planted::packed_begin_off_by_one, "a packed sequence begins one step late",
        "fla 0dfd7f5f");
  plant("ssd_packed_end_early", Planted::packed_end_off_by_one, "a packed sequence ends one step early",
        "mamba_ssm chunk_state_varlen");
}

void add_readouts(const Planting& plant) {
  plant("ssd_group_modulo", Planted::group_modulo, "head h reads group h mod G", "ggml 15625");
  plant("ssd_skip_of_head", Planted::skip_of_head, "D is read by head where it is one a channel",
        "mamba_ssm 888");
  plant("ssd_gate_before_skip", Planted::gate_before_skip, "y silu(z) + D x",
        "probe: order of gate and skip");
  plant("ssd_skip_lost_with_gate", Planted::skip_lost_with_gate, "with a gate there is no D x",
        "fla f636f5a1");
}

void add_stages(std::vector<SystemMutant>& list) {
  const char* const clean = "plain_ssd_stage";
  const Planting cumsum(list, clean, {{"ssd_chunk_cumsum", false}}, kernels::plain_ssd_stage),
      state(list, clean, {{"ssd_chunk_state", false}}, kernels::plain_ssd_stage),
      passing(list, clean, {{"ssd_state_passing", false}}, kernels::plain_ssd_stage),
      scan(list, clean, {{"ssd_chunk_scan", false}}, kernels::plain_ssd_stage);
  cumsum("cumsum_padding_decays", Planted::padding_decays, "steps beyond the end get softplus(bias)",
         "boostr ssd_chunk_cumsum");
  cumsum("cumsum_not_restarted", Planted::sums_not_restarted, "the sums go on from chunk to chunk",
         "fla 12e2a700, mirrored");
  cumsum("cumsum_in_bf16", Planted::sums_in_bf16, "the sums are kept in bfloat16", "boostr");
  cumsum("cumsum_limits_ignored", Planted::limits_ignored, "dt_min and dt_max are ignored", "mlx-lm 1026");
  state("chunk_state_sequences", Planted::sequences_ignored, "steps of other sequences are summed, too",
        "mamba_ssm 8ffd905");
  state("chunk_state_group", Planted::group_modulo, "head h reads group h mod G", "ggml 15625");
  state("chunk_state_clamped", Planted::segment_clamped, "exp(min(L_last - L_l, 0)) where A is above 0",
        "mamba_ssm 713");
  passing("passing_leaving", Planted::leaving_for_entering, "gives the states that leave, whatever is asked",
          "boostr ssd_state_passing");
  passing("passing_transposed", Planted::decays_transposed, "decays are summed over the wrong axis",
          "transformers 35154");
  passing("passing_sequence_zero", Planted::initial_state_of_sequence_zero,
          "the initial state enters only a sequence numbered 0", "mamba_ssm state passing");
  scan("chunk_scan_leaving", Planted::leaving_for_entering, "reads the next chunk's state", "boostr");
  scan("chunk_scan_no_intra_chunk", Planted::intra_chunk_missing, "the term within the chunk is missing",
       "boostr ssd_chunk_scan");
  scan("chunk_scan_masked_by_product", Planted::masked_by_product,
       "what is above the diagonal is multiplied by 0 after exp", "fla 794");
}

void add_updates(const Planting& plant) {
  plant("update_group_modulo", Planted::group_modulo, "head h reads group h mod G", "ggml 15625");
  plant("update_skip_of_head", Planted::skip_of_head, "D is read by head where it is one a channel",
        "mamba_ssm 888, 887, 893");
  plant("update_bias_of_first_head", Planted::bias_of_first_head, "every head has the first one's dt_bias",
        "mamba_ssm, TIE_HDIM");
  plant("update_state_kept", Planted::state_not_stored, "every fourth state is not stored",
        "fla 1135: ragged width");
  plant("update_reads_state_before", Planted::state_before_the_update, "y reads the state before the update",
        "TensorRT-Model-Connect 719");
  plant("update_bias_after_softplus", Planted::bias_after_softplus, "softplus(dt) + bias",
        "boostr, Mamba2 layer");
  plant("update_step_clamped", Planted::step_at_least_a_thousandth, "steps are at least 0.001",
        "mlx-lm 1026");
}

}  // namespace

void add_ssd_mutants(std::vector<SystemMutant>& list) {
  const Planting ssd(list, "plain_ssd", {{"ssd", false}}, kernels::plain_ssd);
  add_step_sizes(ssd);
  add_sums(ssd);
  add_composition(ssd);
  add_sequences(ssd);
  add_readouts(ssd);
  add_stages(list);
  add_updates({list, "plain_state_update", {{"selective_state_update", false}}, kernels::plain_state_update});
}

}  // namespace exactscan::mutants
