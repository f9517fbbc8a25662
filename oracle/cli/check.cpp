#include <fmt/format.h>

#include <exception>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <vector>

#include "oracle/check/check.hpp"
#include "oracle/cli/command.hpp"
#include "oracle/cli/output.hpp"
#include "oracle/cli/progress.hpp"
#include "oracle/cuda/check_case.hpp"
#include "oracle/report/write_report.hpp"

namespace exactscan::cli {
namespace {

struct Arguments {
  std::vector<std::string> cases;
  std::string contract, format = "text", output, device = "cpu";
  int errors = 1, threads = 0;
};

CaseReport invalid_report(const std::string& file, const std::string& contract, std::string reason) {
  CaseReport report;
  report.file = file;
  report.contract = contract;
  report.verdict = Verdict::invalid;
  report.reason = std::move(reason);
  return report;
}

// Never throws for what a file holds: the other files are still to be judged.
CaseReport check_file(const std::string& file, const std::optional<Contract>& contract,
                      const CheckOptions& options, bool on_device) {
  const std::string name = contract ? contract->name : std::string{};
  try {
    CaseReport report = on_device ? check_on_device(read_case(file), contract, options)
                                  : check(read_case(file), contract, options);
    report.file = file;
    return report;
  } catch (const CaseError& error) {
    return invalid_report(file, name, error.what());
  } catch (const std::bad_alloc&) {
    return invalid_report(file, name, fmt::format("{}: too large for the memory there is", file));
  } catch (const std::exception& error) {  // a fault of this program; the other files are still to be judged
    return invalid_report(file, name, fmt::format("{}: could not be judged ({})", file, error.what()));
  }
}

std::vector<CaseReport> check_files(const Arguments& arguments, const std::optional<Contract>& contract) {
  Progress progress;
  std::vector<CaseReport> reports;
  for (const std::string& file : arguments.cases) {
    CheckOptions options;
    options.errors = arguments.errors;
    options.threads = arguments.threads;
    const auto total = static_cast<double>(arguments.cases.size());
    const auto done = static_cast<double>(reports.size());
    options.progress = [&](double share) { progress.show((done + share) / total, file); };
    progress.show(done / total, file);
    reports.push_back(check_file(file, contract, options, arguments.device == "cuda"));
    if (reports.back().verdict == Verdict::invalid) {
      progress.clear();
      fmt::print(stderr, "exactscan: {}\n", printable(reports.back().reason));
    }
  }
  return reports;
}

std::string format_reports(const std::vector<CaseReport>& reports, const std::string& format) {
  if (format == "json") return json_report(reports);
  if (format == "junit") return junit_report(reports);
  return text_report(reports);
}

int run_check(const Arguments& arguments) {
  std::optional<Contract> contract;
  if (arguments.device == "cuda") require_device();
  if (!arguments.contract.empty()) contract = parse_contract(arguments.contract);
  const std::vector<CaseReport> reports = check_files(arguments, contract);
  write_text(format_reports(reports, arguments.format), arguments.output);
  return exit_code(overall(reports));
}

}  // namespace

void add_check(CLI::App& app, Job& job) {
  CLI::App* command =
      app.add_subcommand("check", "Judge the outputs of kernels: explained by rounding, or refuted?");
  const auto arguments = std::make_shared<Arguments>();
  command->add_option("CASE", arguments->cases, "case files, .npz or .safetensors")
      ->required()
      ->type_name("");
  command
      ->add_option(
          "--contract", arguments->contract,
          "the arithmetic that the kernel claims: a preset, key=value overrides, or both, separated by "
          "commas, as in fp32,underflow=ftz (default: by the tensors' types; see `exactscan describe`)")
      ->type_name("SPEC")
      ->check([](const std::string& text) { return text.empty() ? "the contract is empty" : ""; }, "");
  command->add_option("--format", arguments->format, "text (default), json or junit")
      ->type_name("FORMAT")
      ->check(
          [](const std::string& text) {
            const bool known = text == "text" || text == "json" || text == "junit";
            return known ? std::string{}
                         : fmt::format("unknown format '{}'; there are text, json, junit", text);
          },
          "");
  command->add_option("--output", arguments->output, "write the report to FILE, replaced whole or not at all")
      ->type_name("FILE");
  command
      ->add_option(
          "--device", arguments->device,
          "cpu (default), or cuda: a GPU accepts what is certainly explained, the CPU judges the rest "
          "(selective_scan forward)")
      ->type_name("DEVICE")
      ->check(
          [](const std::string& text) {
            const bool known = text == "cpu" || text == "cuda";
            return known ? std::string{} : fmt::format("unknown device '{}'; there are cpu, cuda", text);
          },
          "");
  command
      ->add_option("--errors", arguments->errors,
                   "elements to spell out a tensor, the worst first (default 1)")
      ->type_name("N")
      ->check(CLI::Range(1, 1'000'000).description(""));
  command
      ->add_option("--threads", arguments->threads, "threads to use (default 0: as many as the machine has)")
      ->type_name("N")
      ->check(CLI::Range(0, 4096).description(""));
  command->footer(
      "In the report, a ratio is |candidate - exact| / allowance, and the allowance is the largest deviation "
      "that\n"
      "any schedule under the contract can produce. JSON (schema exactscan-report/1) writes infinite and "
      "undefined\n"
      "numbers as the strings \"inf\" and \"nan\".\n\n"
      "Exit codes:\n"
      "  0  explained: every element of every case lies within its allowance\n"
      "  1  refuted: some element certainly lies outside\n"
      "  2  invalid: some case cannot be read or does not make sense (none is refuted); or misuse\n"
      "  3  undecided: some element could not be decided (none is refuted, no case invalid)");
  command->callback([&job, arguments] { job = [arguments] { return run_check(*arguments); }; });
}

}  // namespace exactscan::cli
