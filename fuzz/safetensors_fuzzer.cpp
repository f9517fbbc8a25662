// The .safetensors reader.
#include "fuzz/reader_target.hpp"
#include "oracle/casefile/safetensors.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace exactscan;
  Case value;
  try {
    value = read_case(fuzzing::as_bytes(data, size), "fuzz.safetensors");
  } catch (const CaseError&) {
    return 0;
  }
  fuzzing::demand_round_trip(value, safetensors_bytes);
  return 0;
}
