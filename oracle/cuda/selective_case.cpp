#include "oracle/cuda/selective_case.hpp"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "oracle/check/options.hpp"
#include "oracle/check/output_rule.hpp"

namespace exactscan::device {
namespace {

constexpr std::array<std::pair<const char*, DeviceTensor SelectiveScreen::*>, 9> inputs{{
    {"u", &SelectiveScreen::u},
    {"delta", &SelectiveScreen::delta},
    {"A", &SelectiveScreen::A},
    {"B", &SelectiveScreen::B},
    {"C", &SelectiveScreen::C},
    {"D", &SelectiveScreen::D},
    {"z", &SelectiveScreen::z},
    {"delta_bias", &SelectiveScreen::delta_bias},
    {"initial_state", &SelectiveScreen::initial_state},
}};
constexpr std::array<std::pair<const char*, DeviceTensor SelectiveScreen::*>, 2> outputs{{
    {"y", &SelectiveScreen::y},
    {"last_state", &SelectiveScreen::last_state},
}};

Storage storage_of(ElementType type) {
  return type == ElementType::bf16 ? Storage::bf16 : type == ElementType::f16 ? Storage::f16 : Storage::f32;
}

StoreRule store_rule(const Case& value, const char* name, const Contract& contract) {
  const auto found = value.outputs.find(name);
  if (found == value.outputs.end()) return {};
  const OutputRule rule(found->second.type, contract);
  return {rule.direct, std::ldexp(1.0F, -rule.format.precision),
          std::ldexp(1.0F, rule.format.min_normal_exponent())};
}

}  // namespace

std::vector<NamedTensor> tensors_of(const Case& value) {
  std::vector<NamedTensor> tensors;
  for (const auto& [name, place] : inputs) {
    const auto found = value.inputs.find(name);
    if (found != value.inputs.end()) tensors.push_back({&found->second, place});
  }
  for (const auto& [name, place] : outputs) {
    const auto found = value.outputs.find(name);
    if (found != value.outputs.end()) tensors.push_back({&found->second, place});
  }
  return tensors;
}

std::string refusal(const Case& value, const Contract& contract) {
  if (value.op != "selective_scan") return fmt::format("it judges selective_scan, not {}", value.op);
  if (value.inputs.count("dy") != 0) return "it judges no gradients (in.dy)";
  if (contract.accumulate == Accumulate::fp64)
    return "it has no arithmetic finer than binary64 (accumulate=fp64)";
  if (contract.state != StateType::full) return "it knows no state that is rounded after each step (state=)";
  for (const char* name : {"B", "C"}) {
    if (value.inputs.at(name).shape.size() == 2) return fmt::format("it takes no constant in.{}", name);
  }
  if (value.inputs.at("A").shape[1] > most_states)
    return fmt::format("it takes up to {} states, not {}", most_states, value.inputs.at("A").shape[1]);
  for (const NamedTensor& named : tensors_of(value)) {
    if (named.tensor->type == ElementType::f64) return "it takes no float64 tensors";
  }
  return {};
}

SelectiveScreen selective_screen(const Case& value, const Dimensions& dimensions, const Contract& contract) {
  SelectiveScreen screen;
  screen.batch = dimensions.at("B"), screen.channels = dimensions.at("D");
  screen.length = dimensions.at("L"), screen.states = dimensions.at("N");
  for (const char* name : {"B", "C"}) {
    const auto& shape = value.inputs.at(name).shape;
    if (shape.size() == 4) screen.groups = std::max(screen.groups, shape[1]);
  }
  for (const NamedTensor& named : tensors_of(value))
    screen.*named.place = {named.tensor->data.data(), storage_of(named.tensor->type)};
  screen.softplus = bool_option(value, "delta_softplus", false);
  screen.y_rule = store_rule(value, "y", contract);
  screen.last_state_rule = store_rule(value, "last_state", contract);
  screen.floor = allowance_floor(
      contract, {screen.length, screen.states, screen.softplus, value.inputs.count("delta_bias") != 0,
                 value.inputs.count("D") != 0, value.inputs.count("initial_state") != 0});
  return screen;
}

}  // namespace exactscan::device
