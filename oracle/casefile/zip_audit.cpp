#include "oracle/casefile/zip_audit.hpp"

#include <algorithm>
#include <optional>
#include <set>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/names.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {
namespace {

constexpr std::uint32_t end_signature = 0x06054b50, central_signature = 0x02014b50,
                        local_signature = 0x04034b50;
constexpr std::uint32_t zip64_locator_signature = 0x07064b50;
constexpr std::int64_t end_size = 22, central_size = 46, local_size = 30, zip64_locator_size = 20;
constexpr std::uint32_t in_zip64 = 0xFFFFFFFF;  // "the zip64 field holds this number"
constexpr unsigned zip64_field = 1;
constexpr unsigned encrypted_flags = 0x2041;  // encrypted, strongly encrypted, encrypted directory
constexpr unsigned descriptor_flag = 0x8;     // the sizes follow the data, and the local header has none

// The archive, with little-endian numbers at byte positions. Every read is checked.
class Bytes {
 public:
  explicit Bytes(std::span<const std::byte> bytes) : bytes_(bytes) {}
  std::int64_t size() const { return static_cast<std::int64_t>(bytes_.size()); }
  unsigned u16(std::int64_t at) const { return static_cast<unsigned>(number(at, 2)); }
  std::uint32_t u32(std::int64_t at) const { return static_cast<std::uint32_t>(number(at, 4)); }
  std::uint64_t u64(std::int64_t at) const { return number(at, 8); }
  std::string_view text(std::int64_t at, std::int64_t length) const {
    require(at, length);
    return {reinterpret_cast<const char*>(bytes_.data()) + at, static_cast<std::size_t>(length)};
  }

 private:
  void require(std::int64_t at, std::int64_t length) const {
    if (at < 0 || length < 0 || at > size() - length) fail("the zip directory points outside the file");
  }
  std::uint64_t number(std::int64_t at, std::int64_t length) const {
    require(at, length);
    std::uint64_t value = 0;
    for (std::int64_t i = length; i-- > 0;) {
      value = (value << 8) | std::to_integer<std::uint64_t>(bytes_[static_cast<std::size_t>(at + i)]);
    }
    return value;
  }
  std::span<const std::byte> bytes_;
};

struct Directory {
  std::int64_t begin = 0, end = 0, entries = 0;
};

Directory find_directory(const Bytes& bytes) {
  const std::int64_t at = bytes.size() - end_size;
  if (at < 0 || bytes.u32(at) != end_signature || bytes.u16(at + 20) != 0) {
    fail(
        "does not end in a zip end record: the archive is truncated, or has a comment or bytes after its "
        "end");
  }
  const bool has_locator =
      at >= zip64_locator_size && bytes.u32(at - zip64_locator_size) == zip64_locator_signature;
  const std::uint32_t size = bytes.u32(at + 12), begin = bytes.u32(at + 16);
  const unsigned entries = bytes.u16(at + 10);
  if (has_locator || size == in_zip64 || begin == in_zip64 || entries == 0xFFFF) {
    fail("is a zip64 archive, which is not supported");
  }
  if (bytes.u16(at + 4) != 0 || bytes.u16(at + 6) != 0 || bytes.u16(at + 8) != entries) {
    fail("is a zip archive of several disks, which is not supported");
  }
  if (std::int64_t{begin} + size != at) fail("the zip directory is not where the end record says");
  return {begin, at, entries};
}

// Position of the data of an extra field; none if there is no such field. Errors: a field beyond the end.
std::optional<std::int64_t> find_extra(const Bytes& bytes, std::int64_t begin, std::int64_t length,
                                       unsigned wanted) {
  for (std::int64_t at = begin; at < begin + length;) {
    if (begin + length - at < 4 || at + 4 + bytes.u16(at + 2) > begin + length) {
      fail("a zip extra field is malformed");
    }
    if (bytes.u16(at) == wanted) return at + 4;
    at += 4 + bytes.u16(at + 2);
  }
  return std::nullopt;
}

void check_method(unsigned flags, unsigned method) {
  if ((flags & encrypted_flags) != 0) fail("is encrypted, which is not supported");
  if (method != 0 && method != 8)
    fail("is compressed by method {}; only stored and deflated are supported", method);
}

// The local header must tell the same as the directory. Returns where the data begins.
std::int64_t check_local(const Bytes& bytes, const ZipEntry& entry) {
  const std::int64_t at = entry.offset;
  if (bytes.u32(at) != local_signature) fail("has no local header where the zip directory says");
  const unsigned flags = bytes.u16(at + 6), method = bytes.u16(at + 8);
  check_method(flags, method);
  if ((method == 8) != entry.deflated)
    fail("has one method in the zip directory, another in its local header");
  const unsigned name_length = bytes.u16(at + 26), extra_length = bytes.u16(at + 28);
  const std::string_view name = bytes.text(at + local_size, name_length);
  if (name != entry.name) fail("is called '{}' in its local header", printable(name));
  const std::int64_t extra = at + local_size + name_length;
  const auto zip64 = find_extra(bytes, extra, extra_length, zip64_field);
  if ((flags & descriptor_flag) != 0) return extra + extra_length;
  std::uint64_t compressed = bytes.u32(at + 18), size = bytes.u32(at + 22);
  if (zip64) {
    std::int64_t field = *zip64;
    if (size == in_zip64) {
      size = bytes.u64(field);
      field += 8;
    }
    if (compressed == in_zip64) compressed = bytes.u64(field);
  }
  if (compressed != static_cast<std::uint64_t>(entry.compressed_size) ||
      size != static_cast<std::uint64_t>(entry.size)) {
    fail("has one size in the zip directory, another in its local header");
  }
  return extra + extra_length;
}

void check_sizes(const ZipEntry& entry) {
  if (!entry.deflated && entry.size != entry.compressed_size) fail("is stored, but has two sizes");
  if (entry.size > entry.compressed_size * max_deflate_ratio) {
    fail("claims {} bytes from {} compressed ones; deflate can reach {} : 1", entry.size,
         entry.compressed_size, max_deflate_ratio);
  }
}

// The entry at `at` of the central directory; moves `at` behind it.
ZipEntry read_entry(const Bytes& bytes, const Directory& directory, std::int64_t& at) {
  if (directory.end - at < central_size || bytes.u32(at) != central_signature)
    fail("the zip directory is malformed");
  const unsigned name_length = bytes.u16(at + 28), extra_length = bytes.u16(at + 30);
  const std::int64_t extra = at + central_size + name_length;
  const std::int64_t next = extra + extra_length + bytes.u16(at + 32);
  if (next > directory.end) fail("the zip directory is malformed");
  ZipEntry entry;
  entry.name = bytes.text(at + central_size, name_length);
  // max_name is for the name in the case, and here ".npy" follows it.
  require_name(std::string_view(entry.name).substr(0, name_length - (name_length > max_name ? 4 : 0)));
  with_prefix(printable(entry.name), [&] {
    check_method(bytes.u16(at + 8), bytes.u16(at + 10));
    entry.deflated = bytes.u16(at + 10) == 8;
    const std::uint32_t compressed = bytes.u32(at + 20), size = bytes.u32(at + 24),
                        offset = bytes.u32(at + 42);
    if (compressed == in_zip64 || size == in_zip64 || offset == in_zip64 ||
        find_extra(bytes, extra, extra_length, zip64_field)) {
      fail("is a zip64 entry, which is not supported");
    }
    if (bytes.u16(at + 34) != 0) fail("lies on another disk, which is not supported");
    entry.compressed_size = compressed;
    entry.size = size;
    entry.offset = offset;
    check_sizes(entry);
    entry.end = check_local(bytes, entry) + compressed;
    if (entry.end > directory.begin) fail("its data runs into the zip directory");
  });
  at = next;
  return entry;
}

void check_together(const std::vector<ZipEntry>& entries, std::int64_t archive_size) {
  std::set<std::string_view> names;
  std::int64_t inflated = 0;
  std::vector<const ZipEntry*> by_offset;
  for (const ZipEntry& entry : entries) {
    if (!names.insert(entry.name).second) fail("{}: is there twice", printable(entry.name));
    inflated += entry.size;  // at most 65534 entries below 2^32
    by_offset.push_back(&entry);
  }
  std::sort(by_offset.begin(), by_offset.end(),
            [](const ZipEntry* a, const ZipEntry* b) { return a->offset < b->offset; });
  for (std::size_t i = 1; i < by_offset.size(); ++i) {
    if (by_offset[i]->offset < by_offset[i - 1]->end) {
      fail("{}: overlaps {}", printable(by_offset[i]->name), printable(by_offset[i - 1]->name));
    }
  }
  const std::int64_t limit = std::max(max_inflated, archive_size * max_growth);
  if (inflated > limit) {
    fail("would inflate from {} to {} bytes, more than the limit of {}", archive_size, inflated, limit);
  }
}

}  // namespace

std::vector<ZipEntry> audit_zip(std::span<const std::byte> archive) {
  const Bytes bytes(archive);
  const Directory directory = find_directory(bytes);
  std::vector<ZipEntry> entries;
  std::int64_t at = directory.begin;
  for (std::int64_t i = 0; i < directory.entries; ++i) entries.push_back(read_entry(bytes, directory, at));
  if (at != directory.end) fail("the zip directory holds more than its entries");
  check_together(entries, bytes.size());
  return entries;
}

}  // namespace exactscan
