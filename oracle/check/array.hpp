// Array: a tensor of any number of dimensions, read by its indices as doubles. A missing one reads as zero.
#pragma once

#include <string>
#include <vector>

#include "oracle/bounds/elementary_rules.hpp"
#include "oracle/check/tensor_view.hpp"

namespace exactscan {

class Array {
 public:
  Array() = default;
  Array(const Case& value, const std::string& name, const Arithmetic& arithmetic) {
    const auto found = value.inputs.find(name);
    if (found == value.inputs.end()) return;
    view_ = {&found->second, found->second.size(), true};
    shape_ = found->second.shape;
    fits_ = is_real(found->second.type) && contains(arithmetic.format, format_of(found->second.type));
  }

  bool present() const { return view_.present(); }
  std::size_t rank() const { return shape_.size(); }
  const std::vector<std::int64_t>& shape() const { return shape_; }
  ElementType type() const { return view_.type(); }
  // Whether every value of the type is a number of the working format.
  bool fits() const { return fits_; }

  // One index a dimension, in range.
  template <class... Index>
  std::int64_t flat(Index... index) const {
    std::int64_t at = 0;
    std::size_t i = 0;
    ((at = at * shape_[i++] + index), ...);
    return at;
  }
  template <class... Index>
  double operator()(Index... index) const {
    return present() ? view_.load<double>(0, flat(index...)) : 0;
  }

 private:
  TensorView view_;
  std::vector<std::int64_t> shape_;
  bool fits_ = true;
};

}  // namespace exactscan
