// The oracle's two entry points.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "oracle/casefile/case.hpp"
#include "oracle/check/report.hpp"
#include "oracle/check/screen.hpp"
#include "oracle/contract/contract.hpp"

namespace exactscan {

struct CheckOptions {
  int errors = 1;   // witnesses to spell out a tensor; 0: none, which is faster for small cases
  int threads = 1;  // 0: as many as the machine has
  // Called now and then, from one thread at a time, with the share of the work done (0 … 1); may be empty.
  std::function<void(double)> progress;
  // Looks at all units first, where given (oracle/cuda/check_case.hpp); it must take the case's operation.
  Screen screen;
};

// Judges every out.* tensor of `value` under `contract` (default: default_contract(value)).
// Never throws for a bad case: the report's verdict is then invalid and its reason says why.
// Theorem behind each verdict: see the allowance of the operation (oracle/bounds/).
CaseReport check(const Case& value, const std::optional<Contract>& contract = {},
                 const CheckOptions& options = {});

// The same case with every output of the operation replaced by the correctly rounded exact value: the outputs
// that the case holds, in their own types; where it holds none, all of them in the type of the first input.
// Errors: CaseError.
Case exact_outputs(const Case& value, const CheckOptions& options = {});

}  // namespace exactscan
