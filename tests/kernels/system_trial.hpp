// One trial of a system's kernel, decoded from bytes: RapidCheck draws the bytes, libFuzzer mutates them, and
// `exactscan replay --systems` turns those of a crash into a case file.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "oracle/generate/generate.hpp"
#include "tests/kernels/system_placement.hpp"

namespace exactscan::kernels {

struct SystemTrial {
  const SystemKernel* kernel = nullptr;
  Case inputs;
  SystemPlacement placement;
  std::string profile;  // of `exactscan generate`; "bytes", "digits": the elements are decoded from bytes
};

// Any bytes, also none: what is missing is zero. The first system_header_bytes choose kernel, operation,
// type, variant, sizes, place in memory and data; the rest is the data of the profiles "bytes" (the elements'
// bits) and "digits" (each byte a number from -2 to 2 in steps of 1/64), repeated. Sizes are small: at most
// 23 steps of a few channels. With `kernel`, its own byte is ignored. A kernel that takes no case of that
// kind gets one of the variants that it takes, the first that comes; none: no trial.
inline constexpr std::size_t system_header_bytes = 20;
std::optional<SystemTrial> decode_system(std::span<const std::uint8_t> bytes,
                                         const SystemKernel* kernel = nullptr);

std::string describe(const SystemTrial& trial);
Outcome run(const SystemTrial& trial);

// Empty, or the description of the trial and what is wrong.
std::string complaint(const SystemTrial& trial);

// The profiles that the generator has for an operation.
const std::vector<std::string>& profiles_of(const SystemForm& form);

// The request's case, or that of the next of some variants that the kernel takes; none: it takes no such
// case.
std::optional<Case> generate_for(const SystemKernel& kernel, GenerateRequest request);

}  // namespace exactscan::kernels
