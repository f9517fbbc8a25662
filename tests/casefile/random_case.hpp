// Cases at random, for round trips.
#pragma once

#include <rapidcheck.h>

#include <cmath>

#include "oracle/casefile/case.hpp"

namespace exactscan::testing_cases {

inline const std::vector<ElementType> all_types{
    ElementType::f64,  ElementType::f32, ElementType::f16, ElementType::bf16, ElementType::c64,
    ElementType::c128, ElementType::i8,  ElementType::i16, ElementType::i32,  ElementType::i64,
    ElementType::u8,   ElementType::u16, ElementType::u32, ElementType::u64,  ElementType::boolean};

// Any bytes at all: a reader must not care for values.
inline Tensor any_tensor(bool complex128) {
  const auto type = *rc::gen::suchThat(rc::gen::elementOf(all_types),
                                       [=](ElementType t) { return complex128 || t != ElementType::c128; });
  const auto rank = *rc::gen::inRange<std::size_t>(0, 4);
  Tensor tensor{type, {}, {}};
  for (std::size_t i = 0; i < rank; ++i) tensor.shape.push_back(*rc::gen::inRange<std::int64_t>(0, 5));
  const auto bytes = static_cast<std::size_t>(tensor.size()) * element_size(type);
  for (const std::uint8_t byte :
       *rc::gen::container<std::vector<std::uint8_t>>(bytes, rc::gen::arbitrary<std::uint8_t>())) {
    tensor.data.push_back(std::byte{byte});
  }
  return tensor;
}

// Names and texts of one to four bytes a character.
inline std::string any_text(std::size_t max_length) {
  static const std::vector<std::string> letters{
      "a", "B", "_", "0", ".", " ", "\"", "\\", "/", "'", "\xC3\xA9", "\xE2\x88\x91", "\xF0\x9F\x99\x82"};
  std::string text;
  const auto length = *rc::gen::inRange<std::size_t>(1, max_length + 1);
  for (std::size_t i = 0; i < length; ++i) text += *rc::gen::elementOf(letters);
  return text;
}

inline OptionValue any_option() {
  switch (*rc::gen::inRange(0, 4)) {
    case 0:
      return *rc::gen::suchThat(rc::gen::arbitrary<double>(), [](double v) { return !std::isnan(v); });
    case 1:
      return *rc::gen::arbitrary<std::int64_t>();
    case 2:
      return *rc::gen::arbitrary<bool>();
    default:
      break;
  }
  return *rc::gen::arbitrary<bool>() ? any_text(200) : std::string("line\nand\ttab\x01") + any_text(3);
}

inline Case any_case(bool complex128) {
  Case value;
  value.op = any_text(12);
  const auto times = [] { return *rc::gen::inRange(0, 4); };
  for (int i = times(); i > 0; --i) value.inputs[any_text(6)] = any_tensor(complex128);
  for (int i = times(); i > 0; --i) value.options[any_text(6)] = any_option();
  for (int i = times(); i > 0; --i) value.outputs[any_text(6)] = any_tensor(complex128);
  return value;
}

// All but where it came from.
inline bool same_case(const Case& a, const Case& b) {
  return a.op == b.op && a.inputs == b.inputs && a.options == b.options && a.outputs == b.outputs;
}

}  // namespace exactscan::testing_cases
