#include <fmt/format.h>

#include <exception>
#include <new>

#include "oracle/cli/command.hpp"
#include "oracle/report/write_report.hpp"

namespace exactscan::cli {
namespace {

constexpr int misuse = 2;

int run_job(const Job& job) {
  try {
    return job();
  } catch (const std::bad_alloc&) {
    fmt::print(stderr, "exactscan: out of memory\n");
  } catch (const std::exception& error) {
    fmt::print(stderr, "exactscan: {}\n", printable(error.what()));
  }
  return misuse;
}

void report_misuse(const CLI::App& app, std::string message) {
  std::string command = "exactscan";
  if (!app.get_subcommands().empty()) {
    command += ' ' + app.get_subcommands().front()->get_name();
  } else if (!app.remaining().empty()) {  // CLI11 would only say that a subcommand is required
    message = fmt::format("unknown command '{}'; there are check, exact, generate, describe, gallery, replay",
                          app.remaining().front());
  }
  fmt::print(stderr, "exactscan: {}\nRun `{} --help` for what is allowed.\n", printable(message), command);
}

}  // namespace

int run(int argc, const char* const* argv, const KernelTools* tools) {
  CLI::App app("Exactscan: can the output of this scan kernel be explained by rounding alone?", "exactscan");
  app.set_version_flag("--version", std::string("exactscan ") + EXACTSCAN_VERSION);
  app.require_subcommand(1);
  app.footer(
      "A case is an .npz or .safetensors file with op, in.<name>, opt.<name> and the kernel's out.<name>.\n"
      "From NumPy: np.savez(\"case.npz\", op=\"affine_scan\", **{\"in.a\": a, \"in.b\": b, \"out.h\": h})\n"
      "`exactscan describe` lists the operations; `exactscan COMMAND --help` explains a command.\n\n"
      "Exit codes:\n"
      "  0  done; of check: every case is explained\n"
      "  1  check: some case is refuted; gallery: not as it should be\n"
      "  2  misuse, a file that cannot be read or written; check: some case is invalid\n"
      "  3  check: some case is undecided, none refuted or invalid");
  Job job;
  add_check(app, job);
  add_exact(app, job);
  add_generate(app, job);
  add_describe(app, job);
  add_gallery(app, job, tools);
  add_replay(app, job, tools);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    // Help and version are "errors" with code 0 in CLI11; its other codes have no meaning to our users.
    if (error.get_exit_code() == 0) return app.exit(error);
    report_misuse(app, error.what());
    return misuse;
  }
  return run_job(job);
}

}  // namespace exactscan::cli
