// Defects of TorchLean's two Mamba blocks, planted in the plain kernels.
#include "tests/mutants/planting.hpp"

namespace exactscan::mutants {
namespace {

using kernels::Planted;

void add_compact(const Planting& plant) {
  plant("block_gate_is_silu", Planted::gate_is_sigmoid, "the gate is silu, as in the selective block",
        "probe: wrong activation");
  plant("block_gate_before_skip", Planted::gate_before_skip, "C h gate + D s",
        "probe: order of gate and skip");
  plant("block_gate_of_first_token", Planted::gate_of_first_token, "the first token's gate serves all",
        "probe: index frozen");
  plant("block_reads_state_before", Planted::state_before_the_update,
        "the readout takes the state before the update", "TensorRT-Model-Connect 719");
  plant("block_state_in_bf16", Planted::state_in_bf16, "the state is rounded to bfloat16 at each token",
        "mlx-lm 988");
  plant("block_no_initial_state", Planted::no_initial_state_of_one_batch, "the initial state is ignored",
        "vLLM 22034");
  plant("block_last_state_early", Planted::last_state_one_early,
        "the last state returned is the one before it", "sglang 31833");
}

void add_selective(const Planting& plant) {
  plant("selective_window_late", Planted::window_off_by_one, "the convolution's window is one token late",
        "probe: off by one");
  plant("selective_newest_twice", Planted::newest_token_twice, "the newest token is in the window twice",
        "boostr decode_conv");
  plant("selective_window_reversed", Planted::window_reversed, "the kernel's taps are reversed",
        "probe: convolution or correlation");
  plant("selective_history_ignored", Planted::history_ignored,
        "the tokens before the first are taken for zero", "vLLM 22034");
  plant("selective_history_reversed", Planted::history_oldest_first, "the history is read oldest first",
        "probe: order of the history");
  plant("selective_no_convolution_bias", Planted::convolution_bias_dropped, "conv_bias is missing",
        "fla f636f5a1");
  plant("selective_activation_first", Planted::activation_before_convolution,
        "silu comes before the convolution", "probe: order of activation");
  plant("selective_growing", Planted::growing_rate, "exp(+delta A): rates are positive",
        "fla 1012, 1bit-MONSTER 579");
  plant("selective_step_transposed", Planted::step_projection_transposed, "dt_proj is read transposed",
        "probe: layout");
  plant("selective_skip_of_input", Planted::skip_of_input, "the skip takes the token before the convolution",
        "probe: wrong variable");
  plant("selective_gate_is_sigmoid", Planted::gate_is_sigmoid, "the gate is sigmoid, as in the compact block",
        "probe: wrong activation");
  plant("selective_gate_before_skip", Planted::gate_before_skip, "the skip is added after the gate",
        "probe: order of gate and skip");
  plant("selective_bias_after_softplus", Planted::bias_after_softplus, "softplus(u dt_proj) + dt_bias",
        "boostr, Mamba2 layer");
  plant("selective_reads_state_before", Planted::state_before_the_update,
        "y reads the state before the update", "TensorRT-Model-Connect 719");
}

}  // namespace

void add_block_mutants(std::vector<SystemMutant>& list) {
  add_compact({list, "plain_mamba_block", {{"mamba_block", false}}, kernels::plain_mamba_block});
  add_selective({list,
                 "plain_selective_mamba_block",
                 {{"selective_mamba_block", false}},
                 kernels::plain_selective_mamba_block});
}

}  // namespace exactscan::mutants
