#include "tests/kernels/system_trial.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <utility>

#include "tests/kernels/bytes.hpp"
#include "tests/kernels/trial.hpp"

namespace exactscan::kernels {
namespace {

// Sizes of an operation's dimensions. Groups divide the heads (or channels), a chunk has a step at least.
Dimensions sizes_of(const std::string& op, Bytes& header) {
  static const std::map<std::string_view, std::int64_t> limits{
      {"L", 24}, {"T", 24}, {"B", 3}, {"D", 4}, {"H", 4}, {"P", 4}, {"N", 5},
      {"I", 4},  {"O", 4},  {"E", 4}, {"W", 5}, {"Q", 9}, {"G", 3}};
  static constexpr std::size_t most = 8;  // bytes are read for eight, whatever the operation
  Dimensions sizes;
  std::size_t read = 0;
  for (const GeneratorSpec& generator : generators()) {
    if (generator.op != op) continue;
    for (const DimensionDefault& dimension : generator.dimensions) {
      sizes[std::string(dimension.name)] = header.below(limits.at(dimension.name));
      ++read;
    }
  }
  for (; read < most; ++read) header.next();
  for (const char* positive : {"G", "Q", "W"}) {
    if (sizes.count(positive) != 0) ++sizes[positive];
  }
  if (sizes.count("G") != 0) sizes[sizes.count("H") != 0 ? "H" : "D"] *= sizes["G"];
  return sizes;
}

// The elements of every floating-point input become `bytes`, end to end and again from the start.
void fill(Case& value, std::span<const std::uint8_t> bytes, bool digits) {
  std::size_t next = 0;
  const auto byte = [&] { return bytes[next++ % bytes.size()]; };
  for (auto& [name, tensor] : value.inputs) {
    if (is_integral(tensor.type)) continue;
    if (!digits) {
      for (std::byte& b : tensor.data) b = static_cast<std::byte>(byte());
      continue;
    }
    const std::int64_t parts = tensor.size() * (is_complex(tensor.type) ? 2 : 1);
    std::vector<double> values;
    for (std::int64_t i = 0; i < parts; ++i) values.push_back((byte() - 128) / 64.0);
    tensor.data = Tensor::of(part_type(tensor.type), {parts}, values).data;
  }
}

}  // namespace

const std::vector<std::string>& profiles_of(const SystemForm& form) {
  static std::map<std::pair<std::string, bool>, std::vector<std::string>> known;
  std::vector<std::string>& list = known[{form.op, form.backward}];
  if (!list.empty()) return list;
  for (const ProfileSpec& profile : profiles()) {
    GenerateRequest request;
    request.op = form.op;
    request.backward = form.backward;
    request.profile = profile.name;
    try {
      generate(request);
      list.emplace_back(profile.name);
    } catch (const GenerateError&) {
    }
  }
  return list;
}

std::optional<Case> generate_for(const SystemKernel& kernel, GenerateRequest request) {
  for (int attempt = 0; attempt < 12; ++attempt, ++request.variant) {
    Case value = generate(request);
    if (can_run(kernel, value)) return value;
  }
  return std::nullopt;
}

std::optional<SystemTrial> decode_system(std::span<const std::uint8_t> bytes, const SystemKernel* kernel) {
  Bytes header(bytes.first(std::min(bytes.size(), system_header_bytes)));
  SystemTrial trial;
  const SystemKernel& chosen = header.one_of(system_kernels());
  trial.kernel = kernel == nullptr ? &chosen : kernel;
  const SystemForm& form = header.one_of(trial.kernel->forms);
  std::vector<std::string> families{"bytes", "digits"};
  families.insert(families.end(), profiles_of(form).begin(), profiles_of(form).end());
  trial.profile = header.one_of(families);
  const bool from_bytes = trial.profile == "bytes" || trial.profile == "digits";
  GenerateRequest request;
  request.op = form.op;
  request.backward = form.backward;
  request.profile = from_bytes ? "uniform" : trial.profile;
  request.type = header.one_of(trial.kernel->types);
  request.variant = static_cast<std::uint64_t>(header.next());
  request.shape = sizes_of(form.op, header);
  trial.placement.misaligned = header.below(16);
  trial.placement.poison = header.flag() ? std::byte{0x4B} : std::byte{0xFF};
  trial.placement.in_place = header.flag();
  for (int i = 0; i < 4; ++i) request.seed = request.seed << 8U | static_cast<std::uint64_t>(header.next());
  std::optional<Case> inputs = generate_for(*trial.kernel, request);
  if (!inputs) return std::nullopt;
  trial.inputs = std::move(*inputs);
  if (from_bytes && bytes.size() > system_header_bytes)
    fill(trial.inputs, bytes.subspan(system_header_bytes), trial.profile == "digits");
  return trial;
}

std::string describe(const SystemTrial& trial) {
  return fmt::format("{} on {}{}; {}", trial.kernel->name,
                     std::get<std::string>(trial.inputs.options.at("source")),
                     trial.profile == "bytes" || trial.profile == "digits" ? " (its values replaced)" : "",
                     describe(trial.placement));
}

Outcome run(const SystemTrial& trial) { return run(*trial.kernel, trial.inputs, trial.placement); }

std::string complaint(const SystemTrial& trial) {
  const std::string found = complaint(*trial.kernel, run(trial), trial.profile);
  return found.empty() ? "" : describe(trial) + ": " + found;
}

}  // namespace exactscan::kernels
