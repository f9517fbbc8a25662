#include "oracle/check/ssd_backward.hpp"

#include <algorithm>

#include "oracle/check/outputs.hpp"
#include "oracle/check/unit_judge.hpp"

namespace exactscan {
namespace {

std::vector<std::int64_t> shape_of(const Case& value, const char* name) {
  const auto found = value.inputs.find(name);
  return found == value.inputs.end() ? std::vector<std::int64_t>{0} : found->second.shape;
}

}  // namespace

SsdBackward::SsdBackward(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : rules_(contract),
      in_(value, dimensions, rules_),
      chunks_(rules_, contract, in_.operand_types(), in_.fits()) {
  const std::vector<std::int64_t> token{in_.batch, in_.steps, in_.heads, in_.width},
      weight{in_.batch, in_.steps, in_.groups, in_.states};
  const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
    outputs_.push_back(make_output(value, contract, name, std::move(shape)));
  };
  add("dx", token), add("ddt", {in_.batch, in_.steps, in_.heads}), add("dA", {in_.heads});
  add("dB", weight), add("dC", weight), add("dD", shape_of(value, "D")), add("dz", token);
  add("ddt_bias", {in_.heads}), add("dinitial_states", {in_.batch, in_.heads, in_.width, in_.states});
}

void SsdBackward::want(const Request& r, std::vector<bool>& heads) const {
  std::int64_t b = -1, first = 0, last = 0;  // the batch, or -1 for all; heads from first to last
  const std::int64_t shared = in_.heads / in_.groups;
  if (r.output == dB || r.output == dC) {
    b = r.row / in_.groups / in_.steps;
    first = r.row % in_.groups * shared, last = first + shared - 1;
  } else if (r.output == dA || r.output == ddt_bias || (r.output == dD && in_.D.rank() == 1)) {
    first = last = r.column;
  } else if (r.output == dD) {
    first = last = r.row;
  } else if (r.output == ddt) {
    b = r.row / in_.steps, first = last = r.column;
  } else if (r.output == dinitial_states) {
    b = r.row / in_.width / in_.heads, first = last = r.row / in_.width % in_.heads;
  } else {
    b = r.row / in_.heads / in_.steps, first = last = r.row % in_.heads;
  }
  for (std::int64_t i = 0; i < in_.batch; ++i) {
    for (std::int64_t h = first; h <= last && (b < 0 || b == i); ++h)
      heads[static_cast<std::size_t>(i * in_.heads + h)] = true;
  }
}

// As possible_output of ssd: kernels multiply by nothing or not, and take decays as differences or not.
bool SsdBackward::anything_may_come_out(const spec::SsdHead<ValueClass>& head) const {
  return !head.A.finite() ||
         !std::all_of(head.dt.begin(), head.dt.end(), [](const ValueClass& dt) { return dt.finite(); });
}

void judge_ssd_gradients(const Problem& problem, CheckerSettings settings, CaseReport& report) {
  judge_units<SsdBackward>(problem, std::move(settings), report);
}

void exact_ssd_gradients(const Problem& problem, const CheckerSettings& settings, Case& result) {
  exact_units<SsdBackward>(problem, settings, result);
}

}  // namespace exactscan
