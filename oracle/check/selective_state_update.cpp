// The operation selective_state_update: one step of the selective scan, for decoding. It is judged as a
// selective_scan of one token, whose channels are those of all heads (spec: selective_step; that a step is a
// scan of one token is a property of the definition).
#include <fmt/format.h>

#include <array>

#include "oracle/check/operation_judge.hpp"
#include "oracle/check/selective_scan.hpp"

namespace exactscan {
namespace {

// The names of the step's tensors and of the scan's.
constexpr std::array<std::pair<const char*, const char*>, 9> input_names{{{"x", "u"},
                                                                          {"dt", "delta"},
                                                                          {"A", "A"},
                                                                          {"B", "B"},
                                                                          {"C", "C"},
                                                                          {"D", "D"},
                                                                          {"z", "z"},
                                                                          {"dt_bias", "delta_bias"},
                                                                          {"state", "initial_state"}}};
constexpr std::array<std::pair<const char*, const char*>, 2> output_names{
    {{"y", "y"}, {"state", "last_state"}}};

struct Sizes {
  std::int64_t batch, channels, states, groups;
};

Sizes sizes_of(const Dimensions& dimensions) {
  const auto size = [&](const char* name) {
    const auto found = dimensions.find(name);
    return found == dimensions.end() ? 1 : found->second;
  };
  return {size("B"), size("H") * size("D"), size("N"), size("G")};
}

// The shape of a tensor of the scan.
std::vector<std::int64_t> scan_shape(const std::string& name, const Sizes& s) {
  if (name == "A") return {s.channels, s.states};
  if (name == "B" || name == "C") return {s.batch, s.groups, s.states, 1};
  if (name == "D" || name == "delta_bias") return {s.channels};
  if (name == "initial_state" || name == "last_state") return {s.batch, s.channels, s.states};
  return {s.batch, s.channels, 1};
}

Case as_scan(const Case& value, const Sizes& sizes) {
  Case scan;
  scan.file = value.file;
  scan.op = "selective_scan";
  for (const auto& [name, option] : value.options)
    scan.options[name == "dt_softplus" ? "delta_softplus" : name] = option;
  const auto take = [&](const auto& names, const auto& from, auto& to) {
    for (const auto& [mine, theirs] : names) {
      const auto found = from.find(mine);
      if (found == from.end()) continue;
      Tensor tensor = found->second;
      tensor.shape = scan_shape(theirs, sizes);
      to.emplace(theirs, std::move(tensor));
    }
  };
  take(input_names, value.inputs, scan.inputs);
  take(output_names, value.outputs, scan.outputs);
  return scan;
}

Dimensions scan_dimensions(const Case& value, const Sizes& s) {
  if (s.groups == 0 || s.channels % s.groups != 0)
    throw CaseError(fmt::format("{}: the heads cannot share {} groups", value.file, s.groups));
  return {{"B", s.batch}, {"D", s.channels}, {"L", 1}, {"N", s.states}, {"G", s.groups}};
}

// An index of the scan's tensor as one of the step's.
std::vector<std::int64_t> step_index(const std::vector<std::int64_t>& index,
                                     const std::vector<std::int64_t>& from,
                                     const std::vector<std::int64_t>& to) {
  std::int64_t flat = 0;
  for (std::size_t i = 0; i < index.size(); ++i) flat = flat * from[i] + index[i];
  std::vector<std::int64_t> result(to.size());
  for (std::size_t i = to.size(); i-- > 0;) {
    result[i] = flat % to[i];
    flat /= to[i];
  }
  return result;
}

void judge(const Problem& problem, CheckerSettings settings, CaseReport& report) {
  const Sizes sizes = sizes_of(problem.dimensions);
  const Case scan = as_scan(problem.value, sizes);
  const Dimensions dimensions = scan_dimensions(problem.value, sizes);
  selective_scan_judge.judge({scan, dimensions, problem.contract}, std::move(settings), report);
  for (TensorReport& tensor : report.tensors) {
    const std::vector<std::int64_t> shape = scan_shape(tensor.name, sizes);
    if (tensor.name == "last_state") tensor.name = "state";
    for (Witness& w : tensor.witnesses)
      w.index = step_index(w.index, shape, problem.value.outputs.at(tensor.name).shape);
  }
}

void exact(const Problem& problem, const CheckerSettings& settings, Case& result) {
  const Sizes sizes = sizes_of(problem.dimensions);
  const Case scan = as_scan(problem.value, sizes);
  const Dimensions dimensions = scan_dimensions(problem.value, sizes);
  Case filled = scan;
  selective_scan_judge.exact({scan, dimensions, problem.contract}, settings, filled);
  for (const auto& [mine, theirs] : output_names) {
    const auto found = result.outputs.find(mine);
    if (found != result.outputs.end()) found->second.data = filled.outputs.at(theirs).data;
  }
}

}  // namespace

const OperationJudge selective_state_update_judge{"selective_state_update", &judge, &exact};

}  // namespace exactscan
