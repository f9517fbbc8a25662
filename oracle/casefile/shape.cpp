#include "oracle/casefile/shape.hpp"

#include <fmt/ranges.h>

#include "oracle/casefile/fault.hpp"

namespace exactscan {

std::int64_t byte_size(std::span<const std::int64_t> shape, std::int64_t item_size) {
  if (shape.size() > max_rank) fail("has more than {} dimensions", max_rank);
  std::int64_t bytes = item_size;
  std::int64_t nonzero = 1;
  bool empty = false;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) fail("has shape {} with a negative dimension", shape_text(shape));
    if (dimension == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bytes, dimension, &bytes) ||
               __builtin_mul_overflow(nonzero, dimension, &nonzero)) {
      fail("has shape {}, whose size does not fit in 63 bits", shape_text(shape));
    }
  }
  if (!empty) return bytes;
  if (nonzero > max_unbacked) {
    fail("is empty but has shape {}: more than {} elements beside the 0 are refused, for no data backs them",
         shape_text(shape), max_unbacked);
  }
  return 0;
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return fmt::format("[{}]", fmt::join(shape.begin(), shape.end(), ", "));
}

}  // namespace exactscan
