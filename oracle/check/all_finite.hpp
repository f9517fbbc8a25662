// Whether every input of a case is finite.
#pragma once

#include <cmath>

#include "oracle/casefile/case.hpp"

namespace exactscan {

inline bool all_finite(const Case& value) {
  for (const auto& [name, tensor] : value.inputs) {
    if (!is_real(tensor.type) && !is_complex(tensor.type)) continue;  // whole numbers
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      const std::complex<double> x = tensor.complex_at(i);
      if (!std::isfinite(x.real()) || !std::isfinite(x.imag())) return false;
    }
  }
  return true;
}

}  // namespace exactscan
