// Shows what the case reader read, for tests that are not written in C++.
//
//   case_tool dump FILE      the case as one JSON object; tensor data as hexadecimal text
//   case_tool copy FROM TO   reads FROM and writes TO
//
// Exit code 2, and one line on standard error, when a file cannot be read or written.
#include <fmt/format.h>

#include <iostream>
#include <nlohmann/json.hpp>
#include <string_view>

#include "oracle/casefile/case.hpp"

namespace {

using exactscan::Tensor;
using nlohmann::json;

json tensor_json(const Tensor& tensor) {
  std::string hex;
  for (const std::byte byte : tensor.data) hex += fmt::format("{:02x}", std::to_integer<unsigned>(byte));
  return {{"type", exactscan::element_name(tensor.type)}, {"shape", tensor.shape}, {"data", hex}};
}

json case_json(const exactscan::Case& value) {
  json inputs = json::object(), outputs = json::object(), options = json::object();
  for (const auto& [name, tensor] : value.inputs) inputs[name] = tensor_json(tensor);
  for (const auto& [name, tensor] : value.outputs) outputs[name] = tensor_json(tensor);
  for (const auto& [name, option] : value.options) {
    options[name] = std::visit([](const auto& held) { return json(held); }, option);
  }
  return {{"op", value.op}, {"in", inputs}, {"out", outputs}, {"opt", options}};
}

}  // namespace

int main(int count, char** words) try {
  const std::string_view command = count > 1 ? words[1] : "";
  if (command == "dump" && count == 3) {
    std::cout << case_json(exactscan::read_case(words[2])).dump() << '\n';
  } else if (command == "copy" && count == 4) {
    exactscan::write_case(exactscan::read_case(words[2]), words[3]);
  } else {
    std::cerr << "usage: case_tool dump FILE | case_tool copy FROM TO\n";
    return 64;
  }
  return 0;
} catch (const exactscan::CaseError& error) {
  std::cerr << error.what() << '\n';
  return 2;
}
