// How the readers and writers of this folder report a fault.
//
// Each function states the fault alone. Its caller, who knows the tensor, and read_case, which knows the
// file, put their names in front, so that the sentence ends up as "file: tensor: fault".
#pragma once

#include <fmt/format.h>

#include <utility>

#include "oracle/casefile/case.hpp"

namespace exactscan {

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw CaseError(fmt::format(format, std::forward<Args>(args)...));
}

// Runs `body`; a CaseError leaves it with "prefix: " in front.
template <typename Body>
auto with_prefix(std::string_view prefix, Body&& body) {
  try {
    return std::forward<Body>(body)();
  } catch (const CaseError& error) {
    throw CaseError(fmt::format("{}: {}", prefix, error.what()));
  }
}

}  // namespace exactscan
