// The element types that a case file can hold, and what is known of each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace exactscan {

enum class ElementType : std::uint8_t {
  f64,
  f32,
  f16,
  bf16,  // real floating point: what the operations take
  c64,
  c128,  // complex of two f32, of two f64
  i8,
  i16,
  i32,
  i64,
  u8,
  u16,
  u32,
  u64,
  boolean  // readable, so that an error can name them
};

// Bytes of one element in memory.
constexpr std::size_t element_size(ElementType type) {
  switch (type) {
    case ElementType::i8:
    case ElementType::u8:
    case ElementType::boolean:
      return 1;
    case ElementType::f16:
    case ElementType::bf16:
    case ElementType::i16:
    case ElementType::u16:
      return 2;
    case ElementType::f32:
    case ElementType::i32:
    case ElementType::u32:
      return 4;
    case ElementType::f64:
    case ElementType::c64:
    case ElementType::i64:
    case ElementType::u64:
      return 8;
    case ElementType::c128:
      return 16;
  }
  return 0;
}

constexpr bool is_real(ElementType type) {
  return type == ElementType::f64 || type == ElementType::f32 || type == ElementType::f16 ||
         type == ElementType::bf16;
}

constexpr bool is_integral(ElementType type) { return type >= ElementType::i8 && type <= ElementType::u64; }
constexpr bool is_complex(ElementType type) { return type == ElementType::c64 || type == ElementType::c128; }

// The type of a complex type's parts; a real type itself.
constexpr ElementType part_type(ElementType type) {
  return type == ElementType::c64 ? ElementType::f32 : type == ElementType::c128 ? ElementType::f64 : type;
}

// The name used in messages: "float32", "bfloat16", "int64", ...
std::string_view element_name(ElementType type);

}  // namespace exactscan
