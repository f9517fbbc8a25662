// A strict reading of a zip archive's directory, before any of its data is touched.
//
// A zip file describes each member twice and can describe it more often; readers differ in which one they
// believe. What every honest writer of .npz files produces is a small part of the format, and everything else
// is refused. Source: PKWARE APPNOTE.TXT 6.3, sections 4.3 and 4.5.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace exactscan {

struct ZipEntry {
  std::string name;
  bool deflated = false;  // else stored
  std::int64_t compressed_size = 0;
  std::int64_t size = 0;
  std::int64_t offset = 0;  // of its local header
  std::int64_t end = 0;     // first byte after its data
};

// deflate cannot do better than 258 bytes from 2 bits, which is 1032 : 1.
inline constexpr std::int64_t max_deflate_ratio = 1032;
// Members may inflate to this many bytes together, or to max_growth times the archive, whichever is more: 256
// MiB from any archive, and from one of more than 4 MiB, 64 times its size.
inline constexpr std::int64_t max_inflated = std::int64_t{256} << 20;
inline constexpr std::int64_t max_growth = 64;

// The members in the order of the central directory. Shown of each: its local header agrees with the
// directory in name, method and sizes, its data lies inside the archive, no two members overlap, all names
// differ, its size is possible for its method. Memory: proportional to the archive. Errors: CaseError; also
// for what is refused: encryption, zip64 (a zip64 field in a local header, which NumPy writes, is accepted),
// several disks, an archive comment or bytes after the end, methods other than stored and deflated, more
// inflated bytes than the limits above.
std::vector<ZipEntry> audit_zip(std::span<const std::byte> archive);

}  // namespace exactscan
