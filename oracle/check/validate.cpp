// validate(): whether a case makes sense, by the table of operations.
#include <fmt/format.h>

#include <algorithm>

#include "oracle/check/operation.hpp"

namespace exactscan {
namespace {

std::vector<std::string> dimension_names(std::string_view shape) {
  std::vector<std::string> names;
  for (const char c : shape) {
    if (c != ',') names.emplace_back(1, c);
  }
  return names;
}

std::string print(const std::vector<std::int64_t>& shape) {
  return fmt::format("[{}]", fmt::join(shape, ", "));
}

class Validator {
 public:
  Validator(const Case& value, const OperationSpec& operation) : case_(value), operation_(operation) {}

  Dimensions run(bool outputs_required) {
    options();
    for (const TensorSpec& spec : operation_.inputs) input(spec);
    known(case_.inputs, operation_.inputs, "in");
    known(case_.outputs, operation_.outputs, "out");
    for (const TensorSpec& spec : operation_.outputs) output(spec);
    if (outputs_required && case_.outputs.empty()) {
      fail(fmt::format("holds no output to check; {} gives {}", operation_.name,
                       names("out", operation_.outputs)));
    }
    return dimensions_;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw CaseError(case_.file.empty() ? problem : fmt::format("{}: {}", case_.file, problem));
  }

  static std::string names(std::string_view prefix, const std::vector<TensorSpec>& specs) {
    std::string text;
    for (const TensorSpec& spec : specs)
      text += fmt::format("{}{}.{}", text.empty() ? "" : ", ", prefix, spec.name);
    return text;
  }

  void options() const {
    for (const auto& [name, value] : case_.options) {
      const auto found = std::find_if(operation_.options.begin(), operation_.options.end(),
                                      [&, &key = name](const OptionSpec& o) { return o.name == key; });
      if (found == operation_.options.end()) {
        std::string known_names;
        for (const OptionSpec& o : operation_.options)
          known_names += fmt::format("{}opt.{}", known_names.empty() ? "" : ", ", o.name);
        fail(
            fmt::format("opt.{} is no option of {}; its options are {}", name, operation_.name, known_names));
      }
      try {
        if (found->kind == OptionKind::boolean) static_cast<void>(as_bool(value));
        if (found->kind == OptionKind::number) static_cast<void>(as_number(value));
      } catch (const CaseError& error) {
        fail(fmt::format("opt.{}: {}", name, error.what()));
      }
    }
  }

  void known(const std::map<std::string, Tensor>& tensors, const std::vector<TensorSpec>& specs,
             std::string_view prefix) const {
    for (const auto& [name, tensor] : tensors) {
      if (std::none_of(specs.begin(), specs.end(),
                       [&, &key = name](const TensorSpec& s) { return s.name == key; })) {
        fail(fmt::format("{}.{} is no tensor of {}; it takes {}", prefix, name, operation_.name,
                         names(prefix, specs)));
      }
    }
  }

  void input(const TensorSpec& spec) {
    const auto found = case_.inputs.find(std::string(spec.name));
    if (found == case_.inputs.end()) {
      if (!spec.optional) fail(fmt::format("in.{} is missing; {} needs it", spec.name, operation_.name));
      return;
    }
    tensor(fmt::format("in.{}", spec.name), found->second, spec);
  }

  void output(const TensorSpec& spec) {
    const auto found = case_.outputs.find(std::string(spec.name));
    if (found == case_.outputs.end()) return;
    const std::string lacking = missing_inputs(case_, spec);
    if (!lacking.empty()) fail(fmt::format("out.{} needs in.{}, which is missing", spec.name, lacking));
    tensor(fmt::format("out.{}", spec.name), found->second, spec);
    same_shape_as_primal(spec, found->second);
  }

  // A gradient has the shape of what it is the gradient of: dA of A.
  void same_shape_as_primal(const TensorSpec& spec, const Tensor& gradient) const {
    if (spec.needs.empty()) return;
    const auto primal = case_.inputs.find(std::string(spec.name.substr(1)));
    if (primal != case_.inputs.end() && primal->second.shape != gradient.shape) {
      fail(fmt::format("out.{} has shape {}, but in.{} has {}", spec.name, print(gradient.shape),
                       primal->first, print(primal->second.shape)));
    }
  }

  void tensor(const std::string& name, const Tensor& value, const TensorSpec& spec) {
    const bool good = spec.kind == ElementKind::complex    ? is_complex(value.type)
                      : spec.kind == ElementKind::integral ? is_integral(value.type)
                                                           : is_real(value.type);
    if (!good) {
      fail(fmt::format("{} is {}; a {} tensor belongs there", name, element_name(value.type),
                       spec.kind == ElementKind::complex    ? "complex64 or complex128"
                       : spec.kind == ElementKind::integral ? "whole-number"
                                                            : "real floating-point"));
    }
    for (const std::string_view shape : spec.shapes) {
      const std::vector<std::string> dims = dimension_names(shape);
      if (dims.size() == value.shape.size()) return bind(name, value, dims);
    }
    fail(fmt::format("{} has shape {}; expected [{}]", name, print(value.shape),
                     fmt::join(spec.shapes, "] or [")));
  }

  void bind(const std::string& name, const Tensor& value, const std::vector<std::string>& dims) {
    for (std::size_t i = 0; i < dims.size(); ++i) {
      if (dims[i] == "1") {
        if (value.shape[i] != 1)
          fail(fmt::format("{} has shape {}; its axis {} must have length 1", name, print(value.shape), i));
        continue;
      }
      const auto [at, fresh] = dimensions_.emplace(dims[i], value.shape[i]);
      if (fresh) {
        owner_[dims[i]] = name;
      } else if (at->second != value.shape[i]) {
        fail(fmt::format("{} has shape {}, whose {} = {} disagrees with {} = {} of {}", name,
                         print(value.shape), dims[i], value.shape[i], dims[i], at->second, owner_[dims[i]]));
      }
    }
  }

  const Case& case_;
  const OperationSpec& operation_;
  Dimensions dimensions_;
  std::map<std::string, std::string> owner_;
};

}  // namespace

Dimensions validate(const Case& value, bool outputs_required) {
  const OperationSpec* operation = find_operation(value.op);
  if (operation == nullptr) {
    std::string known;
    for (const OperationSpec& o : operations())
      known += fmt::format("{}{}", known.empty() ? "" : ", ", o.name);
    throw CaseError(fmt::format("{}{}unknown op \"{}\"; ops are {}", value.file,
                                value.file.empty() ? "" : ": ", value.op, known));
  }
  return Validator(value, *operation).run(outputs_required);
}

}  // namespace exactscan
