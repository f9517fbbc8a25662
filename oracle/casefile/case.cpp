#include "oracle/casefile/case.hpp"

#include <algorithm>
#include <cstring>
#include <fstream>
#include <new>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/names.hpp"
#include "oracle/casefile/npz.hpp"
#include "oracle/casefile/safetensors.hpp"
#include "oracle/casefile/text.hpp"
#include "oracle/casefile/write_file.hpp"

namespace exactscan {
namespace {

constexpr std::size_t longest_path = 4096;  // in messages, and PATH_MAX
constexpr std::size_t magic_size = 9;

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

enum class Container : std::uint8_t { npz, safetensors };

// By the first bytes: a zip archive, or a length of 8 bytes and a JSON object.
Container recognize(std::span<const std::byte> bytes) {
  const std::string_view text = as_text(bytes);
  if (text.empty()) fail("is empty");
  if (text.starts_with("PK")) return Container::npz;
  if (text.size() >= magic_size && text[magic_size - 1] == '{') return Container::safetensors;
  if (text.starts_with("\x93NUMPY"))
    fail("is a single .npy array; a case is an .npz file, as numpy.savez writes");
  fail("is neither an .npz nor a .safetensors file (wrong magic)");
}

// Looks at the first bytes before it reads, and holds memory for, the rest.
std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (status.type() == std::filesystem::file_type::not_found) fail("there is no such file");
  if (error) fail("cannot be opened ({})", error.message());
  if (!std::filesystem::is_regular_file(status)) fail("is not a regular file");
  const auto size = std::filesystem::file_size(path, error);
  std::ifstream stream(path, std::ios::binary);
  if (error || !stream) fail("cannot be opened");
  std::vector<std::byte> bytes(std::min<std::size_t>(size, magic_size));
  const auto read_from = [&](std::size_t at) {
    const auto count = static_cast<std::streamsize>(bytes.size() - at);
    if (!stream.read(reinterpret_cast<char*>(bytes.data() + at), count)) fail("cannot be read to its end");
  };
  read_from(0);
  recognize(bytes);
  const std::size_t begun = bytes.size();
  bytes.resize(size);
  read_from(begun);
  return bytes;
}

Case read_bytes(std::span<const std::byte> bytes) {
  Case value = recognize(bytes) == Container::npz ? read_npz(bytes) : read_safetensors(bytes);
  with_prefix("op", [&] { require_name(value.op); });
  return value;
}

template <typename Body>
auto for_file(std::string_view file, Body&& body) {
  try {
    return with_prefix(printable(file, longest_path), std::forward<Body>(body));
  } catch (const std::bad_alloc&) {
    throw CaseError(fmt::format("{}: does not fit in memory", printable(file, longest_path)));
  } catch (const std::length_error&) {
    throw CaseError(fmt::format("{}: does not fit in memory", printable(file, longest_path)));
  }
}

}  // namespace

Case read_case(std::span<const std::byte> bytes, std::string file) {
  Case value = for_file(file, [&] { return read_bytes(bytes); });
  value.file = std::move(file);
  return value;
}

Case read_case(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = for_file(path.string(), [&] { return read_file(path); });
  return read_case(bytes, path.string());
}

void write_case(const Case& value, const std::filesystem::path& path) {
  for_file(path.string(), [&] {
    const bool npz = path.extension() == ".npz";
    if (!npz && path.extension() != ".safetensors") {
      fail("cannot be written: the extension is neither .npz nor .safetensors");
    }
    with_prefix("op", [&] { require_name(value.op); });
    replace_file(path, npz ? npz_bytes(value) : safetensors_bytes(value));
  });
}

}  // namespace exactscan
