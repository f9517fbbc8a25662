#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "oracle/cli/command.hpp"
#include "oracle/cli/kernel_tools.hpp"
#include "oracle/cli/output.hpp"

namespace exactscan::cli {
namespace {

struct Arguments {
  std::string input, output;
  bool systems = false, inputs_only = false;
};

// Far more than the fuzzer makes.
constexpr std::uintmax_t max_bytes = std::uintmax_t{1} << 20U;

std::vector<std::uint8_t> read_bytes(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  if (error) throw CaseError(fmt::format("{}: cannot be read ({})", path, error.message()));
  if (size > max_bytes)
    throw CaseError(fmt::format("{}: {} bytes; a fuzzer's input has at most {}", path, size, max_bytes));
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> bytes{std::istreambuf_iterator<char>(stream), {}};
  if (!stream && !stream.eof()) throw CaseError(fmt::format("{}: cannot be read", path));
  return {bytes.begin(), bytes.end()};
}

int run_replay(const KernelTools& tools, const Arguments& arguments) {
  const Replayed replayed =
      tools.replay(read_bytes(arguments.input), arguments.systems, !arguments.inputs_only);
  write_case(replayed.value, arguments.output);
  write_text(
      replayed.description + "\n" + (replayed.fault.empty() ? "" : "the kernel " + replayed.fault + "\n"),
      "");
  return replayed.fault.empty() ? 0 : 1;
}

}  // namespace

const KernelTools& require_kernels(const KernelTools* tools, const char* command) {
  if (tools != nullptr) return *tools;
  throw CaseError(fmt::format(
      "this build has no kernels for {}: they are test code; ./run test builds the program with them "
      "(-DEXACTSCAN_TESTS=ON)",
      command));
}

void add_replay(CLI::App& app, Job& job, const KernelTools* tools) {
  CLI::App* command =
      app.add_subcommand("replay", "Make a case of the bytes that the kernels' fuzzer left (test builds)");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("FILE", arguments->input, "a crash file or seed of kernels_fuzzer or systems_fuzzer")
      ->required()
      ->type_name("");
  command->add_option("--output", arguments->output, "the case to write, .npz or .safetensors")
      ->required()
      ->type_name("CASE");
  command->add_flag("--systems", arguments->systems, "FILE is of systems_fuzzer, not of kernels_fuzzer");
  command->add_flag("--inputs-only", arguments->inputs_only, "do not run the kernel: it may be what crashes");
  command->footer(
      "Prints which kernel, case and place in memory the bytes stand for; the case holds the kernel's "
      "outputs,\n"
      "for `exactscan check`. The kernels are test code: this works in a build with -DEXACTSCAN_TESTS=ON.\n\n"
      "Exit codes:\n  0  written\n  1  written; the kernel wrote where it must not\n"
      "  2  misuse, a file that cannot be read or written, or a build without tests");
  command->callback([&job, tools, arguments] {
    job = [tools, arguments] { return run_replay(require_kernels(tools, "replay"), *arguments); };
  });
}

}  // namespace exactscan::cli
