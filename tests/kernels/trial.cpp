#include "tests/kernels/trial.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <vector>

#include "oracle/check/check.hpp"
#include "tests/kernels/bytes.hpp"

namespace exactscan::kernels {
namespace {

struct Operation {
  const char* name;
  bool time_varying, backward;
};

std::vector<Operation> operations_of(const Implementation& kernel) {
  std::vector<Operation> list;
  if (kernel.run) list.push_back({"affine_scan", false, false});
  if (kernel.run && kernel.takes_input) {
    list.push_back({"diagonal_ssm", false, false});
    list.push_back({"diagonal_ssm", true, false});
  }
  if (kernel.run_backward) {
    list.push_back({"diagonal_ssm", false, true});
    list.push_back({"diagonal_ssm", true, true});
  }
  if (kernel.run_layer) list.push_back({"diagonal_s4", false, false});
  return list;
}

// Those that the generator has for the operation, and "bytes".
std::vector<std::string> profiles_of(const Operation& op) {
  GenerateRequest request;
  request.op = op.name;
  request.time_varying = op.time_varying;
  request.backward = op.backward;
  std::vector<std::string> list{"bytes"};
  for (const ProfileSpec& profile : profiles()) {
    if (exists(request, profile.name)) list.emplace_back(profile.name);
  }
  return list;
}

// The inputs' elements become `bytes`, end to end and again from the start.
void fill(Case& value, std::span<const std::uint8_t> bytes) {
  std::size_t at = 0;
  for (auto& [name, tensor] : value.inputs) {
    for (std::byte& b : tensor.data) b = static_cast<std::byte>(bytes[at++ % bytes.size()]);
  }
}

CaseReport judgement(const Case& judged, const std::string& contract, int witnesses) {
  CheckOptions options;
  options.errors = witnesses;
  return contract.empty() ? check(judged, {}, options) : check(judged, parse_contract(contract), options);
}

}  // namespace

bool exists(GenerateRequest request, std::string_view profile) {
  request.profile = profile;
  request.shape = {{"L", 1}, {"N", 1}};
  try {
    generate(request);
    return true;
  } catch (const GenerateError&) {
    return false;
  }
}

Trial decode(std::span<const std::uint8_t> bytes, const Implementation* kernel) {
  Bytes header(bytes.first(std::min(bytes.size(), header_bytes)));
  Trial trial;
  const Implementation& chosen = header.one_of(implementations());
  trial.kernel = kernel == nullptr ? &chosen : kernel;
  const Operation op = header.one_of(operations_of(*trial.kernel));
  trial.profile = header.one_of(profiles_of(op));
  GenerateRequest request;
  request.op = op.name;
  request.profile = trial.profile == "bytes" ? "uniform" : trial.profile;
  request.time_varying = op.time_varying;
  request.backward = op.backward;
  request.type = header.one_of(trial.kernel->types);
  request.shape = {{"L", header.below(160)}, {"N", header.below(24)}};
  const std::int64_t inputs = header.below(8), outputs = header.below(8);
  if (request.op == "diagonal_s4") {
    request.shape["I"] = inputs;
    request.shape["O"] = outputs;
  }
  trial.placement.layout = header.one_of(trial.kernel->layouts);
  trial.placement.padding = header.below(9);
  if (!trial.kernel->strided) trial.placement.padding = 0;
  trial.placement.misaligned = header.below(16);
  static constexpr auto places = std::to_array({Placement::apart, Placement::over_a, Placement::over_b});
  trial.placement.output = header.one_of(places);
  if (!trial.kernel->in_place) trial.placement.output = Placement::apart;
  trial.with_states = header.flag();
  const bool without_state = header.flag();
  for (int i = 0; i < 4; ++i) request.seed = request.seed << 8U | static_cast<std::uint64_t>(header.next());
  trial.inputs = generate(request);
  if (without_state) trial.inputs.inputs.erase("h0");
  if (trial.profile == "bytes" && bytes.size() > header_bytes)
    fill(trial.inputs, bytes.subspan(header_bytes));
  return trial;
}

std::string describe(const Trial& trial) {
  return fmt::format("{} on {}{}{}; {}{}", trial.kernel->name,
                     std::get<std::string>(trial.inputs.options.at("source")),
                     trial.profile == "bytes" ? " (its values replaced)" : "",
                     trial.inputs.inputs.count("h0") == 0 ? " without h0" : "", describe(trial.placement),
                     trial.with_states ? ", states given" : "");
}

Outcome run(const Trial& trial) {
  return run(*trial.kernel, trial.inputs, trial.placement, trial.with_states);
}

Verdict verdict_of(const Case& judged, const std::string& contract) {
  return judgement(judged, contract, 0).verdict;
}

std::string complaint(const Outcome& outcome, std::string_view profile, const std::string& contract) {
  if (!outcome.fault.empty()) return outcome.fault;
  const Verdict verdict = verdict_of(outcome.judged, contract);
  const bool may_be_open = profile == "special" || profile == "bytes" || profile == "digits";
  if (verdict == Verdict::explained || (may_be_open && verdict == Verdict::undecided)) return "";
  const CaseReport report = judgement(outcome.judged, contract, 1);
  std::string text = fmt::format("{} {}", verdict_name(report.verdict), report.reason);
  for (const TensorReport& tensor : report.tensors) {
    for (const Witness& w : tensor.witnesses) {
      text += fmt::format("\n  {}[{}] = {}, exact {}, {} allowances", tensor.name, fmt::join(w.index, ", "),
                          w.candidate, w.exact, w.ratio);
    }
  }
  return text;
}

std::string complaint(const Trial& trial) {
  const std::string found = complaint(run(trial), trial.profile);
  return found.empty() ? "" : describe(trial) + ": " + found;
}

}  // namespace exactscan::kernels
