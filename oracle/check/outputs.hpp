// How an operation takes its tensors out of a case.
#pragma once

#include <numeric>
#include <string>

#include "oracle/check/request.hpp"

namespace exactscan {

// The input `name` as rows over channels; a vector reads the same in every row, a missing tensor as zero.
inline TensorView input_view(const Case& value, const std::string& name) {
  const auto found = value.inputs.find(name);
  if (found == value.inputs.end()) return {};
  const auto& shape = found->second.shape;
  return {&found->second, shape.empty() ? 1 : shape.back(), shape.size() < 2};
}

// The output `name` of a given shape, as rows over its last dimension; its candidate is missing where the
// case does not hold it.
inline Output make_output(const Case& value, const Contract& contract, const std::string& name,
                          std::vector<std::int64_t> shape) {
  Output output;
  output.name = name;
  output.rows = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) output.rows *= shape[i];
  output.columns = shape.empty() ? 1 : shape.back();
  const auto found = value.outputs.find(name);
  if (found != value.outputs.end()) {
    output.candidate = {&found->second, output.columns, shape.size() < 2};
    output.rule = OutputRule(found->second.type, contract);
  }
  output.shape = std::move(shape);
  return output;
}

}  // namespace exactscan
