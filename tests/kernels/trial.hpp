// One trial of a kernel, decoded from bytes: RapidCheck draws the bytes, libFuzzer mutates them, and
// `exactscan replay` turns those of a crash into a case file.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "oracle/check/report.hpp"
#include "oracle/generate/generate.hpp"
#include "tests/kernels/placement.hpp"

namespace exactscan::kernels {

// Whether the generator has the profile for the request's operation.
bool exists(GenerateRequest request, std::string_view profile);

struct Trial {
  const Implementation* kernel = nullptr;
  Case inputs;
  Placement placement;
  bool with_states = false;  // gradients: the states of the forward pass are given
  std::string profile;       // of `exactscan generate`; "bytes": the data are the bytes themselves
};

// Any bytes, also none: what is missing is zero. The first header_bytes choose kernel, operation, type,
// shape, placement and data; the rest is the data of profile "bytes", repeated. A case has at most 159 steps,
// 23 channels, and for diagonal_s4 7 inputs and 7 outputs. With `kernel`, its own byte is ignored.
inline constexpr std::size_t header_bytes = 18;
Trial decode(std::span<const std::uint8_t> bytes, const Implementation* kernel = nullptr);

std::string describe(const Trial& trial);
Outcome run(const Trial& trial);

// What the oracle says under the contract (none: the one that follows from its types), without witnesses.
Verdict verdict_of(const Case& judged, const std::string& contract = "");

// Empty, or what is wrong with an outcome: something written where it must not be, or a verdict other than
// explained under the contract (none: the one that follows from its types). Where data may overflow or be no
// numbers, the oracle may leave it undecided, too.
std::string complaint(const Outcome& outcome, std::string_view profile, const std::string& contract = "");
// The same of a trial, with its description in front.
std::string complaint(const Trial& trial);

}  // namespace exactscan::kernels
