// What the commands `gallery` and `replay` need of kernels. Kernels are test code: the program of a build
// with tests hands them in (tests/mutants/main.cpp), the program of another build has none.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "oracle/casefile/case.hpp"

namespace exactscan::cli {

struct GalleryText {
  std::string table;             // Markdown
  bool as_it_should_be = false;  // every defect caught, no clean kernel refuted
};

struct Replayed {
  Case value;               // with the kernel's outputs, if it was run
  std::string description;  // kernel, case, place in memory
  std::string fault;        // empty, or what the kernel wrote that it must not
};

struct KernelTools {
  std::function<GalleryText(const std::function<void(double)>& progress)> gallery;
  // The trial that a fuzzer's bytes stand for: of kernels_fuzzer, or of systems_fuzzer; `run`: run the
  // kernel, too. Errors: CaseError where the bytes stand for none.
  std::function<Replayed(std::span<const std::uint8_t> bytes, bool systems, bool run)> replay;
};

}  // namespace exactscan::cli
