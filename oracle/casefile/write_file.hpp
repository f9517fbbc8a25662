// Files replaced whole or not at all.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace exactscan {

// Writes `bytes` to a new file beside `path`, flushes it to the disk and renames it to `path`.
// Errors: CaseError, without the file's name; `path` is then as it was, and the new file is gone.
void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace exactscan
