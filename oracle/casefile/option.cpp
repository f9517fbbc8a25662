// Options by the kind that an operation wants. In .safetensors they are all strings.
#include <charconv>
#include <cmath>

#include "oracle/casefile/case.hpp"
#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {
namespace {

std::string shown(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return fmt::format("'{}'", printable(*text));
  if (const auto* number = std::get_if<double>(&value)) return fmt::format("the number {}", *number);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("the number {}", *integer);
  return std::get<bool>(value) ? "true" : "false";
}

// The whole of `text` as a number.
template <typename Number>
bool parse_whole(std::string_view text, Number& value) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end;
}

}  // namespace

bool as_bool(const OptionValue& value) {
  if (const auto* given = std::get_if<bool>(&value)) return *given;
  if (const auto* text = std::get_if<std::string>(&value)) {
    if (*text == "true" || *text == "True") return true;
    if (*text == "false" || *text == "False") return false;
  }
  fail("is {}, not a bool (true or false)", shown(value));
}

double as_number(const OptionValue& value) {
  if (const auto* given = std::get_if<double>(&value)) return *given;
  if (const auto* given = std::get_if<std::int64_t>(&value)) return static_cast<double>(*given);
  double parsed = 0;
  if (const auto* text = std::get_if<std::string>(&value); text != nullptr && parse_whole(*text, parsed)) {
    return parsed;
  }
  fail("is {}, not a number", shown(value));
}

std::int64_t as_integer(const OptionValue& value) {
  if (const auto* given = std::get_if<std::int64_t>(&value)) return *given;
  std::int64_t parsed = 0;
  if (const auto* text = std::get_if<std::string>(&value); text != nullptr && parse_whole(*text, parsed)) {
    return parsed;
  }
  constexpr double limit = 9223372036854775808.0;  // 2^63
  if (const auto* given = std::get_if<double>(&value);
      given != nullptr && *given >= -limit && *given < limit && std::trunc(*given) == *given) {
    return static_cast<std::int64_t>(*given);
  }
  fail("is {}, not an integer", shown(value));
}

}  // namespace exactscan
