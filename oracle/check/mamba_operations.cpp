// The table's part for the Mamba systems: selective scan, state space duality, and the blocks around them.
#include "oracle/check/operation.hpp"

namespace exactscan {
namespace {

const OptionSpec source{"source", OptionKind::text, "free text: where the outputs came from; ignored"};
const OptionSpec schedule{"chunk_size", OptionKind::number,
                          "the kernel's chunk length; ignored: every schedule is legitimate"};
const OptionSpec threshold{"softplus_threshold", OptionKind::number,
                           "beyond it a kernel may take x for softplus(x); missing: 20"};

OperationSpec selective_scan() {
  return {
      "selective_scan",
      "Mamba's selective scan, and its gradients",
      "delta[t] = delta[t] + delta_bias, softplus of it with opt.delta_softplus\n"
      "h[t,n] = exp(delta[t] A[n]) h[t-1,n] + delta[t] B[t,n] u[t], h[-1] = initial_state\n"
      "y[t] = sum of C[t,n] h[t,n] + D u[t], times z[t] sigmoid(z[t]) with in.z; channel d reads group "
      "d / (D/G) of B and C\n"
      "with in.dy: the gradients of the sum of dy y (the gradient of last_state is not propagated)",
      {{"u", {"B,D,L"}, false, "", "input"},
       {"delta", {"B,D,L"}, false, "", "step size, before bias and softplus"},
       {"A", {"D,N"}, false, "", "rates, real"},
       {"B", {"D,N", "B,N,L", "B,G,N,L"}, false, "", "input weights: constant, varying, varying by group"},
       {"C", {"D,N", "B,N,L", "B,G,N,L"}, false, "", "readout weights, likewise"},
       {"D", {"D"}, true, "", "skip weight; missing: 0"},
       {"z", {"B,D,L"}, true, "", "gate; missing: no gate"},
       {"delta_bias", {"D"}, true, "", "added to delta before softplus; missing: none"},
       {"initial_state", {"B,D,N"}, true, "", "state before the first step; missing: 0"},
       {"dy", {"B,D,L"}, true, "", "gradient with respect to y; asks for the gradients below"}},
      {{"y", {"B,D,L"}, false, "", "output, after the gate"},
       {"last_state", {"B,D,N"}, false, "", "the state after the last step"},
       {"du", {"B,D,L"}, false, "dy", "gradient"},
       {"ddelta", {"B,D,L"}, false, "dy", "gradient, through softplus"},
       {"dA", {"D,N"}, false, "dy", "gradient"},
       {"dB", {"D,N", "B,N,L", "B,G,N,L"}, false, "dy", "gradient, in the shape of B"},
       {"dC", {"D,N", "B,N,L", "B,G,N,L"}, false, "dy", "gradient, in the shape of C"},
       {"dD", {"D"}, false, "dy,D", "gradient"},
       {"dz", {"B,D,L"}, false, "dy,z", "gradient"},
       {"ddelta_bias", {"D"}, false, "dy,delta_bias", "gradient"}},
      {source, schedule, {"delta_softplus", OptionKind::boolean, "softplus of the step size"}, threshold}};
}

}  // namespace

std::vector<OperationSpec> mamba_operations() { return {selective_scan()}; }

}  // namespace exactscan
