// Names and strings from files that nobody vouches for.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace exactscan {

// Length of the well-formed UTF-8 sequence at the start of `text` (no surrogates, no overlong forms, at most
// U+10FFFF); 0 if there is none.
std::size_t utf8_sequence(std::string_view text);
bool is_utf8(std::string_view text);

// Appends `code` to `text` as UTF-8. Returns false, and appends nothing, if it is a surrogate or above
// U+10FFFF.
bool append_utf8(char32_t code, std::string& text);

// Code points of valid UTF-8. Precondition: is_utf8(text).
std::u32string decode_utf8(std::string_view text);

// `text` fit for a one-line message: control characters and bytes that are not UTF-8 as \xNN, and cut with
// "..." after about `limit` bytes.
std::string printable(std::string_view text, std::size_t limit = 80);

}  // namespace exactscan
