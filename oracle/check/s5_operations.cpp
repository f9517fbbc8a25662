#include "oracle/check/s5_operations.hpp"

namespace exactscan {
namespace {

constexpr ElementKind complex = ElementKind::complex, real = ElementKind::real;

const OptionSpec discretization{"discretization", OptionKind::text, "bilinear (default), zoh or dirac"};
const OptionSpec conj_sym{
    "conj_sym", OptionKind::boolean,
    "one eigenvalue of each conjugate pair is stored: s = 2 (default true), else s = 1"};
const OptionSpec source{"source", OptionKind::text, "free text: where the outputs came from; ignored"};

constexpr std::string_view coefficients =
    "e = deltaA, or delta where there is none; d = delta\n"
    "bilinear: Abar = (1 + e A/2)/(1 - e A/2), Bbar = d/(1 - d A/2)\n"
    "zoh: Abar = exp(e A), Bbar = (exp(d A) - 1)/A, which is d at A = 0; dirac: Abar = exp(e A), Bbar = 1\n";

std::string_view text_of(std::string_view equations) {
  // Joined once, and kept: the table holds views.
  static std::map<std::string_view, std::string> joined;
  std::string& text = joined[equations];
  if (text.empty()) text = std::string(coefficients) + std::string(equations);
  return text;
}

std::vector<TensorSpec> inputs(ElementKind gradient) {
  return {{"u", {"N,H,L"}, false, "", "input", complex},
          {"delta", {"N,P,L"}, false, "", "step, of each state at each time"},
          {"A", {"P", "P,1"}, false, "", "eigenvalues", complex},
          {"B", {"P,H"}, false, "", "input projection", complex},
          {"C", {"H,P"}, false, "", "output projection", complex},
          {"deltaA", {"N,P,L"}, true, "", "step in Abar alone; missing: delta"},
          {"x0", {"N,P"}, true, "", "state before the first step; missing: 0", complex},
          {"dy", {"N,H,L"}, true, "", "gradient with respect to y; asks for the gradients below", gradient},
          {"dlast_state",
           {"N,P"},
           true,
           "",
           "gradient with respect to last_state (with in.dy); missing: 0",
           complex}};
}

std::vector<TensorSpec> outputs(ElementKind result) {
  return {{"y", {"N,H,L"}, false, "", "output", result},
          {"last_state", {"N,P"}, false, "", "x after the last step", complex},
          {"du", {"N,H,L"}, false, "dy", "gradient", complex},
          {"ddelta", {"N,P,L"}, false, "dy", "gradient, without the part through deltaA where there is one"},
          {"ddeltaA", {"N,P,L"}, false, "dy,deltaA", "gradient"},
          {"dA", {"P", "P,1"}, false, "dy", "gradient, in the shape of A", complex},
          {"dB", {"P,H"}, false, "dy", "gradient", complex},
          {"dC", {"H,P"}, false, "dy", "gradient", complex},
          {"dx0", {"N,P"}, false, "dy", "gradient of the state before the first step", complex}};
}

}  // namespace

OperationSpec simplified_scan() {
  return {"simplified_scan",
          "S5's scan: a diagonal complex system between dense projections, and its gradients",
          text_of("b[t] = B u[t]; x[t] = Abar[t] x[t-1] + Bbar[t] b[t]; y[t] = C x[t]\n"
                  "gradients as PyTorch has them: of z = p + i q, dloss/dp + i dloss/dq"),
          inputs(complex),
          outputs(complex),
          {discretization, source}};
}

OperationSpec s5_inner() {
  OperationSpec op{
      "s5_inner",
      "the core of an S5 layer: simplified_scan, real part and skip connection, and gradients",
      text_of("b[t] = B u[t]; x[t] = Abar[t] x[t-1] + Bbar[t] b[t]; y[t] = s Re(C x[t]) + D Re(u[t])"),
      inputs(real),
      outputs(real),
      {discretization, conj_sym, source}};
  op.inputs.insert(op.inputs.begin() + 5, {"D", {"H"}, false, "", "skip weight"});
  op.outputs.push_back({"dD", {"H"}, false, "dy", "gradient"});
  return op;
}

OperationSpec simplified_state_update() {
  return {"simplified_state_update",
          "one step of s5_inner with real input, D a full matrix",
          text_of("last_state = Abar state + Bbar (B u); y = s Re(C last_state) + D u"),
          {{"u", {"N,H"}, false, "", "input"},
           {"state", {"N,P"}, false, "", "state before the step", complex},
           {"delta", {"N,P", "P"}, false, "", "step"},
           {"A", {"P", "P,1"}, false, "", "eigenvalues", complex},
           {"B", {"P,H"}, false, "", "input projection", complex},
           {"C", {"H,P"}, false, "", "output projection", complex},
           {"D", {"H,H"}, true, "", "skip matrix; missing: 0"},
           {"deltaA", {"N,P", "P"}, true, "", "step in Abar alone; missing: delta"}},
          {{"y", {"N,H"}, false, "", "output"},
           {"last_state", {"N,P"}, false, "", "the state after the step", complex}},
          {discretization, conj_sym, source}};
}

}  // namespace exactscan
