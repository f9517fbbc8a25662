#include "oracle/casefile/safetensors.hpp"

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/names.hpp"
#include "oracle/casefile/safetensors_header.hpp"
#include "oracle/casefile/shape.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {
namespace {

constexpr std::size_t length_size = 8;  // of the number in front of the header
constexpr std::size_t alignment = 8;

std::uint64_t header_length(std::span<const std::byte> file) {
  if (file.size() < length_size + 2) fail("is too short for a safetensors file");
  std::uint64_t length = 0;
  std::memcpy(&length, file.data(), sizeof length);
  if (length > file.size() - length_size) {
    fail("its safetensors header claims {} bytes, but only {} follow", length, file.size() - length_size);
  }
  if (length > static_cast<std::uint64_t>(max_safetensors_header)) {
    fail("its safetensors header has {} bytes, more than {}", length, max_safetensors_header);
  }
  return length;
}

void check_extent(const SafetensorsEntry& entry, std::uint64_t data_size) {
  if (entry.begin > entry.end || entry.end > data_size) {
    fail("data_offsets [{}, {}] do not lie within the {} bytes of data", entry.begin, entry.end, data_size);
  }
  const std::int64_t wanted = byte_size(entry.shape, static_cast<std::int64_t>(element_size(entry.type)));
  if (entry.end - entry.begin != static_cast<std::uint64_t>(wanted)) {
    fail("{} of shape {} takes {} bytes, but data_offsets hold {}", element_name(entry.type),
         shape_text(entry.shape), wanted, entry.end - entry.begin);
  }
}

// Sorted by place, each tensor begins where the one before ends.
void check_coverage(std::vector<SafetensorsEntry>& tensors, std::uint64_t data_size) {
  std::sort(tensors.begin(), tensors.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::uint64_t covered = 0;
  for (const SafetensorsEntry& entry : tensors) {
    if (entry.begin < covered) fail("{}: its data overlaps another tensor's", entry.name);
    if (entry.begin > covered) fail("{}: unused bytes lie before its data", entry.name);
    covered = entry.end;
  }
  if (covered != data_size) fail("{} unused bytes follow the last tensor", data_size - covered);
}

void add_metadata(Case& value, const std::map<std::string, std::string>& metadata) {
  bool has_op = false;
  for (const auto& [key, text] : metadata) {
    if (key == "format") continue;
    const CaseName what = classify(key);
    if (what.role == Role::operation) {
      value.op = text;
      has_op = true;
    } else if (what.role == Role::option) {
      value.options.emplace(what.name, text);
    } else {
      fail("{}: is a metadata string, but must be a tensor", key);
    }
  }
  if (!has_op) fail("op is missing from __metadata__");
}

void add_tensor(Case& value, const SafetensorsEntry& entry, std::span<const std::byte> data) {
  const CaseName what = classify(entry.name);
  if (what.role != Role::input && what.role != Role::output) {
    fail("{}: is a tensor, but must be a string of __metadata__", entry.name);
  }
  const auto bytes = data.subspan(entry.begin, entry.end - entry.begin);
  auto& tensors = what.role == Role::input ? value.inputs : value.outputs;
  tensors.emplace(what.name, Tensor{entry.type, entry.shape, {bytes.begin(), bytes.end()}});
}

// Text of an option; `{}` gives the shortest digits that read back as the same double.
std::string option_text(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("{}", *number);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  return std::get<bool>(value) ? "true" : "false";
}

nlohmann::ordered_json metadata_json(const Case& value) {
  nlohmann::ordered_json metadata = {{"op", value.op}};
  for (const auto& [name, option] : value.options) {
    require_name("opt." + name);
    const std::string text = option_text(option);
    if (!is_utf8(text)) fail("opt.{}: the string '{}' is not UTF-8", name, printable(text));
    metadata["opt." + name] = text;
  }
  return metadata;
}

struct Placed {
  std::string name;
  const Tensor* tensor;
};

// The tensors in the order of their data.
std::vector<Placed> place_tensors(const Case& value) {
  std::vector<Placed> placed;
  for (const auto& [name, tensor] : value.inputs) placed.push_back({"in." + name, &tensor});
  for (const auto& [name, tensor] : value.outputs) placed.push_back({"out." + name, &tensor});
  std::stable_sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) {
    return element_size(a.tensor->type) > element_size(b.tensor->type);
  });
  return placed;
}

nlohmann::ordered_json tensor_json(const Placed& placed, std::uint64_t begin) {
  const Tensor& tensor = *placed.tensor;
  require_name(placed.name);
  const std::string_view dtype = safetensors_dtype(tensor.type);
  if (dtype.empty()) fail("{}: safetensors cannot hold {}", placed.name, element_name(tensor.type));
  const SafetensorsEntry entry{placed.name, tensor.type, tensor.shape, begin, begin + tensor.data.size()};
  with_prefix(placed.name, [&] { check_extent(entry, entry.end); });
  return {{"dtype", dtype}, {"shape", tensor.shape}, {"data_offsets", {entry.begin, entry.end}}};
}

}  // namespace

Case read_safetensors(std::span<const std::byte> file) {
  const std::uint64_t length = header_length(file);
  const std::string_view json(reinterpret_cast<const char*>(file.data()) + length_size, length);
  SafetensorsHeader header = parse_safetensors_header(json);
  const auto data = file.subspan(length_size + length);
  for (const SafetensorsEntry& entry : header.tensors) {
    with_prefix(entry.name, [&] { check_extent(entry, data.size()); });
  }
  check_coverage(header.tensors, data.size());
  Case value;
  add_metadata(value, header.metadata);
  for (const SafetensorsEntry& entry : header.tensors) add_tensor(value, entry, data);
  return value;
}

std::vector<std::byte> safetensors_bytes(const Case& value) {
  const std::vector<Placed> placed = place_tensors(value);
  nlohmann::ordered_json header = {{"__metadata__", metadata_json(value)}};
  std::uint64_t size = 0;
  for (const Placed& one : placed) {
    header[one.name] = tensor_json(one, size);
    size += one.tensor->data.size();
  }
  std::string json = header.dump();
  json.resize((json.size() + alignment - 1) / alignment * alignment, ' ');
  std::vector<std::byte> bytes(length_size + json.size() + size);
  const std::uint64_t length = json.size();
  std::memcpy(bytes.data(), &length, sizeof length);
  std::memcpy(bytes.data() + length_size, json.data(), json.size());
  std::byte* to = bytes.data() + length_size + json.size();
  for (const Placed& one : placed) to = std::copy(one.tensor->data.begin(), one.tensor->data.end(), to);
  return bytes;
}

}  // namespace exactscan
