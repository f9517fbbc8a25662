#include "oracle/cli/output.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <span>
#include <system_error>

#include "oracle/casefile/case.hpp"
#include "oracle/casefile/write_file.hpp"

namespace exactscan::cli {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail(const std::string& path, int error) {
  throw OutputError(fmt::format("{}: cannot be written ({})", path, std::generic_category().message(error)));
}

// Writes, flushes and, for files, closes; the first fault is reported.
void write_stream(std::FILE* stream, std::string_view text, const std::string& name, bool close) {
  errno = 0;
  const bool written =
      std::fwrite(text.data(), 1, text.size(), stream) == text.size() && std::fflush(stream) == 0;
  int error = written ? 0 : errno;
  if (close && std::fclose(stream) != 0 && error == 0) error = errno;
  if (!written || error != 0) fail(name, error != 0 ? error : EIO);
}

}  // namespace

void write_text(std::string_view text, const std::string& path) {
  if (path.empty()) return write_stream(stdout, text, "standard output", false);
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::is_directory(status)) fail(path, EISDIR);
  if (fs::exists(status) && !fs::is_regular_file(status)) {
    std::FILE* stream = std::fopen(path.c_str(), "w");
    if (stream == nullptr) fail(path, errno);
    return write_stream(stream, text, path, true);
  }
  // Through a symbolic link: the file that it names is replaced, not the link.
  fs::path target = fs::weakly_canonical(path, error);
  if (error) target = path;
  try {
    replace_file(target, std::as_bytes(std::span(text)));
  } catch (const CaseError& fault) {
    throw OutputError(fmt::format("{}: {}", path, fault.what()));
  }
}

}  // namespace exactscan::cli
