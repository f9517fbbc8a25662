#include "oracle/generate/generate.hpp"

#include <fmt/format.h>

#include <charconv>
#include <memory>
#include <string>

#include "oracle/cli/command.hpp"

namespace exactscan::cli {
namespace {

struct Arguments {
  GenerateRequest request;
  std::string output, seed = "0", variant = "0", shape, type = "fp32";
};

// By hand: CLI11 reads -1 as 2^64 - 1.
std::uint64_t parse_number(const char* name, const std::string& text) {
  std::uint64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stop != end || text.empty()) {
    throw GenerateError(fmt::format("{} '{}' is not an integer from 0 to 2^64 - 1", name, text));
  }
  return number;
}

int run_generate(const Arguments& arguments) {
  GenerateRequest request = arguments.request;
  request.seed = parse_number("seed", arguments.seed);
  request.variant = parse_number("variant", arguments.variant);
  request.shape = parse_shape(arguments.shape);
  request.type = parse_type(arguments.type);
  write_case(generate(request), arguments.output);
  return 0;
}

std::string footer() {
  std::string text = "Profiles:\n";
  for (const ProfileSpec& profile : profiles())
    text += fmt::format("  {:<13}{}\n", profile.name, profile.meaning);
  text += "\nOperations and default shapes:\n";
  for (const GeneratorSpec& generator : generators()) {
    text += fmt::format("  {:<13}", generator.op);
    std::string_view comma;
    for (const DimensionDefault& dimension : generator.dimensions) {
      text += fmt::format("{}{}={}", comma, dimension.name, dimension.size);
      comma = ",";
    }
    text += '\n';
  }
  text +=
      "\nThe same arguments give the same case on every machine. Lattice cases hold opt.exact = true.\n\n"
      "Exit codes:\n  0  written\n  2  misuse, or a file that cannot be written";
  return text;
}

}  // namespace

void add_generate(CLI::App& app, Job& job) {
  CLI::App* command = app.add_subcommand("generate", "Make inputs for a kernel");
  const auto arguments = std::make_shared<Arguments>();
  GenerateRequest& request = arguments->request;
  command->add_option("OP", request.op, "the operation")->required()->type_name("");
  command->add_option("--output", arguments->output, "the case to write, .npz or .safetensors")
      ->required()
      ->type_name("CASE");
  command->add_option("--seed", arguments->seed, "a number that picks the data (default 0)")->type_name("N");
  command
      ->add_option("--variant", arguments->variant,
                   "S5 and Mamba: which options are set and which optional tensors are there (default 0)")
      ->type_name("N");
  command->add_option("--profile", request.profile, "the family of data (default uniform)")
      ->type_name("NAME");
  command->add_option("--shape", arguments->shape, "sizes, as in L=4096,N=16; zero is allowed")
      ->type_name("L=..,N=..");
  command->add_option("--type", arguments->type, "fp32 (default), fp64, bf16 or fp16")->type_name("TYPE");
  command->add_flag("--time-varying", request.time_varying,
                    "diagonal_ssm: A and B of shape [L, N] rather than [N]");
  command->add_flag("--backward", request.backward,
                    "diagonal_ssm: with in.dh, so that the gradients can be checked");
  command->footer(footer());
  command->callback([&job, arguments] { job = [arguments] { return run_generate(*arguments); }; });
}

}  // namespace exactscan::cli
