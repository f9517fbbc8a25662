// Runs a fuzz target over the files of folders, with any compiler: replay FOLDER...
// Each file is run as it is, cut after every byte, and with every byte changed in four ways; then the seeds
// are a regression test, and a small fuzzer of their own. What fails is left in the file crash-replay.
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

// What runs now.
std::vector<std::uint8_t> current;

// The target found a fault: its bytes go to a file, as libFuzzer leaves them.
extern "C" void leave_bytes(int /*signal*/) {
  if (std::FILE* const file = std::fopen("crash-replay", "wb")) {
    std::fwrite(current.data(), 1, current.size(), file);
    std::fclose(file);
  }
}

// A fresh buffer of the exact size, so that AddressSanitizer sees the first byte behind it.
void run(std::vector<std::uint8_t> bytes) {
  bytes.shrink_to_fit();
  current = bytes;
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::size_t replay(const std::vector<std::uint8_t>& bytes) {
  constexpr std::uint8_t changes[] = {0x01, 0x20, 0x80, 0xFF};
  std::size_t runs = 1;
  run(bytes);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    run({bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at)});
    for (const std::uint8_t change : changes) {
      std::vector<std::uint8_t> changed = bytes;
      changed[at] = static_cast<std::uint8_t>(changed[at] ^ change);
      run(std::move(changed));
    }
    runs += 1 + std::size(changes);
  }
  return runs;
}

}  // namespace

int main(int count, char** words) {
  std::signal(SIGABRT, leave_bytes);
  std::size_t files = 0, runs = 0;
  for (int i = 1; i < count; ++i) {
    for (const auto& entry : std::filesystem::directory_iterator(words[i])) {
      std::ifstream stream(entry.path(), std::ios::binary);
      if (!stream) {
        std::cerr << entry.path() << ": cannot be opened\n";
        return 2;
      }
      const std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
      runs += replay({bytes.begin(), bytes.end()});
      ++files;
    }
  }
  std::cout << files << " files, " << runs << " runs\n";
  return files > 0 ? 0 : 2;  // no seeds found: the test would show nothing
}
