// The header of a .npy file: a Python dictionary of a fixed grammar.
#include <charconv>
#include <optional>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/npy.hpp"
#include "oracle/casefile/shape.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {
namespace {

// The few Python literals that a header is made of.
class HeaderText {
 public:
  explicit HeaderText(std::string_view text) : text_(text) {}

  bool at_end() {
    skip_space();
    return at_ == text_.size();
  }

  bool accept(char wanted) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != wanted) return false;
    ++at_;
    return true;
  }

  void expect(char wanted) {
    if (!accept(wanted)) fail(".npy header: expected '{}' at character {}", wanted, at_);
  }

  std::string_view quoted() {
    const char quote = accept('"') ? '"' : '\'';
    if (quote == '\'') expect('\'');
    const std::size_t end = text_.find(quote, at_);
    if (end == std::string_view::npos) fail(".npy header: a string has no end");
    const std::string_view inside = text_.substr(at_, end - at_);
    if (inside.find('\\') != std::string_view::npos) fail(".npy header: a string holds a backslash");
    at_ = end + 1;
    return inside;
  }

  bool boolean() {
    skip_space();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (text_.substr(at_, word.size()) == word) {
        at_ += word.size();
        return value;
      }
    }
    fail(".npy header: fortran_order is neither True nor False");
  }

  // A tuple of non-negative integers: (), (3,), (3, 4).
  std::vector<std::int64_t> shape() {
    std::vector<std::int64_t> dimensions;
    expect('(');
    while (!accept(')')) {
      if (dimensions.size() == max_rank) fail("has more than {} dimensions", max_rank);
      dimensions.push_back(dimension());
      if (accept(')')) {
        if (dimensions.size() == 1) fail(".npy header: the shape is a number in brackets, not a tuple");
        break;
      }
      expect(',');
    }
    return dimensions;
  }

 private:
  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }

  std::int64_t dimension() {
    skip_space();
    const std::size_t end = std::min(text_.find_first_of(",)", at_), text_.size());
    const std::string_view word = text_.substr(at_, end - at_);
    std::int64_t value = 0;
    const auto [stop, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    const std::string_view rest(stop, static_cast<std::size_t>(word.data() + word.size() - stop));
    if (error == std::errc::result_out_of_range) {
      fail(".npy header: the dimension {} does not fit in 63 bits", printable(word));
    }
    if (error != std::errc{} || rest.find_first_not_of(' ') != std::string_view::npos) {
      fail(".npy header: the dimension '{}' is not an integer", printable(word));
    }
    if (value < 0) fail(".npy header: the dimension {} is negative", value);
    at_ = end;
    return value;
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

struct NamedType {
  std::string_view code;
  ElementType type;
};
constexpr NamedType number_types[] = {
    {"f8", ElementType::f64},  {"f4", ElementType::f32}, {"f2", ElementType::f16},
    {"V2", ElementType::bf16}, {"c8", ElementType::c64}, {"c16", ElementType::c128},
    {"i1", ElementType::i8},   {"i2", ElementType::i16}, {"i4", ElementType::i32},
    {"i8", ElementType::i64},  {"u1", ElementType::u8},  {"u2", ElementType::u16},
    {"u4", ElementType::u32},  {"u8", ElementType::u64}, {"b1", ElementType::boolean},
};

[[noreturn]] void unsupported(std::string_view descr) {
  if (descr.find('O') != std::string_view::npos) {
    fail("has type '{}': an array of pickled Python objects is never read", printable(descr));
  }
  fail("has type '{}', which a case cannot hold", printable(descr));
}

// U and S: characters of 4 bytes and of 1.
void parse_string_type(std::string_view descr, NpyHeader& header) {
  header.kind = descr[1] == 'U' ? NpyKind::utf32 : NpyKind::bytes;
  const char* const end = descr.data() + descr.size();
  const auto [stop, error] = std::from_chars(descr.data() + 2, end, header.item_size);
  const std::int64_t width = header.kind == NpyKind::utf32 ? 4 : 1;
  if (error != std::errc{} || stop != end || header.item_size < 0 ||
      __builtin_mul_overflow(header.item_size, width, &header.item_size)) {
    fail(".npy header: the type '{}' is malformed", printable(descr));
  }
}

void parse_type(std::string_view descr, NpyHeader& header) {
  if (descr.size() < 3) unsupported(descr);
  const char order = descr[0];
  if (order != '<' && order != '>' && order != '|' && order != '=') unsupported(descr);
  header.big_endian = order == '>';
  if (descr[1] == 'U' || descr[1] == 'S') return parse_string_type(descr, header);
  for (const auto& [code, type] : number_types) {
    if (descr.substr(1) != code) continue;
    const bool orderless = element_size(type) == 1 || type == ElementType::bf16;
    if (order == '|' && !orderless) break;
    // ml_dtypes writes |V2 or <V2; void data that is called big-endian is not known to be bfloat16.
    if (order == '>' && type == ElementType::bf16) break;
    header.element = type;
    header.item_size = static_cast<std::int64_t>(element_size(type));
    return;
  }
  unsupported(descr);
}

}  // namespace

NpyHeader parse_npy_header(std::string_view dictionary) {
  HeaderText text(dictionary);
  NpyHeader header;
  bool has_type = false, has_order = false, has_shape = false;
  const auto once = [](bool& seen, std::string_view key) {
    if (std::exchange(seen, true)) fail(".npy header: '{}' is given twice", key);
  };
  text.expect('{');
  while (!text.accept('}')) {
    const std::string_view key = text.quoted();
    text.expect(':');
    if (key == "descr") {
      once(has_type, key);
      if (text.accept('[')) fail("has a structured type, which a case cannot hold");
      parse_type(text.quoted(), header);
    } else if (key == "fortran_order") {
      once(has_order, key);
      header.fortran_order = text.boolean();
    } else if (key == "shape") {
      once(has_shape, key);
      header.shape = text.shape();
    } else {
      fail(".npy header: unknown key '{}'", printable(key));
    }
    if (!text.accept(',')) {
      text.expect('}');
      break;
    }
  }
  if (!text.at_end()) fail(".npy header: something follows the dictionary");
  if (!has_type || !has_order || !has_shape) fail(".npy header: descr, fortran_order or shape is missing");
  return header;
}

}  // namespace exactscan
