#include "oracle/cuda/allowance_floor.hpp"

#include <algorithm>

#include "oracle/bounds/elementary_rules.hpp"
#include "oracle/contract/contract.hpp"

namespace exactscan::device {
namespace {

// Rounded down to binary32, and once more, for the operations that led to it.
float below(double x) { return static_cast<float>(x * (1 - 0x1p-20)); }

}  // namespace

AllowanceFloor allowance_floor(const Contract& contract, const FloorRequest& request) {
  const Arithmetic arithmetic(contract);
  const double v = arithmetic.v * (1 - 0x1p-50);  // the constant is rounded up
  const double u = std::ldexp(1.0, -arithmetic.format.precision);
  const double exp_error = 2 * u * contract.exp_ulp, log_error = 2 * u * contract.log_ulp,
               div_error = std::max(v, 2 * u * contract.div_ulp);
  AllowanceFloor floor;
  double step = v + exp_error, summand = 2 * v;
  if (request.softplus) {
    summand += log_error;
  } else if (request.bias) {
    summand += v;
  }
  const auto length = static_cast<double>(std::max<std::int64_t>(request.length, 1));
  const double deflation = std::max(1 - 2.5 * 0x1p-22 * (length + 8), 0.0);
  step = std::min(step * deflation, 1.0 / 32 / length);
  summand = std::min(summand * deflation, 1.0 / 32);
  if (request.initial_state) summand = std::min(summand, 0.9 * step);
  floor.multiplier = below(step);
  floor.summand = below(summand);
  const auto terms = static_cast<double>(request.states + (request.skip ? 1 : 0));
  floor.readout = below((std::min(std::max(terms - 1, 0.0), arithmetic.depth) + 1) * v);
  floor.gate = below(4 * v + div_error);
  return floor;
}

}  // namespace exactscan::device
