// The commands of the program, one a source file. Each registers its options with the program; when the user
// asked for it, parsing leaves the work to be done in `job`.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>

namespace exactscan::cli {

struct KernelTools;  // kernel_tools.hpp

using Job = std::function<int()>;  // returns the exit code

void add_check(CLI::App& app, Job& job);
void add_exact(CLI::App& app, Job& job);
void add_generate(CLI::App& app, Job& job);
void add_describe(CLI::App& app, Job& job);
void add_gallery(CLI::App& app, Job& job, const KernelTools* tools);
void add_replay(CLI::App& app, Job& job, const KernelTools* tools);

// `tools`, if there are any. Errors: CaseError that says which build has them.
const KernelTools& require_kernels(const KernelTools* tools, const char* command);

// Parses the arguments and runs the command: what `main` does. Returns the exit code; misuse and every error
// that is not a verdict give 2, with one sentence on stderr. Without tools, the commands that need kernels
// say so.
int run(int argc, const char* const* argv, const KernelTools* tools = nullptr);

}  // namespace exactscan::cli
