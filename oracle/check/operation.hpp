// The operations: which tensors and options each takes, in which shapes. `check` validates by this table, and
// `describe` prints it, so the two cannot disagree.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oracle/casefile/case.hpp"

namespace exactscan {

enum class ElementKind : std::uint8_t { real, complex, integral };

struct TensorSpec {
  std::string_view name;  // "a", "h0", "dA"
  std::vector<std::string_view>
      shapes;  // allowed shapes, as dimension names: {"L,N"}, {"N", "L,N"}; "" is 0-d; "1" is of size 1
  bool optional = false;   // inputs: may be missing
  std::string_view needs;  // outputs: the inputs without which it has no meaning ("dh", "dy,deltaA"), or ""
  std::string_view meaning;
  ElementKind kind = ElementKind::real;
};

enum class OptionKind : std::uint8_t { text, number, boolean };
struct OptionSpec {
  std::string_view name;
  OptionKind kind;
  std::string_view meaning;
};

struct OperationSpec {
  std::string_view name;
  std::string_view summary;  // one line
  std::string_view formula;  // what is computed, some lines of plain text
  std::vector<TensorSpec> inputs, outputs;
  std::vector<OptionSpec> options;
};

std::span<const OperationSpec> operations();
// The Mamba systems' part of them (mamba_operations.cpp).
std::vector<OperationSpec> mamba_operations();
// nullptr if there is none of that name.
const OperationSpec* find_operation(std::string_view name);

// The first input that an output needs and the case lacks; "" if none.
std::string missing_inputs(const Case& value, const TensorSpec& output);

// The dimensions of a case, by name ("L" → 4096).
using Dimensions = std::map<std::string, std::int64_t, std::less<>>;

// Checks that a case makes sense: known operation, tensors and options of the right kinds, all inputs there,
// real element types, shapes that agree, and, if `outputs_required`, at least one output. Errors: CaseError
// naming file, tensor and fault.
Dimensions validate(const Case& value, bool outputs_required = true);

// The shape of each output to which the case's inputs give a meaning, by name: gradients as what they are
// gradients of, chunks and packed sequences counted. Errors: those of validate.
std::map<std::string, std::vector<std::int64_t>> output_shapes(const Case& value);

}  // namespace exactscan
