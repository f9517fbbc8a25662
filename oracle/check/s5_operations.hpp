// The description of S5's operations, for the table of oracle/check/operation.hpp.
#pragma once

#include "oracle/check/operation.hpp"

namespace exactscan {

OperationSpec simplified_scan();
OperationSpec s5_inner();
OperationSpec simplified_state_update();

}  // namespace exactscan
