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

}  // namespace exactscan
