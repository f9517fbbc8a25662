#include "oracle/casefile/write_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <system_error>

#include "oracle/casefile/fault.hpp"

namespace exactscan {
namespace {

[[noreturn]] void fail_errno(std::string_view what, int error) {
  fail("cannot {} ({})", what, std::generic_category().message(error));
}

// A file that disappears with this object unless it was renamed.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::filesystem::path& target) {
    static std::atomic<unsigned> count{0};
    name_ = target.string() + fmt::format(".tmp-{}-{}", ::getpid(), count++);
    descriptor_ = ::open(name_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor_ < 0) fail_errno("be written", errno);
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  ~TemporaryFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
    if (!name_.empty()) ::unlink(name_.c_str());
  }

  void write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
      const ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail_errno("be written", errno);
      bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
  }

  void rename_to(const std::filesystem::path& target) {
    if (::fsync(descriptor_) != 0) fail_errno("be written", errno);
    if (::close(std::exchange(descriptor_, -1)) != 0) fail_errno("be written", errno);
    std::error_code error;
    std::filesystem::rename(name_, target, error);
    if (error) fail_errno("be replaced", error.value());
    name_.clear();
  }

 private:
  std::string name_;
  int descriptor_ = -1;
};

}  // namespace

void replace_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  TemporaryFile file(path);
  file.write(bytes);
  file.rename_to(path);
}

}  // namespace exactscan
