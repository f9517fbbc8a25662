// Cases as .npz archives: a zip file with a .npy file for op and each option and tensor.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "oracle/casefile/case.hpp"

namespace exactscan {

// The case in an archive; its `file` is left empty.
// Errors: CaseError, without the file's name. Limits: see zip_audit.hpp.
Case read_npz(std::span<const std::byte> archive);

// The archive of a case: members stored, in the order op, in.*, opt.*, out.*; the same bytes for the same
// case. Errors: CaseError for a name or string that cannot be written, or an archive of 4 GiB.
std::vector<std::byte> npz_bytes(const Case& value);

}  // namespace exactscan
