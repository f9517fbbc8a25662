#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <string>

#include "oracle/check/operation.hpp"
#include "oracle/cli/command.hpp"
#include "oracle/cli/output.hpp"
#include "oracle/contract/contract.hpp"
#include "oracle/generate/generate.hpp"

namespace exactscan::cli {
namespace {

// "name      meaning" lines, the meanings under each other.
template <class Terms>
std::string list(const Terms& terms) {
  std::size_t width = 0;
  for (const auto& term : terms) width = std::max(width, term.name.size());
  std::string text;
  for (const auto& term : terms) text += fmt::format("  {:<{}}  {}\n", term.name, width, term.meaning);
  return text;
}

std::string_view kind_name(OptionKind kind) {
  switch (kind) {
    case OptionKind::text:
      return "text";
    case OptionKind::number:
      return "number";
    case OptionKind::boolean:
      return "true or false";
  }
  return "";
}

// "[N] or [L,N]"
std::string shapes_text(const TensorSpec& tensor) {
  std::vector<std::string> shapes;
  for (const std::string_view shape : tensor.shapes) shapes.push_back(fmt::format("[{}]", shape));
  return fmt::format("{}", fmt::join(shapes, " or "));
}

// "dy,deltaA" as "dy and in.deltaA".
std::string with_and(std::string_view names) {
  std::string text;
  for (const char c : names) text += c == ',' ? std::string(" and in.") : std::string(1, c);
  return text;
}

struct Line {
  std::string name, meaning;
};

std::vector<Line> tensor_lines(std::string_view prefix, const std::vector<TensorSpec>& tensors) {
  std::vector<Line> lines;
  for (const TensorSpec& tensor : tensors) {
    Line line{fmt::format("{}{} {}", prefix, tensor.name, shapes_text(tensor)), std::string(tensor.meaning)};
    if (tensor.optional) line.meaning += " (optional)";
    if (!tensor.needs.empty()) line.meaning += fmt::format(" (only with in.{})", with_and(tensor.needs));
    if (tensor.kind == ElementKind::complex) line.meaning += ", complex";
    lines.push_back(std::move(line));
  }
  return lines;
}

std::string indented(std::string_view block) {
  std::string text = "  ";
  for (const char c : block) {
    text += c;
    if (c == '\n') text += "  ";
  }
  return text + '\n';
}

std::string describe_operation(const OperationSpec& op) {
  std::string text = fmt::format("{}: {}\n\n{}", op.name, op.summary, indented(op.formula));
  text += "\nInputs:\n" + list(tensor_lines("in.", op.inputs));
  text += "\nOutputs (those that the case holds are checked):\n" + list(tensor_lines("out.", op.outputs));
  std::vector<Line> options;
  for (const OptionSpec& option : op.options) {
    options.push_back(
        {fmt::format("opt.{}", option.name), fmt::format("{} ({})", option.meaning, kind_name(option.kind))});
  }
  if (!options.empty()) text += "\nOptions:\n" + list(options);
  return text;
}

std::string describe_all() {
  std::string text = "Operations (`exactscan describe OP` for tensors, options and the formula):\n";
  std::vector<Line> lines;
  for (const OperationSpec& op : operations())
    lines.push_back({std::string(op.name), std::string(op.summary)});
  text += list(lines);
  text += "\nContracts: a preset, then key=value overrides, separated by commas. Presets:\n" +
          list(contract_presets());
  text += "Keys:\n" + list(contract_keys());
  text += "\nProfiles of `exactscan generate`:\n" + list(profiles());
  text +=
      "\nElement types: float64, float32, float16, bfloat16 (in .npz: |V2, as ml_dtypes writes it);\n"
      "complex64 and complex128 where an operation says so.\n";
  return text;
}

int run_describe(const std::string& name) {
  if (name.empty()) {
    write_text(describe_all(), "");
    return 0;
  }
  const OperationSpec* op = find_operation(name);
  if (op == nullptr) {
    std::vector<std::string_view> names;
    for (const OperationSpec& known : operations()) names.push_back(known.name);
    throw CaseError(fmt::format("unknown operation '{}'; there are {}", name, fmt::join(names, ", ")));
  }
  write_text(describe_operation(*op), "");
  return 0;
}

}  // namespace

void add_describe(CLI::App& app, Job& job) {
  CLI::App* command =
      app.add_subcommand("describe", "List operations, contracts and profiles; or explain one operation");
  const auto name = std::make_shared<std::string>();
  command->add_option("OP", *name, "an operation; without it, everything is listed")->type_name("");
  command->footer("Exit codes:\n  0  printed\n  2  misuse");
  command->callback([&job, name] { job = [name] { return run_describe(*name); }; });
}

}  // namespace exactscan::cli
