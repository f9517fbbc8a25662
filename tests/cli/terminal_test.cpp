// The progress bar with a clock of its own, and files that are replaced whole or not at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "oracle/cli/output.hpp"
#include "oracle/cli/progress.hpp"

namespace exactscan::cli {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using testing::HasSubstr;

// What a Progress wrote, with a clock that the test moves.
class ProgressTest : public testing::Test {
 protected:
  ProgressTest() { stream_ = ::open_memstream(&text_, &size_); }
  ~ProgressTest() override {
    std::fclose(stream_);
    std::free(text_);
  }
  Progress::Clock clock() {
    return [this] { return now_; };
  }
  std::string written() {
    std::fflush(stream_);
    return {text_, size_};
  }
  char* text_ = nullptr;
  std::size_t size_ = 0;
  std::FILE* stream_ = nullptr;
  std::chrono::steady_clock::time_point now_{};
};

TEST_F(ProgressTest, IsSilentInALog) {
  {
    Progress progress(stream_, false, clock());
    now_ += 10s;
    progress.show(0.5, "x.npz");
  }
  EXPECT_EQ(written(), "");
}

TEST_F(ProgressTest, WaitsASecondThenDrawsTenTimesASecondAndCleansUp) {
  {
    Progress progress(stream_, true, clock());
    now_ += 999ms;
    progress.show(0.1, "x.npz");
    EXPECT_EQ(written(), "");
    now_ += 1ms;
    progress.show(0.5, "x.npz");
    EXPECT_EQ(written(), "[===============               ]  50% x.npz");
    now_ += 99ms;
    progress.show(0.6, "x.npz");
    EXPECT_EQ(written(), "[===============               ]  50% x.npz");
    now_ += 1ms;
    progress.show(1, "x.npz");
    EXPECT_THAT(written(), HasSubstr("\r\x1b[K[==============================] 100% x.npz"));
  }
  EXPECT_THAT(written(), testing::EndsWith("x.npz\r\x1b[K"));
}

TEST_F(ProgressTest, ClampsSharesAndShortensNames) {
  Progress progress(stream_, true, clock());
  now_ += 2s;
  progress.show(std::nan(""), std::string(200, 'd') + "/tail.npz");
  EXPECT_EQ(written(), "[" + std::string(30, ' ') + "]   0% ..." + std::string(24, 'd') + "/tail.npz");
}

class OutputTest : public testing::Test {
 protected:
  OutputTest() : folder_(fs::path(testing::TempDir()) / ("exactscan-output-" + std::to_string(::getpid()))) {
    fs::create_directories(folder_);
  }
  ~OutputTest() override { fs::remove_all(folder_); }
  static std::string content(const fs::path& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  fs::path folder_;
};

TEST_F(OutputTest, ReplacesFilesAndLeavesNothingBehind) {
  const fs::path file = folder_ / "report.json";
  write_text("one", file);
  write_text("two", file);
  EXPECT_EQ(content(file), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1);
}

TEST_F(OutputTest, FollowsLinks) {
  const fs::path file = folder_ / "real";
  const fs::path link = folder_ / "link";
  write_text("one", file);
  fs::create_symlink(file, link);
  write_text("two", link);
  EXPECT_TRUE(fs::is_symlink(link));
  EXPECT_EQ(content(file), "two");
}

TEST_F(OutputTest, WritesToPipesWithoutReplacingThem) {
  write_text("gone", "/dev/null");
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(OutputTest, NamesFileAndFault) {
  const auto message = [](const std::string& path) -> std::string {
    try {
      write_text("x", path);
    } catch (const OutputError& error) {
      return error.what();
    }
    return "written";
  };
  EXPECT_EQ(message(folder_ / "no" / "such" / "file"),
            (folder_ / "no/such/file").string() + ": cannot be written (No such file or directory)");
  EXPECT_EQ(message(folder_), folder_.string() + ": cannot be written (Is a directory)");
  EXPECT_THAT(message("/dev/full"), HasSubstr("/dev/full: cannot be written (No space left on device)"));
}

}  // namespace
}  // namespace exactscan::cli
