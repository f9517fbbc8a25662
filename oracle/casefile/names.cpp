#include "oracle/casefile/names.hpp"

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {

void require_name(std::string_view text) {
  if (text.size() > max_name) fail("'{}': the name is longer than {} bytes", printable(text), max_name);
  if (!is_utf8(text)) fail("'{}': the name is not valid UTF-8", printable(text));
  if (printable(text, 4 * max_name) != text) fail("'{}': the name holds control characters", printable(text));
}

CaseName classify(std::string_view text) {
  require_name(text);
  if (text == "op") return {Role::operation, {}};
  const auto after = [text](std::string_view prefix) {
    return text.substr(0, prefix.size()) == prefix ? text.substr(prefix.size()) : std::string_view{};
  };
  if (const auto name = after("in."); !name.empty()) return {Role::input, name};
  if (const auto name = after("opt."); !name.empty()) return {Role::option, name};
  if (const auto name = after("out."); !name.empty()) return {Role::output, name};
  fail("'{}' is not a name of a case: expected op, in.NAME, opt.NAME or out.NAME", printable(text));
}

}  // namespace exactscan
