// exact_outputs(): a case with the correctly rounded exact values as its outputs.
#include <cmath>

#include "oracle/check/all_finite.hpp"
#include "oracle/check/check.hpp"
#include "oracle/check/exact_values.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/check/operation_judge.hpp"
#include "spec/rounding.hpp"

namespace exactscan {
namespace {

// Where the case holds no output: all that its inputs give a meaning to, in the type of the first input.
void add_all_outputs(Case& value) {
  const OperationSpec& operation = *find_operation(value.op);
  const ElementType first = value.inputs.at(std::string(operation.inputs.front().name)).type;
  const auto shapes = output_shapes(value);
  for (const TensorSpec& spec : operation.outputs) {
    const auto shape = shapes.find(std::string(spec.name));
    if (shape == shapes.end()) continue;
    Tensor tensor;
    tensor.type = spec.kind == ElementKind::real         ? part_type(first)
                  : part_type(first) == ElementType::f64 ? ElementType::c128
                                                         : ElementType::c64;
    tensor.shape = shape->second;
    tensor.data.resize(static_cast<std::size_t>(tensor.size()) * element_size(tensor.type));
    value.outputs.emplace(spec.name, std::move(tensor));
  }
}

}  // namespace

std::optional<double> rounded_once(const Enclosure& around, const spec::FloatFormat& format) {
  if (!around) return std::nullopt;
  const double low = spec::round_to_double(around->first, format),
               high = spec::round_to_double(around->second, format);
  if (low == high) return low;
  return std::nullopt;
}

Case exact_outputs(const Case& value, const CheckOptions& options) {
  const Dimensions dimensions = validate(value, false);
  Case result = value;
  if (result.outputs.empty()) add_all_outputs(result);
  CheckerSettings settings;
  settings.threads = options.threads;
  settings.finite_inputs = [finite = all_finite(value)] { return finite; };
  const Contract contract = default_contract(result);
  const Problem problem{result, dimensions, contract};
  Case filled = result;
  judge_of(value).exact(problem, settings, filled);
  return filled;
}

}  // namespace exactscan
