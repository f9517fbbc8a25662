#include "oracle/check/ssd_stages.hpp"

#include <fmt/format.h>

#include "oracle/bounds/scan_allowance.hpp"
#include "oracle/check/options.hpp"
#include "oracle/check/outputs.hpp"
#include "oracle/check/unit_judge.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;

bool convention_is_leaving(const Case& value) {
  const auto found = value.options.find("states_convention");
  if (found == value.options.end()) return false;
  const auto* text = std::get_if<std::string>(&found->second);
  if (text != nullptr && *text == "leaving") return true;
  if (text != nullptr && *text == "entering") return false;
  throw CaseError(value.file + ": opt.states_convention must be \"entering\" or \"leaving\"");
}

}  // namespace

SsdStage::SsdStage(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : rules_(contract),
      in_(value, dimensions, rules_),
      chunks_(rules_, contract,
              in_.operand_types().empty() ? std::vector{ElementType::f32} : in_.operand_types(), in_.fits()),
      reach_(reach_of(value)) {}

// The product of max(1, largest of a tensor) over all tensors that a term can multiply.
Bound SsdStage::reach_of(const Case& value) {
  Bound reach = 1;
  for (const char* name : {"x", "B", "C", "D", "dt", "states", "initial_states"}) {
    const auto found = value.inputs.find(name);
    if (found == value.inputs.end()) continue;
    Bound largest = 1;
    for (std::int64_t i = 0; i < found->second.size(); ++i)
      largest = std::max(largest, std::fabs(Bound(found->second.at(i))));
    reach = up(Bound(reach * largest));
  }
  // Decays: exp of a sum, or of a difference of two.
  const auto sums = value.inputs.find("dA_cumsum");
  Bound low = 0, high = 0;
  for (std::int64_t i = 0; sums != value.inputs.end() && i < sums->second.size(); ++i) {
    low = std::min(low, Bound(sums->second.at(i)));
    high = std::max(high, Bound(sums->second.at(i)));
  }
  // Falling sums, the usual case, have decays of at most 1.
  return high > 0 ? up(Bound(reach * exp_up(high - low))) : reach;
}

SsdChunkCumsum::SsdChunkCumsum(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : SsdStage(value, dimensions, contract) {
  const std::vector<std::int64_t> shape{in_.batch, in_.heads, in_.chunks, in_.chunk};
  outputs_ = {make_output(value, contract, "dt_out", shape),
              make_output(value, contract, "dA_cumsum", shape)};
}

void SsdChunkCumsum::enclose(std::int64_t unit, CarefulSink& sink) const {
  const std::int64_t b = unit / in_.heads, h = unit % in_.heads;
  const Number A = Number::exactly(in_.A(h));
  const Inexact Ax = rules_.input(in_.A(h), in_.A.fits());
  for (std::int64_t c = 0; c < in_.chunks; ++c) {
    Number sum(0);
    Calculus<Bound>::Sum terms;
    bool over = false;
    for (std::int64_t l = 0; l < in_.chunk; ++l) {
      StepSize size{};
      if (l < in_.live(c)) {
        size = enclose_step_size(rules_, in_.rule, in_.dt(b, c * in_.chunk + l, h), in_.dt.fits(),
                                 in_.bias(h), in_.bias.fits(), in_.bias.present());
        terms.add(rules_.calculus().rounded_product(size.bound, Ax));
        sum = sum + size.value * A;
      }
      const std::int64_t row = unit * in_.chunks + c;
      const Inexact total = terms.result(rules_.calculus());
      over = over || size.overflow || rules_.may_overflow(total);
      if (sink.wants(dt_out)) sink.put(dt_out, row, l, size.value, size.bound.error, size.overflow);
      if (sink.wants(dA_cumsum)) sink.put(dA_cumsum, row, l, sum, total.error, over);
    }
  }
}

SsdChunkState::SsdChunkState(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : SsdStage(value, dimensions, contract) {
  outputs_ = {
      make_output(value, contract, "states", {in_.batch, in_.chunks, in_.heads, in_.width, in_.states})};
}

void SsdChunkState::enclose(std::int64_t unit, CarefulSink& sink) const {
  const std::int64_t b = unit / in_.heads, h = unit % in_.heads;
  const spec::SsdHead<Number> head = in_.head<Number>(b, h, in_.all_columns());
  const spec::SsdCumsum<Number> sums = in_.cumsums<Number>(b, h);
  const Bound operations = 6 * (static_cast<Bound>(in_.chunk) + 2);
  const bool over = chunks_.may_overflow(operations, reach_);
  for (std::int64_t c = 0; c < in_.chunks; ++c) {
    const spec::SsdChunk<Number> chunk = chunk_of(head, sums, c);
    const std::vector<Number> weights = spec::ssd_state_weights(chunk);
    std::vector<Bound> errors;  // of each weight, with everything that happens to its term
    for (std::size_t j = 0; j < weights.size(); ++j) {
      const Bound difference = most(chunk.L.back() - chunk.L[j]);
      errors.push_back(
          up(Bound(most(weights[j]) * chunks_.factor(ChunkRules::Way::state, static_cast<Bound>(in_.chunk),
                                                     chunks_.difference(difference)))));
    }
    for (std::int64_t p = 0; p < in_.width; ++p) {
      for (std::int64_t n = 0; n < in_.states; ++n) {
        Bound error = chunks_.underflow(operations, reach_);
        for (std::size_t j = 0; j < errors.size(); ++j)
          error = up(Bound(error + errors[j] * most(head.B[chunk.from + j][static_cast<std::size_t>(n)]) *
                                       most(head.x[chunk.from + j][static_cast<std::size_t>(p)])));
        sink.put(
            states, ((b * in_.chunks + c) * in_.heads + h) * in_.width + p, n,
            spec::ssd_chunk_state(chunk, weights, static_cast<std::size_t>(p), static_cast<std::size_t>(n)),
            error, over);
      }
    }
  }
}

SsdStatePassing::SsdStatePassing(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : SsdStage(value, dimensions, contract), leaving_(convention_is_leaving(value)) {
  outputs_ = {
      make_output(value, contract, "states", {in_.batch, in_.chunks, in_.heads, in_.width, in_.states}),
      make_output(value, contract, "final_states", {in_.batch, in_.heads, in_.width, in_.states})};
}

void SsdStatePassing::enclose(std::int64_t unit, CarefulSink& sink) const {
  const std::int64_t b = unit / in_.heads, h = unit % in_.heads;
  const spec::SsdHead<Number> head = in_.head<Number>(b, h, {});
  const spec::SsdCumsum<Number> sums = in_.cumsums<Number>(b, h);
  std::vector<Number> decays;
  std::vector<Inexact> bounds;
  for (std::int64_t c = 0; c < in_.chunks; ++c) {
    const Number L = sums.L[static_cast<std::size_t>(c)].back();
    decays.push_back(spec::ssd_chunk_decay(chunk_of(head, sums, c)));
    bounds.push_back(most(decays.back()) == 0
                         ? Inexact{0, 0}
                         : rules_.exp(most(decays.back()), rules_.input(L.mid, in_.sums.fits())));
  }
  for (std::int64_t p = 0; p < in_.width; ++p) {
    for (std::int64_t n = 0; n < in_.states; ++n) {
      const double start = in_.initial(b, h, p, n);
      const Inexact first = rules_.input(start, in_.initial.fits());
      ScanAllowance<Bound> bound(rules_.arithmetic(), first.magnitude, first.error);
      Number E = Number::exactly(start);
      bool over = false;
      const auto give = [&](int output, std::int64_t row) {
        if (sink.wants(output)) sink.put(output, row, n, E, bound.allowance(), over);
      };
      for (std::int64_t c = 0; c < in_.chunks; ++c) {
        const std::int64_t row = ((b * in_.chunks + c) * in_.heads + h) * in_.width + p;
        if (!leaving_) give(states, row);
        const double R = in_.chunk_states(b, c, h, p, n);
        const auto i = static_cast<std::size_t>(c);
        const Inexact leaf = rules_.input(R, in_.chunk_states.fits());
        bound.step<false>({bounds[i].magnitude, bounds[i].error, leaf.magnitude, leaf.error, false});
        E = spec::ssd_pass(decays[i], E, Number::exactly(R));
        // An infinite decay makes a NaN even of a state that is 0.
        over = over || bound.overflow_possible() || rules_.may_overflow(bounds[i]);
        if (leaving_) give(states, row);
      }
      give(final_states, unit * in_.width + p);
    }
  }
}

SsdChunkScan::SsdChunkScan(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : SsdStage(value, dimensions, contract), inter_only_(bool_option(value, "inter_chunk_only", false)) {
  if (convention_is_leaving(value))
    throw CaseError(
        value.file +
        ": opt.states_convention: chunk_scan reads the states that enter the chunks, not those that leave");
  if (!inter_only_ && (value.inputs.count("B") == 0 || value.inputs.count("dt") == 0))
    throw CaseError(value.file + ": in.B and in.dt are needed, unless opt.inter_chunk_only is true");
  outputs_ = {make_output(value, contract, "y", {in_.batch, in_.steps, in_.heads, in_.width})};
}

void SsdChunkScan::enclose(std::int64_t unit, CarefulSink& sink) const {
  const std::int64_t b = unit / in_.heads, h = unit % in_.heads;
  const spec::SsdHead<Number> head = in_.head<Number>(b, h, in_.all_columns());
  const spec::SsdCumsum<Number> sums = in_.cumsums<Number>(b, h);
  for (std::int64_t c = 0; c < in_.chunks; ++c) {
    const spec::SsdChunk<Number> chunk = chunk_of(head, sums, c);
    for (std::int64_t l = 0; l < in_.live(c); ++l) enclose_position(b, h, chunk, c, l, sink);
  }
}

void SsdChunkScan::enclose_position(std::int64_t b, std::int64_t h, const spec::SsdChunk<Number>& chunk,
                                    std::int64_t c, std::int64_t l, CarefulSink& sink) const {
  const auto at = static_cast<std::size_t>(l);
  const auto N = static_cast<Bound>(in_.states), Q = static_cast<Bound>(in_.chunk);
  const spec::SsdHead<Number>& head = chunk.head;
  const std::vector<Number>& C = head.C[chunk.from + at];
  const std::vector<Number> scores = inter_only_ ? std::vector<Number>() : spec::ssd_scores(chunk, at);
  // What rounding does to each step's contribution to this position, as a factor of x.
  std::vector<Bound> errors;
  for (std::size_t j = 0; j < scores.size(); ++j) {
    Bound products = 0;
    for (std::size_t n = 0; n < C.size(); ++n)
      products = up(Bound(products + most(C[n]) * most(head.B[chunk.from + j][n])));
    const Bound exponent = chunks_.difference(most(chunk.L[at] - chunk.L[j]));
    errors.push_back(
        up(Bound(products * most(chunk.weight(at, j)) *
                 chunks_.factor(ChunkRules::Way::intra, N + static_cast<Bound>(l) + 3, exponent))));
  }
  const Bound decay = chunk.entered(at) ? most(spec::exponential(chunk.L[at])) : 0;
  const Bound row = up(
      Bound(decay * chunks_.factor(ChunkRules::Way::entering, N + Q + 3, chunks_.single(most(chunk.L[at])))));
  const Bound operations = 6 * (Q + 2) * (N + 1);
  const bool over = chunks_.may_overflow(operations, reach_);
  for (std::int64_t p = 0; p < in_.width; ++p) {
    const auto column = static_cast<std::size_t>(p);
    const std::vector<Number> E = entering<Number>(b, c, h, p);
    Bound error = chunks_.underflow(operations, reach_);
    for (std::size_t n = 0; n < E.size(); ++n) error = up(Bound(error + row * most(C[n]) * most(E[n])));
    for (std::size_t j = 0; j < errors.size(); ++j)
      error = up(Bound(error + errors[j] * most(head.x[chunk.from + j][column])));
    const Number value = spec::ssd_chunk_scan(chunk, scores, E, at, column);
    const Bound skip = up(Bound(most(head.D[column]) * most(head.x[chunk.from + at][column])));
    const Inexact e = chunks_.output(most(value), error, skip);
    const std::int64_t t = c * in_.chunk + l, to = (b * in_.steps + t) * in_.heads + h;
    if (!in_.z.present()) {
      sink.put(y, to, p, value, e.error, over || rules_.may_overflow(e));
      continue;
    }
    const Number z = Number::exactly(in_.z(b, t, h, p));
    const Inexact zx = rules_.input(z.mid, in_.z.fits()), gate = rules_.gated(e, zx, rules_.sigmoid(z, zx));
    sink.put(y, to, p, spec::gated(value, z), gate.error, over || rules_.may_overflow(gate));
  }
}

const OperationJudge ssd_chunk_cumsum_judge = make_unit_judge<SsdChunkCumsum>("ssd_chunk_cumsum");
const OperationJudge ssd_chunk_state_judge = make_unit_judge<SsdChunkState>("ssd_chunk_state");
const OperationJudge ssd_state_passing_judge = make_unit_judge<SsdStatePassing>("ssd_state_passing");
const OperationJudge ssd_chunk_scan_judge = make_unit_judge<SsdChunkScan>("ssd_chunk_scan");

}  // namespace exactscan
