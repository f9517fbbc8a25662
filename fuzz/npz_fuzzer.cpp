// The .npz reader: the input as an archive, and, since checksums hide what lies behind them, as a bare .npy
// file.
#include <algorithm>

#include "fuzz/reader_target.hpp"
#include "oracle/casefile/npy.hpp"
#include "oracle/casefile/npz.hpp"

namespace {

using namespace exactscan;
using namespace exactscan::fuzzing;

void read_as_archive(std::span<const std::byte> bytes) {
  Case value;
  try {
    value = read_case(bytes, "fuzz.npz");
  } catch (const CaseError&) {
    return;
  }
  demand_round_trip(value, npz_bytes);
}

ByteReader reader_of(std::span<const std::byte> bytes) {
  return [bytes](std::span<std::byte> to) mutable {
    const std::size_t count = std::min(to.size(), bytes.size());
    std::copy_n(bytes.begin(), count, to.begin());
    bytes = bytes.subspan(count);
    return count;
  };
}

void read_as_array(std::span<const std::byte> bytes) {
  try {
    const NpyArray array = read_npy(reader_of(bytes), static_cast<std::int64_t>(bytes.size()));
    if (array.header.kind == NpyKind::number) {
      const Tensor tensor = npy_tensor(array);
      demand(tensor.data.size() == element_size(tensor.type) * static_cast<std::size_t>(tensor.size()));
    }
    npy_bytes(npy_option(array));
  } catch (const CaseError&) {
    // Refused: fine.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  read_as_archive(as_bytes(data, size));
  read_as_array(as_bytes(data, size));
  return 0;
}
