#include "oracle/casefile/text.hpp"

#include <fmt/format.h>

namespace exactscan {
namespace {

unsigned byte_at(std::string_view text, std::size_t index) { return static_cast<unsigned char>(text[index]); }

// Sequence length that a lead byte announces; 0 for a byte that leads nothing.
std::size_t announced_length(unsigned lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xC2 && lead <= 0xDF) return 2;
  if (lead >= 0xE0 && lead <= 0xEF) return 3;
  if (lead >= 0xF0 && lead <= 0xF4) return 4;
  return 0;
}

char32_t decode_sequence(std::string_view text, std::size_t length) {
  constexpr unsigned lead_mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
  char32_t code = byte_at(text, 0) & lead_mask[length];
  for (std::size_t i = 1; i < length; ++i) code = (code << 6) | (byte_at(text, i) & 0x3F);
  return code;
}

}  // namespace

std::size_t utf8_sequence(std::string_view text) {
  if (text.empty()) return 0;
  const std::size_t length = announced_length(byte_at(text, 0));
  if (length == 0 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte_at(text, i) & 0xC0) != 0x80) return 0;
  }
  const char32_t code = decode_sequence(text, length);
  const bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
  const bool surrogate = code >= 0xD800 && code <= 0xDFFF;
  return overlong || surrogate || code > 0x10FFFF ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = utf8_sequence(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool append_utf8(char32_t code, std::string& text) {
  const auto push = [&text](char32_t byte) {
    text.push_back(static_cast<char>(static_cast<unsigned char>(byte)));
  };
  if (code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return false;
  if (code < 0x80) {
    push(code);
  } else if (code < 0x800) {
    push(0xC0 | (code >> 6));
    push(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    push(0xE0 | (code >> 12));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  } else {
    push(0xF0 | (code >> 18));
    push(0x80 | ((code >> 12) & 0x3F));
    push(0x80 | ((code >> 6) & 0x3F));
    push(0x80 | (code & 0x3F));
  }
  return true;
}

std::u32string decode_utf8(std::string_view text) {
  std::u32string codes;
  while (!text.empty()) {
    const std::size_t length = announced_length(byte_at(text, 0));
    codes.push_back(decode_sequence(text, length));
    text.remove_prefix(length);
  }
  return codes;
}

std::string printable(std::string_view text, std::size_t limit) {
  std::string shown;
  while (!text.empty()) {
    if (shown.size() >= limit) return shown + "...";
    std::size_t length = utf8_sequence(text);
    // U+0080 to U+009F are controls as well; terminals obey them.
    const bool c1_control = length == 2 && byte_at(text, 0) == 0xC2 && byte_at(text, 1) < 0xA0;
    const bool control = length == 1 && (byte_at(text, 0) < 0x20 || byte_at(text, 0) == 0x7F);
    if (length == 0 || control || c1_control) {
      length = 1;
      shown += fmt::format("\\x{:02x}", byte_at(text, 0));
    } else {
      shown += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  return shown;
}

}  // namespace exactscan
