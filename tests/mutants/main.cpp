// The program of a build with tests: the plain one, and kernels for `gallery` and `replay`.
#include <optional>

#include "oracle/cli/command.hpp"
#include "oracle/cli/kernel_tools.hpp"
#include "tests/kernels/system_trial.hpp"
#include "tests/kernels/trial.hpp"
#include "tests/mutants/gallery.hpp"

namespace {

using namespace exactscan;

cli::GalleryText gallery(const std::function<void(double)>& progress) {
  const mutants::Gallery result = mutants::make_gallery(progress);
  return {mutants::to_markdown(result), result.as_it_should_be()};
}

// Of a trial, and what its kernel makes of it.
template <class Trial>
cli::Replayed replayed(const Trial& trial, bool run) {
  cli::Replayed result{trial.inputs, kernels::describe(trial), ""};
  if (run) {
    kernels::Outcome outcome = kernels::run(trial);
    result.value = std::move(outcome.judged);
    result.fault = std::move(outcome.fault);
  }
  result.value.options["source"] = result.description;
  return result;
}

cli::Replayed replay(std::span<const std::uint8_t> bytes, bool systems, bool run) {
  if (!systems) return replayed(kernels::decode(bytes), run);
  const std::optional<kernels::SystemTrial> trial = kernels::decode_system(bytes);
  if (!trial) throw CaseError("the bytes ask a kernel for cases that it does not take: no trial");
  return replayed(*trial, run);
}

}  // namespace

int main(int argc, char** argv) {
  const cli::KernelTools tools{gallery, replay};
  return cli::run(argc, argv, &tools);
}
