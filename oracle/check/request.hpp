// How the parts of a check name elements: outputs of the operation as rows over columns.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "oracle/check/output_rule.hpp"
#include "oracle/check/tensor_view.hpp"

namespace exactscan {

// One output tensor of an operation; a vector has one row. Not judged where `candidate` is missing.
struct Output {
  std::string name;
  std::int64_t rows = 0, columns = 0;
  TensorView candidate;
  const Tensor* tensor =
      nullptr;  // the candidate as the case holds it, where the operation has complex outputs
  OutputRule rule;
  std::vector<std::int64_t> shape;  // of the tensor, for indices in reports

  std::int64_t size() const { return rows * columns; }
};

// One element of one output.
struct Request {
  int output = 0;
  std::int64_t row = 0, column = 0;
};

}  // namespace exactscan
