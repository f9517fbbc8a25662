// Text to standard output or to a file.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace exactscan::cli {

// Could not be written; what() names the file and the fault. Exit code 2.
class OutputError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// Writes `text` to `path`, or to standard output if `path` is empty. A regular file is replaced whole or not
// at all, by renaming a temporary file beside it; a device or a pipe is written to. Errors: OutputError.
void write_text(std::string_view text, const std::string& path);

}  // namespace exactscan::cli
