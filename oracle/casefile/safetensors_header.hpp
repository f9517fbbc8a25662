// The JSON header of a .safetensors file, as far as it can be judged without the data.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oracle/casefile/element_type.hpp"

namespace exactscan {

struct SafetensorsEntry {
  std::string name;
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0, end = 0;  // in the data behind the header
};

struct SafetensorsHeader {
  std::map<std::string, std::string> metadata;
  std::vector<SafetensorsEntry> tensors;  // names differ
};

// Parses as it reads, and refuses whatever is out of place at once: memory is bounded by the text, whatever
// nests in it. Errors: CaseError.
SafetensorsHeader parse_safetensors_header(std::string_view json);

// "F32" and so on; empty for complex128, which the format has no name for.
std::string_view safetensors_dtype(ElementType type);

}  // namespace exactscan
