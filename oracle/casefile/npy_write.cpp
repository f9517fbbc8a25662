// Writing .npy files.
#include <cstring>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/npy.hpp"
#include "oracle/casefile/shape.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {
namespace {

constexpr std::size_t alignment = 64;
constexpr std::string_view prelude{"\x93NUMPY\x01\x00", 8};

std::string_view type_code(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return "<f8";
    case ElementType::f32:
      return "<f4";
    case ElementType::f16:
      return "<f2";
    case ElementType::bf16:
      return "|V2";
    case ElementType::c64:
      return "<c8";
    case ElementType::c128:
      return "<c16";
    case ElementType::i8:
      return "|i1";
    case ElementType::i16:
      return "<i2";
    case ElementType::i32:
      return "<i4";
    case ElementType::i64:
      return "<i8";
    case ElementType::u8:
      return "|u1";
    case ElementType::u16:
      return "<u2";
    case ElementType::u32:
      return "<u4";
    case ElementType::u64:
      return "<u8";
    case ElementType::boolean:
      return "|b1";
  }
  return "";
}

std::string shape_tuple(const std::vector<std::int64_t>& shape) {
  std::string text = "(";
  for (const std::int64_t dimension : shape) text += fmt::format("{}, ", dimension);
  if (shape.size() > 1) text.resize(text.size() - 2);
  if (shape.size() == 1) text.pop_back();
  return text + ")";
}

std::vector<std::byte> assemble(std::string_view descr, const std::vector<std::int64_t>& shape,
                                std::span<const std::byte> data) {
  std::string dictionary =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr, shape_tuple(shape));
  const std::size_t unpadded = prelude.size() + 2 + dictionary.size() + 1;
  const std::size_t padding = (alignment - unpadded % alignment) % alignment;
  dictionary.append(padding, ' ');
  dictionary.push_back('\n');
  std::string head(prelude);
  head.push_back(static_cast<char>(dictionary.size() & 0xFF));
  head.push_back(static_cast<char>(dictionary.size() >> 8));
  head += dictionary;
  std::vector<std::byte> bytes(head.size() + data.size());
  std::memcpy(bytes.data(), head.data(), head.size());
  if (!data.empty()) std::memcpy(bytes.data() + head.size(), data.data(), data.size());
  return bytes;
}

template <typename T>
std::vector<std::byte> assemble_scalar(std::string_view descr, const T& value) {
  return assemble(descr, {}, std::as_bytes(std::span(&value, 1)));
}

std::vector<std::byte> assemble_string(std::string_view text) {
  if (!is_utf8(text)) fail("the string '{}' is not UTF-8", printable(text));
  std::u32string codes = decode_utf8(text);
  if (!codes.empty() && codes.back() == U'\0') fail("a string that ends in NUL cannot be written as .npy");
  if (codes.empty()) codes.push_back(U'\0');  // NumPy has no strings of width 0
  return assemble(fmt::format("<U{}", codes.size()), {}, std::as_bytes(std::span(codes)));
}

}  // namespace

std::vector<std::byte> npy_bytes(const Tensor& tensor) {
  const std::int64_t wanted = byte_size(tensor.shape, static_cast<std::int64_t>(element_size(tensor.type)));
  if (wanted != static_cast<std::int64_t>(tensor.data.size())) {
    fail("has {} bytes of data, but shape {}", tensor.data.size(), shape_text(tensor.shape));
  }
  return assemble(type_code(tensor.type), tensor.shape, tensor.data);
}

std::vector<std::byte> npy_bytes(const OptionValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return assemble_string(*text);
  if (const auto* number = std::get_if<double>(&value)) return assemble_scalar("<f8", *number);
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return assemble_scalar("<i8", *integer);
  return assemble_scalar("|b1", static_cast<std::uint8_t>(std::get<bool>(value)));
}

}  // namespace exactscan
