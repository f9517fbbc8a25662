// The table's part for the Mamba systems: selective scan, state space duality, and the blocks around them.
#include <utility>

#include "oracle/check/layer_tensors.hpp"

namespace exactscan {
namespace {

const OptionSpec source{"source", OptionKind::text, "free text: where the outputs came from; ignored"};
const OptionSpec schedule{"chunk_size", OptionKind::number,
                          "the kernel's chunk length; ignored: every schedule is legitimate"};
const OptionSpec threshold{"softplus_threshold", OptionKind::number,
                           "beyond it a kernel may take x for softplus(x); missing: 20"};

OperationSpec selective_scan() {
  return {
      "selective_scan",
      "Mamba's selective scan, and its gradients",
      "delta[t] = delta[t] + delta_bias, softplus of it with opt.delta_softplus\n"
      "h[t,n] = exp(delta[t] A[n]) h[t-1,n] + delta[t] B[t,n] u[t], h[-1] = initial_state\n"
      "y[t] = sum of C[t,n] h[t,n] + D u[t], times z[t] sigmoid(z[t]) with in.z; channel d reads group "
      "d / (D/G) of B and C\n"
      "with in.dy: the gradients of the sum of dy y and of dlast_state times last_state (mamba_ssm does not "
      "propagate the second)",
      {{"u", {"B,D,L"}, false, "", "input"},
       {"delta", {"B,D,L"}, false, "", "step size, before bias and softplus"},
       {"A", {"D,N"}, false, "", "rates, real"},
       {"B", {"D,N", "B,N,L", "B,G,N,L"}, false, "", "input weights: constant, varying, varying by group"},
       {"C", {"D,N", "B,N,L", "B,G,N,L"}, false, "", "readout weights, likewise"},
       {"D", {"D"}, true, "", "skip weight; missing: 0"},
       {"z", {"B,D,L"}, true, "", "gate; missing: no gate"},
       {"delta_bias", {"D"}, true, "", "added to delta before softplus; missing: none"},
       {"initial_state", {"B,D,N"}, true, "", "state before the first step; missing: 0"},
       {"dy", {"B,D,L"}, true, "", "gradient with respect to y; asks for the gradients below"},
       {"dlast_state", {"B,D,N"}, true, "", "gradient with respect to last_state; missing: 0"}},
      {{"y", {"B,D,L"}, false, "", "output, after the gate"},
       {"last_state", {"B,D,N"}, false, "", "the state after the last step"},
       {"du", {"B,D,L"}, false, "dy", "gradient"},
       {"ddelta", {"B,D,L"}, false, "dy", "gradient, through softplus"},
       {"dA", {"D,N"}, false, "dy", "gradient"},
       {"dB", {"D,N", "B,N,L", "B,G,N,L"}, false, "dy", "gradient, in the shape of B"},
       {"dC", {"D,N", "B,N,L", "B,G,N,L"}, false, "dy", "gradient, in the shape of C"},
       {"dD", {"D"}, false, "dy,D", "gradient"},
       {"dz", {"B,D,L"}, false, "dy,z", "gradient"},
       {"ddelta_bias", {"D"}, false, "dy,delta_bias", "gradient"},
       {"dinitial_state", {"B,D,N"}, false, "dy,initial_state", "gradient"}},
      {source, schedule, {"delta_softplus", OptionKind::boolean, "softplus of the step size"}, threshold}};
}

const OptionSpec chunk_size{"chunk_size", OptionKind::number,
                            "steps in a chunk, Q; missing: 256, or what the tensors say"};
const OptionSpec convention{
    "states_convention", OptionKind::text,
    "\"entering\": the state before each chunk (the default), or \"leaving\": after it"};
const std::vector<OptionSpec> step_options{
    {"dt_softplus", OptionKind::boolean, "softplus of the step size"},
    {"dt_min", OptionKind::number, "lower limit of the step size; missing: 0"},
    {"dt_max", OptionKind::number, "upper limit of the step size; missing: none"},
    threshold};

std::vector<OptionSpec> with(std::vector<OptionSpec> options, const std::vector<OptionSpec>& more) {
  options.insert(options.end(), more.begin(), more.end());
  return options;
}

TensorSpec sequence_numbers() {
  return {"seq_idx",
          {"B,T"},
          true,
          "",
          "the sequence of each step, rising from 0; the state starts anew at each",
          ElementKind::integral};
}

OperationSpec ssd() {
  return {
      "ssd",
      "Mamba-2's state space duality: all stages together",
      "dt[t] = dt[t] + dt_bias, softplus of it with opt.dt_softplus, within opt.dt_min and opt.dt_max\n"
      "S[t,p,n] = exp(dt[t] A) S[t-1,p,n] + dt[t] B[t,n] x[t,p], S[-1] = initial_states; 0 where a sequence "
      "begins\n"
      "y[t,p] = sum of C[t,n] S[t,p,n] + D x[t,p], times z sigmoid(z) with in.z; head h reads group h / "
      "(H/G)\n"
      "The initial state enters the first sequence, whatever its number (mamba_ssm: only number 0)\n"
      "with in.dy: the gradients of the sum of dy y and of dfinal_states times the final states; the "
      "gradient of dt is 0 beyond the limits",
      {{"x", {"B,T,H,P"}, false, "", "input"},
       {"dt", {"B,T,H"}, false, "", "step size, before bias, softplus and limits"},
       {"A", {"H"}, false, "", "rate of each head"},
       {"B", {"B,T,G,N"}, false, "", "input weights"},
       {"C", {"B,T,G,N"}, false, "", "readout weights"},
       {"D", {"H", "H,P"}, true, "", "skip weight; missing: 0"},
       {"z", {"B,T,H,P"}, true, "", "gate; missing: no gate"},
       {"dt_bias", {"H"}, true, "", "added to dt before softplus; missing: none"},
       {"initial_states", {"B,H,P,N"}, true, "", "state before the first step; missing: 0"},
       sequence_numbers(),
       {"cu_seqlens",
        {"S"},
        true,
        "",
        "where packed sequences begin, and the end of the last; batch 1",
        ElementKind::integral},
       {"dy", {"B,T,H,P"}, true, "", "gradient with respect to y; asks for the gradients below"},
       {"dfinal_states", {"B,H,P,N"}, true, "", "gradient with respect to final_states; missing: 0"}},
      {{"y", {"B,T,H,P"}, false, "", "output, after the gate"},
       {"final_states", {"B,H,P,N"}, false, "", "the state after the last step"},
       {"varlen_states", {"R,H,P,N"}, false, "cu_seqlens", "the state after each packed sequence"},
       {"dx", {"B,T,H,P"}, false, "dy", "gradient"},
       {"ddt", {"B,T,H"}, false, "dy", "gradient, through softplus and limits"},
       {"dA", {"H"}, false, "dy", "gradient"},
       {"dB", {"B,T,G,N"}, false, "dy", "gradient"},
       {"dC", {"B,T,G,N"}, false, "dy", "gradient"},
       {"dD", {"H", "H,P"}, false, "dy,D", "gradient, in the shape of D"},
       {"dz", {"B,T,H,P"}, false, "dy,z", "gradient"},
       {"ddt_bias", {"H"}, false, "dy,dt_bias", "gradient"},
       {"dinitial_states", {"B,H,P,N"}, false, "dy,initial_states", "gradient"}},
      with({source, chunk_size}, step_options)};
}

OperationSpec ssd_chunk_cumsum() {
  return {"ssd_chunk_cumsum",
          "SSD, first stage: step sizes and cumulative sums of dt A within chunks",
          "dt_out = dt + dt_bias, softplus of it with opt.dt_softplus, within opt.dt_min and opt.dt_max; 0 "
          "beyond the end\n"
          "dA_cumsum[l] = sum of dt_out A over the chunk up to and with l",
          {{"dt", {"B,T,H"}, false, "", "step size, before bias, softplus and limits"},
           {"A", {"H"}, false, "", "rate of each head"},
           {"dt_bias", {"H"}, true, "", "added to dt before softplus; missing: none"}},
          {{"dt_out", {"B,H,K,Q"}, false, "", "step sizes, padded to whole chunks"},
           {"dA_cumsum", {"B,H,K,Q"}, false, "", "inclusive cumulative sums, one chunk at a time"}},
          with({source, chunk_size}, step_options)};
}

OperationSpec ssd_chunk_state() {
  return {"ssd_chunk_state",
          "SSD, second stage: each chunk's own state",
          "states[c,p,n] = sum over l of exp(dA_cumsum[Q-1] - dA_cumsum[l]) dt[l] B[l,n] x[l,p], over the "
          "steps of the "
          "last step's sequence",
          {{"x", {"B,T,H,P"}, false, "", "input"},
           {"B", {"B,T,G,N"}, false, "", "input weights"},
           {"dt", {"B,H,K,Q"}, false, "", "step sizes, of the first stage"},
           {"dA_cumsum", {"B,H,K,Q"}, false, "", "cumulative sums, of the first stage"},
           sequence_numbers()},
          {{"states", {"B,K,H,P,N"}, false, "", "the state of each chunk, from 0"}},
          {source, chunk_size}};
}

OperationSpec ssd_state_passing() {
  return {"ssd_state_passing",
          "SSD, third stage: from chunk to chunk",
          "E[c+1] = exp(dA_cumsum[c,Q-1]) E[c] + in.states[c], E[0] = initial_states; 0 for the exponential "
          "where another "
          "sequence begins in the chunk\n"
          "out.states[c] = E[c], or E[c+1] with opt.states_convention = \"leaving\" (boostr); final_states = "
          "E[K]",
          {{"states", {"B,K,H,P,N"}, false, "", "the state of each chunk, from 0"},
           {"dA_cumsum", {"B,H,K,Q"}, false, "", "cumulative sums, of the first stage"},
           {"initial_states", {"B,H,P,N"}, true, "", "state before the first chunk; missing: 0"},
           sequence_numbers()},
          {{"states", {"B,K,H,P,N"}, false, "", "the state that enters each chunk (or leaves it)"},
           {"final_states", {"B,H,P,N"}, false, "", "the state after the last chunk"}},
          {source, chunk_size, convention}};
}

OperationSpec ssd_chunk_scan() {
  return {"ssd_chunk_scan",
          "SSD, fourth stage: outputs",
          "y[l,p] = exp(dA_cumsum[l]) sum of C[l,n] states[c,p,n]\n"
          "       + sum over j <= l of (C[l] . B[j]) exp(dA_cumsum[l] - dA_cumsum[j]) dt[j] x[j,p] + D "
          "x[l,p], times "
          "z sigmoid(z) with in.z\n"
          "opt.inter_chunk_only leaves the second sum out (boostr)",
          {{"x", {"B,T,H,P"}, false, "", "input"},
           {"B", {"B,T,G,N"}, true, "", "input weights; needed for the intra-chunk term"},
           {"C", {"B,T,G,N"}, false, "", "readout weights"},
           {"dt", {"B,H,K,Q"}, true, "", "step sizes, of the first stage; needed for the intra-chunk term"},
           {"dA_cumsum", {"B,H,K,Q"}, false, "", "cumulative sums, of the first stage"},
           {"states", {"B,K,H,P,N"}, false, "", "the state that enters each chunk"},
           {"D", {"H", "H,P"}, true, "", "skip weight; missing: 0"},
           {"z", {"B,T,H,P"}, true, "", "gate; missing: no gate"},
           sequence_numbers()},
          {{"y", {"B,T,H,P"}, false, "", "output, after the gate"}},
          {source,
           chunk_size,
           convention,
           {"inter_chunk_only", OptionKind::boolean, "true: without the intra-chunk term"}}};
}

OperationSpec selective_state_update() {
  return {"selective_state_update",
          "one step of the selective scan, for decoding",
          "dt = dt + dt_bias, softplus of it with opt.dt_softplus\n"
          "out.state[n] = exp(dt A[n]) in.state[n] + dt B[n] x\n"
          "y = sum of C[n] out.state[n] + D x, times z sigmoid(z) with in.z; y reads the state before it is "
          "stored "
          "(state=bf16: or after)",
          {{"state", {"B,D,N", "B,H,D,N"}, false, "", "state before the step"},
           {"x", {"B,D", "B,H,D"}, false, "", "input"},
           {"dt", {"B,D", "B,H,D"}, false, "", "step size, before bias and softplus"},
           {"A", {"D,N", "H,D,N"}, false, "", "rates"},
           {"B", {"B,N", "B,G,N"}, false, "", "input weights; head h reads group h / (H/G)"},
           {"C", {"B,N", "B,G,N"}, false, "", "readout weights"},
           {"D", {"D", "H,D"}, true, "", "skip weight; missing: 0"},
           {"z", {"B,D", "B,H,D"}, true, "", "gate; missing: no gate"},
           {"dt_bias", {"D", "H,D"}, true, "", "added to dt before softplus; missing: none"}},
          {{"y", {"B,D", "B,H,D"}, false, "", "output, after the gate"},
           {"state", {"B,D,N", "B,H,D,N"}, false, "", "state after the step"}},
          {source, {"dt_softplus", OptionKind::boolean, "softplus of the step size"}, threshold}};
}

OperationSpec mamba_block() {
  std::vector<TensorSpec> inputs = layer_inputs();
  inputs.insert(inputs.begin() + 1, {"gate_proj", {"I,N"}, false, "", "gate projection"});
  return {"mamba_block",
          "TorchLean's compact Mamba block: diagonal S4 with a gated readout",
          "s[t] = x[t] in_proj; h[t] = A h[t-1] + B s[t], h[-1] = h0\n"
          "y[t] = ((C h[t] + D s[t]) sigmoid(x[t] gate_proj)) out_proj",
          std::move(inputs),
          layer_outputs(),
          {source, schedule}};
}

OperationSpec selective_mamba_block() {
  return {
      "selective_mamba_block",
      "TorchLean's selective Mamba block: projections, causal convolution, selective scan, gate, projection",
      "v[t] = conv_bias + sum over taps of (x[t-tap] x_proj) conv_kernel[tap]; u[t] = v[t] sigmoid(v[t])\n"
      "delta = softplus(u dt_proj + dt_bias); Bt = u b_proj; Ct = u c_proj\n"
      "h[t,d,n] = exp(-(delta[d] A[d,n])) h[t-1,d,n] + delta[d] Bt[n] u[d]\n"
      "y[t] = ((d_skip u + sum of h[t] Ct) z sigmoid(z)) out_proj, z = x[t] z_proj",
      {{"x", {"L,I"}, false, "", "input"},
       {"x_proj", {"I,E"}, false, "", "input projection"},
       {"z_proj", {"I,E"}, false, "", "gate projection"},
       {"conv_kernel", {"W,E"}, false, "", "depthwise convolution; tap 0 is the current token"},
       {"conv_bias", {"E"}, false, "", "added to the convolution"},
       {"dt_proj", {"E,E"}, false, "", "step size projection"},
       {"dt_bias", {"E"}, false, "", "added before softplus"},
       {"A", {"E,N"}, false, "", "positive rates"},
       {"b_proj", {"E,N"}, false, "", "projection to the input weights"},
       {"c_proj", {"E,N"}, false, "", "projection to the readout weights"},
       {"d_skip", {"E"}, false, "", "skip weight"},
       {"out_proj", {"E,O"}, false, "", "output projection"},
       {"h0", {"E,N"}, true, "", "initial state; missing: 0"},
       {"history", {"V,E"}, true, "", "projected tokens before the first, newest first; missing: none"}},
      {{"y", {"L,O"}, false, "", "output"}, {"h_last", {"E,N"}, false, "", "the state after the last step"}},
      {source, schedule}};
}

}  // namespace

std::vector<OperationSpec> mamba_operations() {
  return {selective_scan(),        selective_state_update(), mamba_block(),
          selective_mamba_block(), ssd_chunk_cumsum(),       ssd_chunk_state(),
          ssd_state_passing(),     ssd_chunk_scan(),         ssd()};
}

}  // namespace exactscan
