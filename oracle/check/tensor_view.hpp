// TensorView: a tensor of one or two dimensions as rows over channels, read as doubles or as lanes of
// doubles.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

#include "oracle/casefile/case.hpp"
#include "oracle/numbers/lanes.hpp"

namespace exactscan {

// The double that a binary16 pattern stands for; exact.
inline double half_to_double(std::uint16_t bits) {
  const std::uint64_t sign = std::uint64_t{bits} >> 15 << 63, exponent = (bits >> 10) & 31,
                      fraction = bits & 1023;
  if (exponent == 31) return std::bit_cast<double>(sign | 0x7ff0000000000000 | fraction << 42);
  if (exponent != 0) return std::bit_cast<double>(sign | (exponent + 1008) << 52 | fraction << 42);
  const double tiny = static_cast<double>(fraction) * 0x1p-24;
  return sign != 0 ? -tiny : tiny;
}

class TensorView {
 public:
  TensorView() = default;
  // A missing tensor reads as zero everywhere. A vector [N] has one row, which every row index reads.
  TensorView(const Tensor* tensor, std::int64_t columns, bool one_row)
      : data_(tensor == nullptr ? nullptr : tensor->data.data()),
        type_(tensor == nullptr ? ElementType::f32 : tensor->type),
        columns_(columns),
        row_stride_(one_row ? 0 : columns) {}

  bool present() const { return data_ != nullptr; }
  ElementType type() const { return type_; }
  std::int64_t columns() const { return columns_; }

  // The elements of a float32 matrix, row by row; else null.
  const float* floats() const {
    return type_ == ElementType::f32 && row_stride_ == columns_ ? reinterpret_cast<const float*>(data_)
                                                                : nullptr;
  }

  template <class B>
  B load(std::int64_t row, std::int64_t column) const;

 private:
  template <class T>
  T raw(std::int64_t index) const {
    T value;
    std::memcpy(&value, data_ + static_cast<std::size_t>(index) * sizeof(T), sizeof(T));
    return value;
  }
  Lanes raw_floats(std::int64_t index) const {
    FourFloats low, high;
    const std::byte* from = data_ + static_cast<std::size_t>(index) * sizeof(float);
    std::memcpy(&low, from, sizeof(low));
    std::memcpy(&high, from + sizeof(low), sizeof(high));
    return {__builtin_convertvector(low, FourDoubles), __builtin_convertvector(high, FourDoubles)};
  }
  [[gnu::noinline]] void load_each(std::int64_t index, std::int64_t live, Lanes* value) const {
    for (std::int64_t i = 0; i < live; ++i) value->set(i, element(index + i));
  }
  double element(std::int64_t index) const {
    switch (type_) {
      case ElementType::f64:
        return raw<double>(index);
      case ElementType::f16:
        return half_to_double(raw<std::uint16_t>(index));
      case ElementType::bf16:
        return static_cast<double>(std::bit_cast<float>(std::uint32_t{raw<std::uint16_t>(index)} << 16));
      default:
        return static_cast<double>(raw<float>(index));
    }
  }

  const std::byte* data_ = nullptr;
  ElementType type_ = ElementType::f32;
  std::int64_t columns_ = 0, row_stride_ = 0;
};

template <>
inline double TensorView::load<double>(std::int64_t row, std::int64_t column) const {
  return data_ == nullptr ? 0 : element(row * row_stride_ + column);
}

// Eight channels from `column` on; lanes beyond the last channel read as zero.
template <>
inline Lanes TensorView::load<Lanes>(std::int64_t row, std::int64_t column) const {
  Lanes value{};
  if (data_ == nullptr) return value;
  const std::int64_t index = row * row_stride_ + column;
  if (type_ == ElementType::f32 && columns_ - column >= lane_count) {
    return raw_floats(index);
  }
  load_each(index, columns_ - column < lane_count ? columns_ - column : lane_count, &value);
  return value;
}

}  // namespace exactscan
