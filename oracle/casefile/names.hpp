// What a name in a case file stands for.
#pragma once

#include <cstdint>
#include <string_view>

namespace exactscan {

enum class Role : std::uint8_t { operation, input, option, output };
struct CaseName {
  Role role;
  std::string_view name;  // after "in.", "opt." or "out."; a part of the text given to classify
};

// Longest name in bytes. Every name of an operation is far shorter.
inline constexpr std::size_t max_name = 255;

// Errors: CaseError unless `text` is at most max_name bytes of UTF-8 without control characters.
void require_name(std::string_view text);

// "op", "in.X", "opt.X", "out.X". Errors: those of require_name; CaseError for any other name.
CaseName classify(std::string_view text);

}  // namespace exactscan
