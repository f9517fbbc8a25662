// What the tests of the generator share.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oracle/generate/generate.hpp"

namespace exactscan {

inline constexpr ElementType types[] = {ElementType::f32, ElementType::f64, ElementType::f16,
                                        ElementType::bf16};

inline GenerateRequest request(std::string op, std::string profile, ElementType type = ElementType::f32) {
  GenerateRequest result;
  result.op = std::move(op);
  result.profile = std::move(profile);
  result.type = type;
  return result;
}

inline std::vector<double> values(const Tensor& tensor) {
  std::vector<double> result;
  for (std::int64_t i = 0; i < tensor.size(); ++i) result.push_back(tensor.at(i));
  return result;
}

}  // namespace exactscan
