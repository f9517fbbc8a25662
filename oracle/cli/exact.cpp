#include <memory>
#include <string>

#include "oracle/check/check.hpp"
#include "oracle/cli/command.hpp"
#include "oracle/cli/progress.hpp"

namespace exactscan::cli {
namespace {

struct Arguments {
  std::string input, output;
};

int run_exact(const Arguments& arguments) {
  Progress progress;
  CheckOptions options;
  options.threads = 0;
  options.progress = [&](double share) { progress.show(share, arguments.input); };
  write_case(exact_outputs(read_case(arguments.input), options), arguments.output);
  return 0;
}

}  // namespace

void add_exact(CLI::App& app, Job& job) {
  CLI::App* command =
      app.add_subcommand("exact", "Replace the outputs of a case by the correctly rounded exact values");
  const auto arguments = std::make_shared<Arguments>();
  command
      ->add_option("CASE", arguments->input,
                   "a case; it may lack outputs, then all are made, in the type of the first input")
      ->required()
      ->type_name("");
  command->add_option("--output", arguments->output, "the case to write, .npz or .safetensors")
      ->required()
      ->type_name("CASE");
  command->footer("Exit codes:\n  0  written\n  2  misuse, or a file that cannot be read or written");
  command->callback([&job, arguments] { job = [arguments] { return run_exact(*arguments); }; });
}

}  // namespace exactscan::cli
