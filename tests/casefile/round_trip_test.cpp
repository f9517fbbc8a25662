// What is written is read back the same, by every way there is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "oracle/casefile/case.hpp"
#include "oracle/casefile/npz.hpp"
#include "oracle/casefile/safetensors.hpp"
#include "tests/casefile/random_case.hpp"

namespace exactscan {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing_cases::any_case;
using testing_cases::same_case;

std::string message_of(const std::function<void()>& body) {
  try {
    body();
  } catch (const CaseError& error) {
    return error.what();
  }
  return "(no error)";
}

// A folder that is empty at first and gone afterwards.
class Folder : public testing::Test {
 protected:
  Folder() {
    std::string name = (fs::temp_directory_path() / "exactscan-XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() override { fs::remove_all(path_); }
  std::size_t files() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(path_), fs::directory_iterator{}));
  }
  fs::path path_;
};

Case small_case() {
  Case value;
  value.op = "affine_scan";
  value.inputs["a"] = Tensor::of(ElementType::f32, {2, 3}, std::vector<double>{1, 2, 3, 4, 5, 6});
  value.options["exact"] = true;
  value.options["source"] = std::string("by hand");
  value.outputs["h"] = Tensor::of(ElementType::bf16, {3}, std::vector<double>{1, -0.5, 3e30});
  return value;
}

void expect_option(const OptionValue& text, const OptionValue& wanted) {
  RC_ASSERT(std::holds_alternative<std::string>(text));
  if (const auto* number = std::get_if<double>(&wanted)) {
    RC_ASSERT(as_number(text) == *number);
  } else if (const auto* integer = std::get_if<std::int64_t>(&wanted)) {
    RC_ASSERT(as_integer(text) == *integer);
  } else if (const auto* flag = std::get_if<bool>(&wanted)) {
    RC_ASSERT(as_bool(text) == *flag);
  } else {
    RC_ASSERT(text == wanted);
  }
}

RC_GTEST_PROP(RoundTrip, Npz, ()) {
  const Case value = any_case(true);
  const std::vector<std::byte> bytes = npz_bytes(value);
  RC_ASSERT(same_case(read_case(bytes, "x"), value));
  RC_ASSERT(npz_bytes(value) == bytes);
}

RC_GTEST_PROP(RoundTrip, Safetensors, ()) {
  const Case value = any_case(false);
  Case back = read_case(safetensors_bytes(value), "x");
  RC_ASSERT(back.options.size() == value.options.size());
  for (const auto& [name, option] : value.options) expect_option(back.options.at(name), option);
  back.options = value.options;
  RC_ASSERT(same_case(back, value));
}

// From .npz to .safetensors to .npz: only the kinds of the options are lost.
RC_GTEST_PROP(RoundTrip, ThroughBothFormats, ()) {
  const Case value = any_case(false);
  const Case second = read_case(safetensors_bytes(read_case(npz_bytes(value), "x")), "y");
  RC_ASSERT(same_case(read_case(npz_bytes(second), "z"), second));
  RC_ASSERT(second.inputs == value.inputs && second.outputs == value.outputs && second.op == value.op);
}

// A file with one byte changed, or cut anywhere, is read or refused, but nothing else; if it is read, it is
// what a writer could have written.
RC_GTEST_PROP(RoundTrip, DamagedFilesAreReadOrRefused, (bool npz)) {
  std::vector<std::byte> bytes = npz ? npz_bytes(small_case()) : safetensors_bytes(small_case());
  const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
  if (*rc::gen::arbitrary<bool>()) {
    bytes.resize(at);
  } else {
    bytes[at] = std::byte{*rc::gen::arbitrary<std::uint8_t>()};
  }
  try {
    const Case value = read_case(bytes, "damaged");
    RC_ASSERT(same_case(read_case(npz_bytes(value), "again"), value));
  } catch (const CaseError& error) {
    RC_ASSERT(std::string(error.what()).substr(0, 9) == "damaged: ");
  }
}

TEST_F(Folder, FilesAreWrittenAndReplaced) {
  for (const char* name : {"case.npz", "case.safetensors"}) {
    const fs::path path = path_ / name;
    std::ofstream(path) << "something old";
    write_case(small_case(), path);
    const Case back = read_case(path);
    EXPECT_EQ(back.file, path.string());
    EXPECT_EQ(back.inputs, small_case().inputs);
    EXPECT_EQ(back.outputs, small_case().outputs);
    EXPECT_TRUE(as_bool(back.options.at("exact")));
  }
  EXPECT_EQ(files(), 2U);
}

TEST_F(Folder, FailureLeavesTheOldFile) {
  const fs::path path = path_ / "case.npz";
  write_case(small_case(), path);
  Case larger = small_case();
  larger.inputs["b"] = Tensor{ElementType::u8, {100000}, std::vector<std::byte>(100000)};
  // A limit on the size of files stands in for a full disk.
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &before), 0);
  const rlimit low{50000, before.rlim_max};
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &low), 0);
  const std::string message = message_of([&] { write_case(larger, path); });
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(message, HasSubstr("case.npz: cannot be written (File too large)"));
  EXPECT_TRUE(same_case(read_case(path), small_case()));
  EXPECT_EQ(files(), 1U) << "the temporary file is gone";
}

TEST_F(Folder, PathsThatCannotBeWritten) {
  EXPECT_THAT(message_of([&] { write_case(small_case(), path_ / "case.txt"); }),
              HasSubstr("case.txt: cannot be written: the extension"));
  EXPECT_THAT(message_of([&] { write_case(small_case(), path_ / "nowhere" / "case.npz"); }),
              HasSubstr("case.npz: cannot be written (No such file or directory)"));
  fs::create_directory(path_ / "folder.npz");
  EXPECT_THAT(message_of([&] { write_case(small_case(), path_ / "folder.npz"); }),
              HasSubstr("folder.npz: cannot"));
  EXPECT_EQ(files(), 1U);
}

TEST_F(Folder, PathsThatCannotBeRead) {
  EXPECT_THAT(message_of([&] { read_case(path_ / "missing.npz"); }),
              HasSubstr("missing.npz: there is no such file"));
  EXPECT_THAT(message_of([&] { read_case(path_); }), HasSubstr("not a regular file"));
  EXPECT_THAT(message_of([] { read_case(fs::path("/dev/zero")); }), HasSubstr("not a regular file"));
}

TEST_F(Folder, ASparseFileOfATerabyteCostsNothing) {
  const fs::path path = path_ / "sparse.npz";
  std::ofstream(path) << "nothing";
  std::error_code error;
  fs::resize_file(path, std::uintmax_t{1} << 40, error);
  if (error) fs::resize_file(path, std::uintmax_t{1} << 32);
  EXPECT_THAT(message_of([&] { read_case(path); }), HasSubstr("wrong magic"));
}

TEST(Write, WhatAFormatCannotHold) {
  Case value = small_case();
  value.inputs["z"] = Tensor{ElementType::c128, {1}, std::vector<std::byte>(16)};
  EXPECT_THAT(message_of([&] { safetensors_bytes(value); }),
              HasSubstr("in.z: safetensors cannot hold complex128"));
  value = small_case();
  value.options["s"] = std::string("a\0", 2);
  EXPECT_THAT(message_of([&] { npz_bytes(value); }), HasSubstr("opt.s: a string that ends in NUL"));
  value.options["s"] = std::string("\xFF");
  EXPECT_THAT(message_of([&] { npz_bytes(value); }), HasSubstr("opt.s: the string '\\xff' is not UTF-8"));
  EXPECT_THAT(message_of([&] { safetensors_bytes(value); }),
              HasSubstr("opt.s: the string '\\xff' is not UTF-8"));
  for (const std::string& name : {std::string(260, 'a'), std::string("a\nb"), std::string("\xC0\x80")}) {
    value = small_case();
    value.inputs[name] = value.inputs["a"];
    EXPECT_THAT(message_of([&] { npz_bytes(value); }), HasSubstr("the name"));
    EXPECT_THAT(message_of([&] { safetensors_bytes(value); }), HasSubstr("the name"));
  }
  value = small_case();
  value.inputs["a"].shape = {7};
  EXPECT_THAT(message_of([&] { npz_bytes(value); }), HasSubstr("in.a: has 24 bytes of data, but shape [7]"));
  EXPECT_THAT(message_of([&] { safetensors_bytes(value); }),
              HasSubstr("in.a: float32 of shape [7] takes 28"));
}

TEST(Write, TheLongestNameComesBack) {
  Case value = small_case();
  value.inputs[std::string(252, 'n')] = value.inputs["a"];
  EXPECT_TRUE(same_case(read_case(npz_bytes(value), "x"), value));
  EXPECT_EQ(read_case(safetensors_bytes(value), "x").inputs, value.inputs);
}

TEST(Write, SafetensorsAreAligned) {
  const std::vector<std::byte> bytes = safetensors_bytes(small_case());
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  EXPECT_EQ(length % 8, 0U);
}

TEST(Options, ByKind) {
  using Text = std::string;
  EXPECT_TRUE(as_bool(true));
  EXPECT_TRUE(as_bool(Text("true")) && as_bool(Text("True")));
  EXPECT_FALSE(as_bool(Text("false")) || as_bool(Text("False")) || as_bool(false));
  EXPECT_EQ(message_of([] { as_bool(Text("maybe")); }), "is 'maybe', not a bool (true or false)");
  EXPECT_THROW(as_bool(std::int64_t{1}), CaseError);
  EXPECT_EQ(as_number(Text("-2.5e-3")), -2.5e-3);
  EXPECT_EQ(as_number(std::int64_t{7}), 7);
  EXPECT_EQ(as_number(0.25), 0.25);
  EXPECT_EQ(as_number(Text("inf")), std::numeric_limits<double>::infinity());
  for (const char* wrong : {"", " 1", "1 ", "1x", "0x10", "one", "+1", "1,5"}) {
    EXPECT_THROW(as_number(Text(wrong)), CaseError) << wrong;
    EXPECT_THROW(as_integer(Text(wrong)), CaseError) << wrong;
  }
  EXPECT_THROW(as_number(true), CaseError);
  EXPECT_EQ(as_integer(Text("-64")), -64);
  EXPECT_EQ(as_integer(64.0), 64);
  EXPECT_EQ(as_integer(-0x1p63), INT64_MIN);
  EXPECT_THROW(as_integer(0x1p63), CaseError);
  EXPECT_THROW(as_integer(std::nan("")), CaseError);
  EXPECT_THROW(as_integer(64.5), CaseError);
  EXPECT_THROW(as_integer(Text("9223372036854775808")), CaseError);
  EXPECT_THROW(as_integer(false), CaseError);
}

}  // namespace
}  // namespace exactscan
