// The tensors that diagonal_s4 and mamba_block have in common: both are layers around a diagonal state space
// model.
#pragma once

#include <vector>

#include "oracle/check/operation.hpp"

namespace exactscan {

inline std::vector<TensorSpec> layer_inputs() {
  return {{"in_proj", {"I,N"}, false, "", "input projection"},
          {"out_proj", {"N,O"}, false, "", "output projection"},
          {"A", {"N"}, false, "", "decay"},
          {"B", {"N"}, false, "", "input weight"},
          {"C", {"N"}, false, "", "readout weight"},
          {"D", {"N"}, false, "", "skip weight"},
          {"x", {"L,I"}, false, "", "input"},
          {"h0", {"N"}, true, "", "initial state; missing: 0"}};
}

inline std::vector<TensorSpec> layer_outputs() {
  return {{"y", {"L,O"}, false, "", "output; reads the state after the update"},
          {"h_last", {"N"}, false, "", "the state after the last step"}};
}

}  // namespace exactscan
