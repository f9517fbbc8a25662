#include "oracle/casefile/npz.hpp"

#include <zip.h>

#include <memory>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/names.hpp"
#include "oracle/casefile/npy.hpp"
#include "oracle/casefile/text.hpp"
#include "oracle/casefile/zip_audit.hpp"

namespace exactscan {
namespace {

constexpr std::string_view member_suffix = ".npy";

struct CloseArchive {
  void operator()(zip_t* archive) const { zip_discard(archive); }
};
using Archive = std::unique_ptr<zip_t, CloseArchive>;

struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};
using Member = std::unique_ptr<zip_file_t, CloseMember>;

struct FreeSource {
  void operator()(zip_source_t* source) const { zip_source_free(source); }
};
using Source = std::unique_ptr<zip_source_t, FreeSource>;

// libzip's description of an error, without the storage that it keeps for it.
std::string message_of(zip_error_t& error) {
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

// An archive in memory that is not copied: `bytes` must outlive it. With ZIP_TRUNCATE it is a new one.
Archive open_archive(zip_source_t* source, int flags) {
  zip_error_t error;
  zip_error_init(&error);
  Archive archive(zip_open_from_source(source, flags, &error));
  if (!archive) fail("is not a readable zip archive ({})", message_of(error));
  return archive;
}

Source memory_source(std::span<const std::byte> bytes) {
  zip_error_t error;
  zip_error_init(&error);
  Source source(zip_source_buffer_create(bytes.data(), bytes.size(), 0, &error));
  if (!source) fail("cannot be held in memory ({})", message_of(error));
  return source;
}

NpyArray read_member(zip_t* archive, zip_uint64_t index, const ZipEntry& entry) {
  Member member(zip_fopen_index(archive, index, 0));
  if (!member) fail("cannot be read ({})", zip_strerror(archive));
  const ByteReader read = [&member](std::span<std::byte> to) {
    const zip_int64_t got = zip_fread(member.get(), to.data(), to.size());
    if (got < 0) fail("its data is damaged ({})", zip_file_strerror(member.get()));
    return static_cast<std::size_t>(got);
  };
  return read_npy(read, entry.size);
}

template <typename Map, typename Value>
void insert_new(Map& map, std::string_view name, Value&& value) {
  if (!map.emplace(std::string(name), std::forward<Value>(value)).second) fail("is there twice");
}

void add_member(Case& value, const CaseName& what, NpyArray array) {
  switch (what.role) {
    case Role::operation:
      value.op = npy_string(array);
      break;
    case Role::input:
      insert_new(value.inputs, what.name, npy_tensor(std::move(array)));
      break;
    case Role::option:
      insert_new(value.options, what.name, npy_option(std::move(array)));
      break;
    case Role::output:
      insert_new(value.outputs, what.name, npy_tensor(std::move(array)));
      break;
  }
}

void write_member(zip_t* archive, const std::string& name, const std::vector<std::byte>& bytes) {
  require_name(name);
  Source source(zip_source_buffer(archive, bytes.data(), bytes.size(), 0));
  const std::string file = name + std::string(member_suffix);
  const zip_int64_t index = source ? zip_file_add(archive, file.c_str(), source.get(), ZIP_FL_ENC_UTF_8) : -1;
  if (index < 0) fail("{}: cannot be written ({})", name, zip_strerror(archive));
  static_cast<void>(source.release());  // the archive owns it now
  const auto entry = static_cast<zip_uint64_t>(index);
  constexpr zip_uint16_t midnight = 0, first_of_1980 = 0x21;  // no time stamp: equal cases, equal files
  if (zip_set_file_compression(archive, entry, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(archive, entry, midnight, first_of_1980, 0) != 0) {
    fail("{}: cannot be written ({})", name, zip_strerror(archive));
  }
}

std::vector<std::byte> source_bytes(zip_source_t* source) {
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_source_stat(source, &stat) != 0 || zip_source_open(source) != 0)
    fail("the archive cannot be read back");
  std::vector<std::byte> bytes(stat.size);
  const zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
  zip_source_close(source);
  if (got != static_cast<zip_int64_t>(bytes.size())) fail("the archive cannot be read back");
  return bytes;
}

}  // namespace

Case read_npz(std::span<const std::byte> archive_bytes) {
  const std::vector<ZipEntry> entries = audit_zip(archive_bytes);
  Source source = memory_source(archive_bytes);
  const Archive archive = open_archive(source.get(), ZIP_RDONLY);
  static_cast<void>(source.release());  // the archive owns it now
  if (zip_get_num_entries(archive.get(), 0) != static_cast<zip_int64_t>(entries.size())) {
    fail("is an ambiguous zip archive");
  }
  Case value;
  bool has_op = false;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    std::string_view name = entries[i].name;
    if (name.ends_with(member_suffix)) name.remove_suffix(member_suffix.size());
    const CaseName what = classify(name);
    if (what.role == Role::operation && std::exchange(has_op, true)) fail("op: is there twice");
    with_prefix(name, [&] { add_member(value, what, read_member(archive.get(), i, entries[i])); });
  }
  if (!has_op) fail("op is missing");
  return value;
}

std::vector<std::byte> npz_bytes(const Case& value) {
  // libzip reads the members when it closes the archive: they must live until then.
  std::vector<std::pair<std::string, std::vector<std::byte>>> members;
  const auto add = [&members](const std::string& name, const auto& what) {
    members.emplace_back(name, with_prefix(printable(name), [&] { return npy_bytes(what); }));
  };
  add("op", OptionValue(value.op));
  for (const auto& [name, tensor] : value.inputs) add("in." + name, tensor);
  for (const auto& [name, option] : value.options) add("opt." + name, option);
  for (const auto& [name, tensor] : value.outputs) add("out." + name, tensor);

  Source source = memory_source({});
  zip_source_keep(source.get());  // once for the archive, once for reading it back
  Archive archive(nullptr);
  try {
    archive = open_archive(source.get(), ZIP_CREATE | ZIP_TRUNCATE);
  } catch (...) {
    zip_source_free(source.get());
    throw;
  }
  for (const auto& [name, bytes] : members) write_member(archive.get(), name, bytes);
  if (zip_close(archive.get()) != 0) fail("cannot be written ({})", zip_strerror(archive.get()));
  static_cast<void>(archive.release());
  std::vector<std::byte> bytes = source_bytes(source.get());
  with_prefix("cannot be written as .npz", [&] { audit_zip(bytes); });
  return bytes;
}

}  // namespace exactscan
