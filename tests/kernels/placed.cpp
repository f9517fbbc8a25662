#include "tests/kernels/placed.hpp"

#include <algorithm>
#include <cstring>

namespace exactscan::kernels {
namespace {

constexpr std::size_t guard = 256;

}  // namespace

Placed::Placed(ElementType type, std::vector<std::int64_t> shape, const Placement& placement)
    : type_(type),
      poison_(placement.poison),
      shape_(std::move(shape)),
      rows_(shape_.size() == 1 ? 1 : shape_.front()),
      columns_(shape_.back()) {
  if (shape_.size() == 1) {
    operand_ = {nullptr, 0, 1};
  } else if (placement.layout == Layout::time_major) {
    operand_ = {nullptr, columns_ + placement.padding, 1};
  } else if (placement.layout == Layout::channel_major) {
    operand_ = {nullptr, 1, rows_ + placement.padding};
  } else {
    operand_ = {nullptr, 2 * columns_ + 2 * placement.padding, 2};
  }
  const bool empty = rows_ == 0 || columns_ == 0;
  const std::int64_t extent =
      empty ? 0 : (rows_ - 1) * operand_.time_stride + (columns_ - 1) * operand_.channel_stride + 1;
  const std::size_t size = element_size(type_);
  bytes_.assign(static_cast<std::size_t>(extent) * size + 2 * guard + 64, poison_);
  const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data() + guard);
  data_ = bytes_.data() + guard + (64 - address % 64) % 64 +
          static_cast<std::size_t>(placement.misaligned) * size;
  operand_.data = data_;
}

Placed::Placed(const Tensor& source, const Placement& placement)
    : Placed(source.type, source.shape, placement) {
  const std::byte* from = source.data.data();
  const std::size_t size = element_size(type_);
  for (std::int64_t t = 0; t < rows_; ++t) {
    for (std::int64_t n = 0; n < columns_; ++n, from += size) std::memcpy(at(t, n), from, size);
  }
  original_ = bytes_;
}

std::byte* Placed::at(std::int64_t t, std::int64_t n) {
  const std::int64_t index = t * operand_.time_stride + n * operand_.channel_stride;
  return data_ + static_cast<std::size_t>(index) * element_size(type_);
}

Tensor Placed::take() {
  Tensor result{type_, shape_, {}};
  const std::size_t size = element_size(type_);
  result.data.resize(static_cast<std::size_t>(rows_ * columns_) * size);
  std::byte* to = result.data.data();
  for (std::int64_t t = 0; t < rows_; ++t) {
    for (std::int64_t n = 0; n < columns_; ++n, to += size) {
      std::memcpy(to, at(t, n), size);
      std::memset(at(t, n), static_cast<int>(poison_), size);
    }
  }
  return result;
}

bool Placed::only_poison() const {
  return std::all_of(bytes_.begin(), bytes_.end(), [&](std::byte b) { return b == poison_; });
}

}  // namespace exactscan::kernels
