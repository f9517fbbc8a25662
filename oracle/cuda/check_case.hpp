// The check of a case with a CUDA device in front: `exactscan check --device cuda`.
#pragma once

#include <optional>

#include "oracle/check/check.hpp"

namespace exactscan {

// Throws std::runtime_error, with one sentence, where this build has no CUDA or the machine no device it can
// use: the caller must not fall back on the host in silence.
void require_device();

// As `check`: the device accepts the channels that are certainly explained, the host judges the rest.
// Verdict, counts and refuted witnesses are the same as check's; the report's reason says what is not. What
// the device does not take (device::refusal) is invalid, with the reason; what it takes may be refused by a
// fault of the machine: std::runtime_error. Memory: the case's tensors once more, on the device.
CaseReport check_on_device(const Case& value, const std::optional<Contract>& contract = {},
                           const CheckOptions& options = {});

}  // namespace exactscan
