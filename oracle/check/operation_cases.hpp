// From an operation's name to the class that knows it: the one place that lists the classes.
#pragma once

#include <fmt/format.h>

#include "oracle/check/affine_scan.hpp"
#include "oracle/check/diagonal_s4.hpp"
#include "oracle/check/diagonal_ssm.hpp"
#include "oracle/check/operation.hpp"

namespace exactscan {

// Calls use(op) with the operation of a validated case.
template <class Use>
void with_operation(const Case& value, const Dimensions& dimensions, const Contract& contract, Use&& use) {
  if (value.op == "affine_scan") return use(AffineScan(value, dimensions, contract));
  if (value.op == "diagonal_ssm") return use(DiagonalSsm(value, dimensions, contract));
  if (value.op == "diagonal_s4") return use(DiagonalS4Layer(value, dimensions, contract));
  throw CaseError(fmt::format("{}: operation {} is described but cannot be checked", value.file, value.op));
}

// Whether the case claims that every schedule is exact on it.
inline bool claims_lattice(const Case& value) {
  const auto claim = value.options.find("exact");
  return claim != value.options.end() && as_bool(claim->second);
}

}  // namespace exactscan
