// Short ways to make a case in a test.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "oracle/check/check.hpp"

namespace exactscan {

inline Tensor tensor(ElementType type, std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return Tensor::of(type, std::move(shape), values);
}
inline Tensor f32(std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return tensor(ElementType::f32, std::move(shape), values);
}

// One channel: a, b, h of one length.
inline Case affine(const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& h,
                   ElementType type = ElementType::f32) {
  const auto length = static_cast<std::int64_t>(a.size());
  Case value;
  value.op = "affine_scan";
  value.inputs["a"] = tensor(type, {length, 1}, a);
  value.inputs["b"] = tensor(type, {length, 1}, b);
  value.outputs["h"] = tensor(type, {length, 1}, h);
  return value;
}

inline CaseReport judge(const Case& value, const std::string& contract = "",
                        const CheckOptions& options = {}) {
  return contract.empty() ? check(value, std::nullopt, options)
                          : check(value, parse_contract(contract), options);
}

inline const TensorReport& of(const CaseReport& report, const std::string& name) {
  for (const TensorReport& tensor : report.tensors) {
    if (tensor.name == name) return tensor;
  }
  throw std::out_of_range("no tensor " + name + ": " + report.reason);
}

}  // namespace exactscan
