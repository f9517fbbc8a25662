#include "tests/kernels/system_kernel.hpp"

#include <algorithm>

#include "oracle/check/operation.hpp"
#include "oracle/check/options.hpp"

namespace exactscan::kernels {
namespace {

ElementType real_type(const Case& inputs) {
  const OperationSpec& operation = *find_operation(inputs.op);
  return part_type(inputs.inputs.at(std::string(operation.inputs.front().name)).type);
}

// What is indexed by the step: it is written once a step, not summed or carried.
bool is_of_a_step(const OperationSpec& operation, const TensorSpec& spec) {
  const bool whole_chunks = operation.name == "ssd_chunk_cumsum" || operation.name == "ssd_chunk_state" ||
                            operation.name == "ssd_state_passing";
  if (whole_chunks) return false;
  return spec.name == "y" || std::any_of(spec.shapes.begin(), spec.shapes.end(), [](std::string_view form) {
           return form.find('L') != std::string_view::npos || form.find('T') != std::string_view::npos;
         });
}

ElementType proposed_type(const Case& inputs, const OperationSpec& operation, const TensorSpec& spec) {
  const ElementType real = real_type(inputs);
  if (spec.kind == ElementKind::complex)
    return real == ElementType::f64 ? ElementType::c128 : ElementType::c64;
  const auto updated = inputs.inputs.find(std::string(spec.name));
  if (operation.name == "selective_state_update" && updated != inputs.inputs.end())
    return updated->second.type;
  return real == ElementType::f64 || is_of_a_step(operation, spec) ? real : ElementType::f32;
}

}  // namespace

std::int64_t Buffer::size() const {
  std::int64_t product = 1;
  for (const std::int64_t extent : shape) product *= extent;
  return product;
}

bool SystemCall::flag(const std::string& option, bool otherwise) const {
  return bool_option(inputs, option, otherwise);
}
double SystemCall::number(const std::string& option, double otherwise) const {
  return number_option(inputs, option, otherwise);
}
std::string SystemCall::text(const std::string& option, const std::string& otherwise) const {
  const auto found = inputs.options.find(option);
  return found == inputs.options.end() ? otherwise : std::get<std::string>(found->second);
}

bool can_run(const SystemKernel& kernel, const Case& inputs) {
  const bool backward = inputs.inputs.count("dy") != 0;
  const bool has_form = std::any_of(kernel.forms.begin(), kernel.forms.end(), [&](const SystemForm& form) {
    return form.op == inputs.op && form.backward == backward;
  });
  return has_form &&
         std::find(kernel.types.begin(), kernel.types.end(), real_type(inputs)) != kernel.types.end() &&
         (!kernel.takes || kernel.takes(inputs));
}

std::vector<SystemOutput> system_outputs(const SystemKernel& kernel, const Case& inputs) {
  const OperationSpec& operation = *find_operation(inputs.op);
  const auto shapes = output_shapes(inputs);
  std::vector<SystemOutput> result;
  for (const TensorSpec& spec : operation.outputs) {
    const auto shape = shapes.find(std::string(spec.name));
    if (shape == shapes.end()) continue;
    const ElementType proposed = proposed_type(inputs, operation, spec);
    result.push_back({shape->first,
                      kernel.output_type ? kernel.output_type(shape->first, proposed) : proposed,
                      shape->second});
  }
  return result;
}

}  // namespace exactscan::kernels
