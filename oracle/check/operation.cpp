#include "oracle/check/operation.hpp"

#include <algorithm>

#include "oracle/check/layer_tensors.hpp"
#include "oracle/check/s5_operations.hpp"

namespace exactscan {
namespace {

const OptionSpec source{"source", OptionKind::text, "free text: where the outputs came from; ignored"};
const OptionSpec exact{
    "exact", OptionKind::boolean,
    "true: the inputs lie on a lattice on which every schedule is exact; checked, then the allowance is 0"};
const OptionSpec chunk_size{"chunk_size", OptionKind::number,
                            "the kernel's chunk length; ignored: every schedule is legitimate"};

OperationSpec affine_scan() {
  return {"affine_scan",
          "the scan of affine maps, one a channel",
          "h[t] = a[t] h[t-1] + b[t], h[-1] = h0\n"
          "summary_a = a[L-1] ... a[0]; summary_b = the last h with h0 = 0",
          {{"a", {"L,N"}, false, "", "multipliers"},
           {"b", {"L,N"}, false, "", "summands"},
           {"h0", {"N"}, true, "", "initial state; missing: 0"}},
          {{"h", {"L,N"}, false, "", "the state after each step"},
           {"h_last", {"N"}, false, "", "the state after the last step"},
           {"summary_a", {"N"}, false, "", "multiplier of the composed map"},
           {"summary_b", {"N"}, false, "", "summand of the composed map"}},
          {source, exact, chunk_size}};
}

OperationSpec diagonal_ssm() {
  return {"diagonal_ssm",
          "a diagonal state space model's states, and its gradients",
          "h[t] = A h[t-1] + B x[t], h[-1] = h0 (A, B may vary in time)\n"
          "with in.dh: g[t] = dh[t] + A[t+1] g[t+1]; dx[t] = g[t] B; dA = sum of g[t] h[t-1]; dB = sum of "
          "g[t] x[t];\n"
          "dh0 = A[0] g[0]; where A or B vary in time their gradients are not summed",
          {{"A", {"N", "L,N"}, false, "", "decay"},
           {"B", {"N", "L,N"}, false, "", "input weight"},
           {"x", {"L,N"}, false, "", "input"},
           {"h0", {"N"}, true, "", "initial state; missing: 0"},
           {"dh", {"L,N"}, true, "", "gradient with respect to h; asks for the gradients below"}},
          {{"h", {"L,N"}, false, "", "the state after each step"},
           {"dA", {"N", "L,N"}, false, "dh", "gradient, in the shape of A"},
           {"dB", {"N", "L,N"}, false, "dh", "gradient, in the shape of B"},
           {"dx", {"L,N"}, false, "dh", "gradient"},
           {"dh0", {"N"}, false, "dh", "gradient"}},
          {source, exact, chunk_size}};
}

OperationSpec diagonal_s4() {
  return {"diagonal_s4",
          "a diagonal S4 layer: projection, diagonal state space model, readout, projection",
          "s[t] = x[t] in_proj; h[t] = A h[t-1] + B s[t], h[-1] = h0; y[t] = (C h[t] + D s[t]) out_proj",
          layer_inputs(),
          layer_outputs(),
          {source, chunk_size}};
}

}  // namespace

std::span<const OperationSpec> operations() {
  static const std::vector<OperationSpec> all = [] {
    std::vector<OperationSpec> list{affine_scan(),     diagonal_ssm(), diagonal_s4(),
                                    simplified_scan(), s5_inner(),     simplified_state_update()};
    for (OperationSpec& spec : mamba_operations()) list.push_back(std::move(spec));
    return list;
  }();
  return all;
}

std::string missing_inputs(const Case& value, const TensorSpec& output) {
  std::string_view rest = output.needs;
  while (!rest.empty()) {
    const std::size_t comma = std::min(rest.find(','), rest.size());
    const std::string name(rest.substr(0, comma));
    if (value.inputs.count(name) == 0) return name;
    rest.remove_prefix(std::min(comma + 1, rest.size()));
  }
  return "";
}

const OperationSpec* find_operation(std::string_view name) {
  const auto all = operations();
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const OperationSpec& o) { return o.name == name; });
  return found == all.end() ? nullptr : &*found;
}

}  // namespace exactscan
