#include "tests/kernels/system_placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <vector>

#include "oracle/check/check.hpp"
#include "tests/kernels/trial.hpp"

namespace exactscan::kernels {
namespace {

// All elements in one row: a Placed knows rows and channels alone.
Tensor flat(const Tensor& tensor) { return {tensor.type, {tensor.size()}, tensor.data}; }

Tensor widened(const Tensor& tensor) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < tensor.size(); ++i) values.push_back(tensor.at(i));
  return Tensor::of(ElementType::f32, tensor.shape, values);
}

void widen(const SystemKernel& kernel, Case& inputs) {
  for (const std::string& name : kernel.wide_inputs) {
    const auto found = inputs.inputs.find(name);
    if (found != inputs.inputs.end() && element_size(found->second.type) == 2)
      found->second = widened(found->second);
  }
}

// The tensors of one call.
class Memory {
 public:
  explicit Memory(const SystemPlacement& placement) {
    placement_.misaligned = placement.misaligned;
    placement_.poison = placement.poison;
  }

  Buffer input(const std::string& name, const Tensor& tensor) {
    auto& placed = inputs_[name] = std::make_unique<Placed>(flat(tensor), placement_);
    return {placed->operand().data, tensor.type, tensor.shape};
  }
  Buffer output(const SystemOutput& wanted) {
    outputs_.push_back({wanted, nullptr, nullptr});
    Place& place = outputs_.back();
    place.own = std::make_unique<Placed>(
        wanted.type, std::vector{Buffer{nullptr, wanted.type, wanted.shape}.size()}, placement_);
    place.memory = place.own.get();
    return {place.memory->operand().data, wanted.type, wanted.shape};
  }
  Buffer output_over(const SystemOutput& wanted, const std::string& input) {
    outputs_.push_back({wanted, nullptr, inputs_.at(input).get()});
    return {outputs_.back().memory->operand().data, wanted.type, wanted.shape};
  }

  std::string take(Case& judged) {
    std::string fault;
    for (const Place& place : outputs_) {
      Tensor tensor = place.memory->take();
      tensor.shape = place.output.shape;
      judged.outputs[place.output.name] = std::move(tensor);
      if (!place.memory->only_poison()) fault = "wrote around " + place.output.name;
    }
    for (const auto& [name, placed] : inputs_) {
      const bool written = std::any_of(outputs_.begin(), outputs_.end(),
                                       [p = placed.get()](const Place& place) { return place.memory == p; });
      if (!written && !placed->unchanged()) fault = "changed " + name;
    }
    return fault;
  }

 private:
  struct Place {
    SystemOutput output;
    std::unique_ptr<Placed> own;
    Placed* memory;
  };
  Placement placement_;
  std::map<std::string, std::unique_ptr<Placed>> inputs_;
  std::vector<Place> outputs_;
};

// The input over which an output is to lie; "" if none.
std::string under(const SystemKernel& kernel, const SystemOutput& output, const Case& inputs) {
  for (const auto& [name, input] : kernel.in_place) {
    const auto found = inputs.inputs.find(input);
    if (name == output.name && found != inputs.inputs.end() && found->second.type == output.type)
      return input;
  }
  return "";
}

}  // namespace

std::string describe(const SystemPlacement& placement) {
  return fmt::format("{} elements off alignment, poison {:#x}{}", placement.misaligned,
                     static_cast<unsigned>(placement.poison), placement.in_place ? ", in place" : "");
}

Outcome run(const SystemKernel& kernel, const Case& inputs, const SystemPlacement& placement) {
  Outcome outcome{inputs, ""};
  Case& judged = outcome.judged;
  widen(kernel, judged);
  Memory memory(placement);
  SystemCall call{judged, {}, {}};
  for (const auto& [name, tensor] : judged.inputs) call.in[name] = memory.input(name, tensor);
  for (const SystemOutput& output : system_outputs(kernel, judged)) {
    const std::string input = placement.in_place ? under(kernel, output, judged) : "";
    call.out[output.name] = input.empty() ? memory.output(output) : memory.output_over(output, input);
  }
  kernel.run(call);
  outcome.fault = memory.take(judged);
  return outcome;
}

std::string complaint(const SystemKernel& kernel, const Outcome& outcome, std::string_view profile) {
  return complaint(outcome, profile, kernel.contract);
}

}  // namespace exactscan::kernels
