// Choices read from bytes, as the decoders of trials make them.
#pragma once

#include <cstdint>
#include <span>

namespace exactscan::kernels {

class Bytes {
 public:
  explicit Bytes(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  // What is missing is zero.
  std::int64_t next() { return at_ < bytes_.size() ? bytes_[at_++] : 0; }
  std::int64_t below(std::int64_t count) { return next() % count; }
  bool flag() { return next() % 2 != 0; }
  template <class Range>
  const auto& one_of(const Range& range) {
    return range[static_cast<std::size_t>(below(static_cast<std::int64_t>(range.size())))];
  }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t at_ = 0;
};

}  // namespace exactscan::kernels
