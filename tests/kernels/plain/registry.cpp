#include "tests/kernels/plain/plain.hpp"

namespace exactscan::kernels {
namespace {

using Plain = void (*)(const SystemCall&, Planted);

// The types that mamba_ssm uses: parameters in float32.
SystemKernel plain(const char* name, std::vector<SystemForm> forms, Plain kernel) {
  SystemKernel result;
  result.name = name;
  result.forms = std::move(forms);
  result.types = {ElementType::f32, ElementType::bf16, ElementType::f16};
  result.run = [kernel](const SystemCall& call) { kernel(call, Planted::nothing); };
  result.wide_inputs = {"A", "D", "delta_bias", "dt_bias", "initial_state", "initial_states", "dlast_state"};
  return result;
}

}  // namespace

void add_plain(std::vector<SystemKernel>& list) {
  list.push_back(plain("plain_selective_scan", {{"selective_scan", false}, {"selective_scan", true}},
                       plain_selective_scan));
  list.push_back(plain("plain_state_update", {{"selective_state_update", false}}, plain_state_update));
  list.back().in_place = {{"state", "state"}};
  list.push_back(plain("plain_ssd", {{"ssd", false}}, plain_ssd));
  list.push_back(plain("plain_ssd_stage",
                       {{"ssd_chunk_cumsum", false},
                        {"ssd_chunk_state", false},
                        {"ssd_state_passing", false},
                        {"ssd_chunk_scan", false}},
                       plain_ssd_stage));
  list.push_back(plain("plain_mamba_block", {{"mamba_block", false}}, plain_mamba_block));
  list.push_back(
      plain("plain_selective_mamba_block", {{"selective_mamba_block", false}}, plain_selective_mamba_block));
}

}  // namespace exactscan::kernels
