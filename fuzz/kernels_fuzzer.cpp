// The kernels against the oracle: bytes decode to a kernel, an operation, a shape, a place in memory and data
// (tests/kernels/trial.hpp). `exactscan replay CRASH --output case.npz` makes a case of what is found.
#include <cstdio>

#include "fuzz/reader_target.hpp"
#include "tests/kernels/trial.hpp"

// The oracle's exact numbers allocate at every step, and AddressSanitizer keeps the whole stack of each
// allocation: a seventh of the time. Four frames name the place as well.
extern "C" const char*
__asan_default_options();  // NOLINT(bugprone-reserved-identifier): AddressSanitizer's name
const char* __asan_default_options() { return "malloc_context_size=4"; }

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace exactscan;
  const std::string found = kernels::complaint(kernels::decode(std::span(data, size)));
  if (!found.empty()) std::fprintf(stderr, "%s\n", found.c_str());
  fuzzing::demand(found.empty());
  return 0;
}
