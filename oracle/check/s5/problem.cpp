#include "oracle/check/s5/problem.hpp"

#include <fmt/format.h>

#include "oracle/bounds/arithmetic.hpp"

namespace exactscan::s5 {
namespace {

[[noreturn]] void fail(const Case& value, const std::string& problem) {
  throw CaseError(value.file.empty() ? problem : fmt::format("{}: {}", value.file, problem));
}

Kind kind_of(const std::string& op) {
  return op == "simplified_scan" ? Kind::scan : op == "s5_inner" ? Kind::inner : Kind::update;
}

Numbers numbers(const Case& value, const Contract& contract, const std::string& name) {
  Numbers result;
  const auto found = value.inputs.find(name);
  if (found == value.inputs.end()) return result;
  const Tensor& tensor = found->second;
  result.present = true;
  result.fits = contains(format_of(contract.accumulate), format_of(tensor.type));
  result.values.reserve(static_cast<std::size_t>(tensor.size()));
  for (std::int64_t i = 0; i < tensor.size(); ++i) result.values.push_back(tensor.complex_at(i));
  return result;
}

// A state update's steps may be one for all sequences: [P] becomes [N,P].
void repeat(Numbers& steps, std::int64_t times, std::int64_t size) {
  if (!steps.present || static_cast<std::int64_t>(steps.values.size()) != size) return;
  const std::vector<std::complex<double>> row = steps.values;
  for (std::int64_t n = 1; n < times; ++n) steps.values.insert(steps.values.end(), row.begin(), row.end());
}

spec::Discretization method_of(const Case& value) {
  const auto found = value.options.find("discretization");
  if (found == value.options.end()) return spec::Discretization::bilinear;
  const auto* text = std::get_if<std::string>(&found->second);
  if (text != nullptr && *text == "bilinear") return spec::Discretization::bilinear;
  if (text != nullptr && *text == "zoh") return spec::Discretization::zoh;
  if (text != nullptr && *text == "dirac") return spec::Discretization::dirac;
  fail(value, "opt.discretization must be bilinear, zoh or dirac");
}

Output output(const Case& value, const Contract& contract, const std::string& name,
              std::vector<std::int64_t> shape) {
  Output result;
  result.name = name;
  result.columns = shape.empty() ? 1 : shape.back();
  result.rows = 1;
  for (std::size_t i = 0; i + 1 < shape.size(); ++i) result.rows *= shape[i];
  const auto found = value.outputs.find(name);
  if (found != value.outputs.end()) {
    result.candidate = {&found->second, result.columns, false};
    result.tensor = &found->second;
    result.rule = OutputRule(found->second.type, contract);
  }
  result.shape = std::move(shape);
  return result;
}

}  // namespace

Problem::Problem(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : kind(kind_of(value.op)),
      method(method_of(value)),
      backward(value.inputs.count("dy") != 0),
      N(dimensions.at("N")),
      H(dimensions.at("H")),
      P(dimensions.at("P")),
      L(kind == Kind::update ? 1 : dimensions.at("L")) {
  const auto read = [&](const char* name) { return numbers(value, contract, name); };
  u = read("u"), delta = read("delta"), deltaA = read("deltaA"), A = read("A"), B = read("B"), C = read("C");
  D = read("D"), x0 = read(kind == Kind::update ? "state" : "x0");
  dy = read("dy"), dlast_state = read("dlast_state");
  const auto symmetric = value.options.find("conj_sym");
  if (symmetric != value.options.end()) conj_sym = as_bool(symmetric->second);
  if (kind == Kind::update && N > 0) repeat(delta, N, P), repeat(deltaA, N, P);
  if (dlast_state.present && !backward) fail(value, "in.dlast_state needs in.dy, which is missing");
  const bool single = kind == Kind::update;
  const auto shape_of_a = value.inputs.at("A").shape;
  const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
    outputs.push_back(output(value, contract, name, std::move(shape)));
  };
  add("y", single ? std::vector{N, H} : std::vector{N, H, L});
  add("last_state", {N, P});
  add("du", {N, H, L});
  add("ddelta", {N, P, L});
  add("ddeltaA", {N, P, L});
  add("dA", shape_of_a);
  add("dB", {P, H});
  add("dC", {H, P});
  add("dD", {H});
  add("dx0", {N, P});
}

}  // namespace exactscan::s5
