// Sizes computed from shapes that a file claims.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace exactscan {

// More dimensions than any operation has; NumPy's own limit was 32 until version 2.
inline constexpr std::size_t max_rank = 32;
// An empty tensor ([0, N]) has no data to back its other dimensions, and whoever allocates by N must be able
// to trust it: their product may be at most this.
inline constexpr std::int64_t max_unbacked = std::int64_t{1} << 20;

// Bytes of a tensor of `shape` with items of `item_size` bytes: exact.
// Errors: CaseError for a negative dimension, more than max_rank dimensions, a product (taken over the
// dimensions that are not 0) that does not fit in 63 bits, an empty tensor beyond max_unbacked.
std::int64_t byte_size(std::span<const std::int64_t> shape, std::int64_t item_size);

// "[4, 3]"; "[]" for 0-d.
std::string shape_text(std::span<const std::int64_t> shape);

}  // namespace exactscan
