// How an operation takes its options out of a case.
#pragma once

#include <string>

#include "oracle/casefile/case.hpp"

namespace exactscan {

inline bool bool_option(const Case& value, const std::string& name, bool otherwise) {
  const auto found = value.options.find(name);
  return found == value.options.end() ? otherwise : as_bool(found->second);
}
inline double number_option(const Case& value, const std::string& name, double otherwise) {
  const auto found = value.options.find(name);
  return found == value.options.end() ? otherwise : as_number(found->second);
}

// Whether the input `name` is there, or, for "dy,z", all of several.
inline bool has_inputs(const Case& value, std::string_view names) {
  while (!names.empty()) {
    const std::size_t comma = names.find(',');
    if (value.inputs.count(std::string(names.substr(0, comma))) == 0) return false;
    names = comma == std::string_view::npos ? std::string_view() : names.substr(comma + 1);
  }
  return true;
}

}  // namespace exactscan
