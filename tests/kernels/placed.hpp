// A tensor in memory of its own, as a kernel will meet it: some layout, rows apart, off alignment, guard
// bytes around it and poison wherever no element lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "oracle/casefile/case.hpp"
#include "tests/kernels/implementation.hpp"

namespace exactscan::kernels {

struct Placement {
  Layout layout = Layout::time_major;
  std::int64_t padding = 0;     // elements between rows
  std::int64_t misaligned = 0;  // elements by which every tensor is off a boundary of 64 bytes
  // apart; over a; over b (x, where there is one). Gradients: dx over x; over dh. A layer's are always apart.
  enum : std::uint8_t { apart, over_a, over_b } output = apart;
  // Fills outputs and everything around tensors. 0xA5: an odd but finite number of every type; 0xFF: a NaN,
  // which no kernel that reads it can hide.
  std::byte poison{0xA5};
};

class Placed {
 public:
  // With the elements of `source`: [rows, columns], or [columns] for one that is constant in time.
  Placed(const Tensor& source, const Placement& placement);
  // All poison: an output.
  Placed(ElementType type, std::vector<std::int64_t> shape, const Placement& placement);

  const Operand& operand() const { return operand_; }
  // Nothing was written anywhere.
  bool unchanged() const { return bytes_ == original_; }
  // The elements, back in time-major order and in the shape that they came with; poisoned on the way.
  Tensor take();
  // After take(): nothing was written between or around the elements.
  bool only_poison() const;

 private:
  std::byte* at(std::int64_t t, std::int64_t n);

  ElementType type_;
  std::byte poison_;
  std::vector<std::int64_t> shape_;
  std::int64_t rows_, columns_;
  Operand operand_;
  std::vector<std::byte> bytes_, original_;
  std::byte* data_ = nullptr;
};

}  // namespace exactscan::kernels
