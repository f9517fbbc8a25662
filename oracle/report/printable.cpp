// Text from outside made safe to show.
#include <fmt/format.h>

#include <cstdint>

#include "oracle/report/write_report.hpp"

namespace exactscan {
namespace {

struct Decoded {
  char32_t code = 0;
  std::size_t bytes = 0;  // 0: not UTF-8
};

// Decodes one character at the front. Overlong forms, surrogates and codes beyond U+10FFFF are not UTF-8.
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : lead >= 0xC0 ? 2 : 0;
  if (bytes == 0 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80U) return {};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  constexpr char32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < smallest[bytes] || surrogate || code > 0x10FFFF) return {};
  return {code, bytes};
}

// C0, DEL and C1 move a terminal's cursor; bidirectional controls reorder what it shows; XML 1.0 knows no
// U+FFFE, U+FFFF.
bool harmless(char32_t code) {
  const bool control = code < 0x20 || (code >= 0x7F && code <= 0x9F);
  const bool reordering = (code >= 0x202A && code <= 0x202E) || (code >= 0x2066 && code <= 0x2069);
  return !control && !reordering && code != 0xFFFE && code != 0xFFFF && code != 0x2028 && code != 0x2029;
}

}  // namespace

std::string printable(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Decoded next = decode(text);
    const std::size_t bytes = next.bytes == 0 ? 1 : next.bytes;
    if (next.bytes != 0 && harmless(next.code)) {
      result.append(text.substr(0, bytes));
    } else {
      for (std::size_t i = 0; i < bytes; ++i) {
        result += fmt::format("\\x{:02x}", static_cast<unsigned char>(text[i]));
      }
    }
    text.remove_prefix(bytes);
  }
  return result;
}

}  // namespace exactscan
