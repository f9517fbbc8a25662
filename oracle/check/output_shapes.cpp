// output_shapes(): what an operation's outputs look like, by the table and the sizes of the inputs.
#include <algorithm>
#include <optional>

#include "oracle/check/operation.hpp"
#include "oracle/check/options.hpp"

namespace exactscan {
namespace {

// Sizes that no input has but that follow: K chunks of Q steps, R packed sequences.
void complete(const Case& value, Dimensions& sizes) {
  if (value.op.rfind("ssd", 0) == 0) {
    const double asked = number_option(value, "chunk_size", 256);
    if (asked >= 1 && asked <= 0x1p20) sizes.emplace("Q", static_cast<std::int64_t>(asked));
    if (sizes.count("T") != 0 && sizes.count("Q") != 0)
      sizes.emplace("K", (sizes.at("T") + sizes.at("Q") - 1) / std::max<std::int64_t>(sizes.at("Q"), 1));
  }
  if (sizes.count("S") != 0) sizes.emplace("R", std::max<std::int64_t>(sizes.at("S") - 1, 0));
}

// The longest of a tensor's shapes whose sizes are known; nullopt if none is.
std::optional<std::string_view> known_shape(const TensorSpec& spec, const Dimensions& sizes) {
  std::optional<std::string_view> best;
  for (const std::string_view form : spec.shapes) {
    const bool known = std::all_of(form.begin(), form.end(), [&](char c) {
      return c == ',' || c == '1' || sizes.count(std::string(1, c)) != 0;
    });
    if (known && (!best || form.size() > best->size())) best = form;
  }
  return best;
}

}  // namespace

std::map<std::string, std::vector<std::int64_t>> output_shapes(const Case& value) {
  Dimensions sizes = validate(value, false);
  complete(value, sizes);
  std::map<std::string, std::vector<std::int64_t>> shapes;
  for (const TensorSpec& spec : find_operation(value.op)->outputs) {
    if (!missing_inputs(value, spec).empty()) continue;
    const auto primal = value.inputs.find(std::string(spec.name.substr(1)));
    if (!spec.needs.empty() && primal != value.inputs.end()) {
      shapes.emplace(spec.name, primal->second.shape);
      continue;
    }
    const std::optional<std::string_view> form = known_shape(spec, sizes);
    if (!form) continue;
    std::vector<std::int64_t>& shape = shapes[std::string(spec.name)];
    for (const char c : *form) {
      if (c != ',') shape.push_back(c == '1' ? 1 : sizes.at(std::string(1, c)));
    }
  }
  return shapes;
}

}  // namespace exactscan
