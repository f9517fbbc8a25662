// The program of a build with tests: the plain one, and kernels for `gallery` and `replay`.
#include "oracle/cli/command.hpp"
#include "oracle/cli/kernel_tools.hpp"
#include "tests/kernels/trial.hpp"
#include "tests/mutants/gallery.hpp"

namespace {

using namespace exactscan;

cli::GalleryText gallery(const std::function<void(double)>& progress) {
  const mutants::Gallery result = mutants::make_gallery(progress);
  return {mutants::to_markdown(result), result.as_it_should_be()};
}

cli::Replayed replay(std::span<const std::uint8_t> bytes, bool run) {
  kernels::Trial trial = kernels::decode(bytes);
  cli::Replayed result{trial.inputs, kernels::describe(trial), ""};
  result.value.options["source"] = result.description;
  if (!run) return result;
  kernels::Outcome outcome = kernels::run(trial);
  result.value.outputs = std::move(outcome.judged.outputs);
  result.fault = std::move(outcome.fault);
  return result;
}

}  // namespace

int main(int argc, char** argv) {
  const cli::KernelTools tools{gallery, replay};
  return cli::run(argc, argv, &tools);
}
