// The kernels of whole systems (S5, Mamba, SSD) against the oracle: bytes decode to a kernel, an operation
// with its options, sizes, a place in memory and data (tests/kernels/system_trial.hpp). `exactscan replay
// --systems CRASH --output case.npz` makes a case of what is found.
#include <cstdio>

#include "fuzz/reader_target.hpp"
#include "tests/kernels/system_trial.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace exactscan;
  const auto trial = kernels::decode_system(std::span(data, size));
  if (!trial) return 0;
  const std::string found = kernels::complaint(*trial);
  if (!found.empty()) std::fprintf(stderr, "%s\n", found.c_str());
  fuzzing::demand(found.empty());
  return 0;
}
