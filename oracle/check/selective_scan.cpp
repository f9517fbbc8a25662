#include "oracle/check/selective_scan.hpp"

#include <fmt/format.h>

#include "oracle/check/options.hpp"
#include "oracle/check/outputs.hpp"
#include "oracle/check/selective_scan_trace.hpp"
#include "oracle/check/unit_judge.hpp"

namespace exactscan {
namespace {

std::vector<std::int64_t> shape_of(const Case& value, const char* name) {
  const auto found = value.inputs.find(name);
  return found == value.inputs.end() ? std::vector<std::int64_t>{0} : found->second.shape;
}

}  // namespace

SelectiveScan::SelectiveScan(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : batch_(dimensions.at("B")),
      channels_(dimensions.at("D")),
      length_(dimensions.at("L")),
      states_(dimensions.at("N")),
      backward_(value.inputs.count("dy") != 0),
      rules_(contract),
      state_type_(contract.state),
      previous_(contract.previous) {
  const auto array = [&](const char* name) { return Array(value, name, rules_.arithmetic()); };
  u_ = array("u"), delta_ = array("delta"), A_ = array("A"), B_ = array("B"), C_ = array("C"),
  D_ = array("D");
  z_ = array("z"), bias_ = array("delta_bias"), initial_ = array("initial_state"), dy_ = array("dy"),
  dlast_ = array("dlast_state");
  rule_.rule.softplus = bool_option(value, "delta_softplus", false);
  rule_.threshold = number_option(value, "softplus_threshold", 20);
  for (const Array* w : {&B_, &C_}) {
    if (w->rank() == 4) groups_ = std::max(groups_, w->shape()[1]);
  }
  if (groups_ == 0 || channels_ % groups_ != 0) {
    throw CaseError(fmt::format("{}: in.u has {} channels, which {} groups of in.B cannot share", value.file,
                                channels_, groups_));
  }
  if (groups_ > 1 && (B_.rank() == 3 || C_.rank() == 3)) {
    throw CaseError(fmt::format("{}: one of in.B and in.C has {} groups and the other is shared by all",
                                value.file, groups_));
  }
  if (backward_ && state_type_ != StateType::full) {
    throw CaseError(value.file +
                    ": gradients with a state that is rounded after each step are not supported");
  }
  const std::vector<std::int64_t> token{batch_, channels_, length_};
  const auto add = [&](const char* name, std::vector<std::int64_t> shape) {
    outputs_.push_back(make_output(value, contract, name, std::move(shape)));
  };
  add("y", token), add("last_state", {batch_, channels_, states_}), add("du", token), add("ddelta", token);
  add("dA", {channels_, states_}), add("dB", shape_of(value, "B")), add("dC", shape_of(value, "C"));
  add("dD", {channels_}), add("dz", token), add("ddelta_bias", {channels_});
  add("dinitial_state", {batch_, channels_, states_});
}

// Where there is no initial state a schedule may begin with the first summand as it is, and without D the
// readout has no such term: a product with nothing that a kernel need not form.
spec::SelectiveRun<ValueClass> SelectiveScan::possible_run(
    const spec::SelectiveChannel<ValueClass>& channel) const {
  spec::SelectiveRun<ValueClass> run;
  std::vector<ValueClass> h = channel.h0;
  for (std::size_t t = 0; t < channel.u.size(); ++t) {
    const ValueClass &delta = channel.delta[t], &u = channel.u[t];
    for (std::size_t n = 0; n < h.size(); ++n) {
      h[n] = spec::selective_step(delta, channel.A[n], channel.B[t][n], u, h[n]);
      if (t == 0 && !initial_.present()) h[n] = either_of(h[n], delta * channel.B[t][n] * u);
    }
    const auto c = [&](std::size_t n) { return channel.C[t][n]; };
    const auto state = [&](std::size_t n) { return h[n]; };
    const ValueClass skipped = D_.present() ? u : ValueClass(0.0);
    run.readout.push_back(spec::selective_readout(h.size(), c, state, channel.D, skipped));
    run.y.push_back(channel.z.empty() ? run.readout.back() : spec::gated(run.readout.back(), channel.z[t]));
    run.states.push_back(h);
  }
  return run;
}

void SelectiveScan::want(const Request& r, std::vector<bool>& channels) const {
  std::int64_t b = -1, first = 0, last = 0;  // the batch, or -1 for all; channels from first to last
  const auto weights = [&](const Array& w) {
    if (w.rank() == 2) {
      first = last = r.row;
      return;
    }
    const std::int64_t group = w.rank() == 3 ? 0 : r.row / states_ % groups_;
    b = r.row / states_ / (w.rank() == 3 ? 1 : groups_);
    first = group * (channels_ / groups_), last = first + channels_ / groups_ - 1;
  };
  if (r.output == dB || r.output == dC) {
    weights(r.output == dB ? B_ : C_);
  } else if (r.output == dA) {
    first = last = r.row;
  } else if (r.output == dD || r.output == ddelta_bias) {
    first = last = r.column;
  } else {
    b = r.row / channels_, first = last = r.row % channels_;
  }
  for (std::int64_t i = 0; i < batch_; ++i) {
    for (std::int64_t d = first; d <= last && (b < 0 || b == i); ++d)
      channels[static_cast<std::size_t>(i * channels_ + d)] = true;
  }
}

void SelectiveScan::enclose(std::int64_t unit, CarefulSink& sink) const {
  if (!backward_) {
    enclose_channel(unit / channels_, unit % channels_, false, sink);
    return;
  }
  enclose_gradients(unit, sink);
}

const OperationJudge selective_scan_judge = make_unit_judge<SelectiveScan>("selective_scan");

}  // namespace exactscan
