// exact_outputs(): a case with the correctly rounded exact values as its outputs.
#include <algorithm>
#include <cmath>

#include "oracle/check/all_finite.hpp"
#include "oracle/check/check.hpp"
#include "oracle/check/exact_values.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/check/operation_judge.hpp"
#include "spec/rounding.hpp"

namespace exactscan {
namespace {

// The longest of a tensor's shapes whose dimensions the inputs have said; "" if there is none.
std::string_view known_shape(const TensorSpec& spec, const Dimensions& dimensions) {
  std::string_view best;
  for (const std::string_view form : spec.shapes) {
    const bool known = std::all_of(form.begin(), form.end(), [&](char c) {
      return c == ',' || c == '1' || dimensions.count(std::string(1, c)) != 0;
    });
    if (known && form.size() > best.size()) best = form;
  }
  return best;
}

// Where the case holds no output: all that its inputs give a meaning to, in the type of the first input.
void add_all_outputs(Case& value, const Dimensions& dimensions) {
  const OperationSpec& operation = *find_operation(value.op);
  const ElementType first = value.inputs.at(std::string(operation.inputs.front().name)).type;
  for (const TensorSpec& spec : operation.outputs) {
    if (!missing_inputs(value, spec).empty()) continue;
    const auto primal = value.inputs.find(std::string(spec.name.substr(1)));
    std::vector<std::int64_t> shape;
    if (!spec.needs.empty() && primal != value.inputs.end()) {
      shape = primal->second.shape;
    } else {
      const std::string_view form = known_shape(spec, dimensions);
      if (form.empty() && !spec.shapes.front().empty()) continue;
      for (const char c : form) {
        if (c != ',') shape.push_back(c == '1' ? 1 : dimensions.at(std::string(1, c)));
      }
    }
    Tensor tensor;
    tensor.type = spec.kind == ElementKind::real         ? part_type(first)
                  : part_type(first) == ElementType::f64 ? ElementType::c128
                                                         : ElementType::c64;
    tensor.shape = shape;
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
  if (result.outputs.empty()) add_all_outputs(result, dimensions);
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
