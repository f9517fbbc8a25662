// Cases as .safetensors files: op and options are strings of __metadata__.
// Source: the format section of the safetensors README, and the checks of its reference implementation.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "oracle/casefile/case.hpp"

namespace exactscan {

// The reference implementation's limit on the JSON header.
inline constexpr std::int64_t max_safetensors_header = 100'000'000;

// The case in a file; its `file` is left empty and its options are strings (see as_bool, as_number). Beside
// op and opt.NAME, the metadata may hold "format", which other tools write and nobody here reads. As the
// format demands, no key is there twice and the tensors fill the data without overlap or gap. Errors:
// CaseError, without the file's name.
Case read_safetensors(std::span<const std::byte> file);

// The file of a case: data starting at a multiple of 8, the widest types first, so that every tensor is
// aligned; options as text ("true", "64", "0.5"; numbers with the digits that give the same double back).
// Errors: CaseError for complex128, which the format has no name for, and names or strings that cannot be
// written.
std::vector<std::byte> safetensors_bytes(const Case& value);

}  // namespace exactscan
