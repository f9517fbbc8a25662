#include <memory>
#include <string>

#include "oracle/cli/command.hpp"
#include "oracle/cli/kernel_tools.hpp"
#include "oracle/cli/output.hpp"
#include "oracle/cli/progress.hpp"

namespace exactscan::cli {
namespace {

int run_gallery(const KernelTools& tools, const std::string& output) {
  GalleryText text;
  {
    Progress progress;
    text = tools.gallery([&](double share) { progress.show(share, "gallery"); });
  }
  write_text(text.table, output);
  return text.as_it_should_be ? 0 : 1;
}

}  // namespace

void add_gallery(CLI::App& app, Job& job, const KernelTools* tools) {
  CLI::App* command = app.add_subcommand(
      "gallery", "Print what catches each of the planted defects, and what allclose says (test builds)");
  const auto output = std::make_shared<std::string>();
  command->add_option("--output", *output, "a file for the table (default: standard output)")
      ->type_name("FILE");
  command->footer(
      "Kernels with one defect each meet generated cases. The kernels are test code: this command works in "
      "a\n"
      "build with -DEXACTSCAN_TESTS=ON (./run test makes one).\n\n"
      "Exit codes:\n  0  every defect is caught and no clean kernel is refuted\n"
      "  1  some defect is not caught, or a clean kernel is refuted\n  2  misuse, or a build without tests");
  command->callback([&job, tools, output] {
    job = [tools, output] { return run_gallery(require_kernels(tools, "gallery"), *output); };
  });
}

}  // namespace exactscan::cli
