// OperationJudge: what the entry points need of an operation, without its templates.
#pragma once

#include "oracle/check/checker_settings.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/check/report.hpp"
#include "oracle/contract/contract.hpp"

namespace exactscan {

// A validated case and how to read it.
struct Problem {
  const Case& value;
  const Dimensions& dimensions;
  const Contract& contract;
};

struct OperationJudge {
  std::string_view name;
  // Appends a TensorReport for each output that the case holds. Errors: CaseError for a false claim of a
  // lattice.
  void (*judge)(const Problem& problem, CheckerSettings settings, CaseReport& report);
  // The correctly rounded exact values of the outputs that the case holds, in their types.
  void (*exact)(const Problem& problem, const CheckerSettings& settings, Case& result);
};

// One each in the operations' own sources: the only places that instantiate the checker. S5's three are in
// s5/s5.cpp: complex, and judged by a checker of their own; the Mamba systems' by that of unit_judge.hpp.
extern const OperationJudge affine_scan_judge, diagonal_ssm_judge, diagonal_s4_judge;
extern const OperationJudge simplified_scan_judge, s5_inner_judge, simplified_state_update_judge;
extern const OperationJudge selective_scan_judge, selective_state_update_judge, mamba_block_judge,
    selective_mamba_block_judge;
extern const OperationJudge ssd_judge, ssd_chunk_cumsum_judge, ssd_chunk_state_judge, ssd_state_passing_judge,
    ssd_chunk_scan_judge;

// The judge of a validated case's operation.
const OperationJudge& judge_of(const Case& value);

}  // namespace exactscan
