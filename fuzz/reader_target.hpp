// What the fuzz targets of the case readers demand: bytes are read, or refused with a CaseError; nothing
// else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "oracle/casefile/case.hpp"

namespace exactscan::fuzzing {

inline std::span<const std::byte> as_bytes(const std::uint8_t* data, std::size_t size) {
  return std::as_bytes(std::span(data, size));
}

// Not an assertion: it holds in release builds too.
inline void demand(bool condition) {
  if (!condition) std::abort();
}

// Whatever was read is written and read back the same. `write` may refuse (CaseError).
template <typename Write>
void demand_round_trip(const Case& value, Write write) {
  std::vector<std::byte> bytes;
  try {
    bytes = write(value);
  } catch (const CaseError&) {
    return;
  }
  const Case back = read_case(bytes, "written");
  demand(back.op == value.op && back.inputs == value.inputs && back.outputs == value.outputs);
  demand(back.options.size() == value.options.size());
}

}  // namespace exactscan::fuzzing
