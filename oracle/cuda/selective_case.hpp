// A case of selective_scan as the device's screen takes it.
#pragma once

#include <string>

#include "oracle/casefile/case.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/contract/contract.hpp"
#include "oracle/cuda/selective_screen.hpp"

namespace exactscan::device {

// Why the screen does not take the case under this contract, as the end of a sentence about it; empty if it
// does. It takes selective_scan forward, B and C varying in time (shared by all or by group), up to 64
// states, tensors of binary32 and narrower, accumulate other than fp64, state=full.
std::string refusal(const Case& value, const Contract& contract);

// The screen's request but for the tensors' data, which are the case's own, in host memory. Requires: valid
// (`dimensions` from validate), and no refusal.
SelectiveScreen selective_screen(const Case& value, const Dimensions& dimensions, const Contract& contract);

// Its tensors, by their names in a case, each with where the screen keeps it: for copying them to a device.
struct NamedTensor {
  const Tensor* tensor;
  DeviceTensor SelectiveScreen::*place;
};
std::vector<NamedTensor> tensors_of(const Case& value);

}  // namespace exactscan::device
