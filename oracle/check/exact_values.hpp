// exact_operation<Op>: the correctly rounded exact values of an operation's outputs.
#pragma once

#include <fmt/format.h>

#include <cmath>
#include <vector>

#include "oracle/check/checker_settings.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/operation_judge.hpp"
#include "oracle/check/parallel.hpp"

namespace exactscan {

// The value of a tensor's type nearest to what lies in the enclosure, if that is one value (ties to even,
// overflow to infinity).
std::optional<double> rounded_once(const Enclosure& around, const spec::FloatFormat& format);

// One rung: fills in what it determines, and returns the requests that it leaves open.
template <class T, class Op>
std::vector<Request> round_exactly(const Op& op, std::vector<Request> requests,
                                   std::vector<std::vector<double>>& values) {
  std::vector<Request> open;
  if (requests.empty()) return open;
  op.template evaluate<T>(requests, [&](std::size_t i, const T& value) {
    const Request& at = requests[i];
    const Output& output = op.outputs()[static_cast<std::size_t>(at.output)];
    const std::optional<double> rounded = rounded_once(enclosure(value), output.rule.format);
    if (rounded) {
      values[static_cast<std::size_t>(at.output)]
            [static_cast<std::size_t>(at.row * output.columns + at.column)] = *rounded;
    } else {
      open.push_back(at);
    }
  });
  return open;
}

// Elements that depend on a NaN or an infinity take what IEEE arithmetic gives in sequence.
template <class Op>
std::vector<Request> take_special(const Op& op, const std::vector<Request>& requests,
                                  std::vector<std::vector<double>>& values) {
  std::vector<Request> special, finite;
  op.template evaluate<ValueClass>(requests, [&](std::size_t i, const ValueClass& c) {
    (c.finite() ? finite : special).push_back(requests[i]);
  });
  op.template evaluate<double>(special, [&](std::size_t i, double x) {
    const Request& at = special[i];
    values[static_cast<std::size_t>(at.output)][static_cast<std::size_t>(
        at.row * op.outputs()[static_cast<std::size_t>(at.output)].columns + at.column)] = x;
  });
  return finite;
}

template <class Op>
std::vector<Request> requests_of_unit(const Op& op, std::int64_t unit) {
  std::vector<Request> requests;
  for (int i = 0; i < static_cast<int>(op.outputs().size()); ++i) {
    const Output& output = op.outputs()[static_cast<std::size_t>(i)];
    if (!output.candidate.present()) continue;
    for (std::int64_t row = 0; row < output.rows; ++row) {
      const std::int64_t from = Op::channelwise ? unit : 0, to = Op::channelwise ? unit + 1 : output.columns;
      for (std::int64_t column = from; column < to; ++column) requests.push_back({i, row, column});
    }
  }
  return requests;
}

// The values as the outputs that the case holds.
template <class Op>
void store_values(const Op& op, const std::vector<std::vector<double>>& values, Case& result) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Output& output = op.outputs()[i];
    if (output.candidate.present())
      result.outputs[output.name] = Tensor::of(output.candidate.type(), output.shape, values[i]);
  }
}

template <class Op>
void exact_operation(const Problem& problem, const CheckerSettings& settings, Case& result) {
  const Op op(problem.value, problem.dimensions, problem.contract);
  std::vector<std::vector<double>> values;
  for (const Output& output : op.outputs()) values.emplace_back(static_cast<std::size_t>(output.size()));
  parallel_for(op.channels(), settings.threads, [&](std::int64_t unit) {
    std::vector<Request> open = requests_of_unit(op, unit);
    if (!settings.finite_inputs()) open = take_special(op, open, values);
    open = round_exactly<Ball<DoubleDouble>>(op, std::move(open), values);
    open = round_exactly<spec::Interval<256>>(op, std::move(open), values);
    open = round_exactly<spec::Interval<1024>>(op, std::move(open), values);
    if constexpr (is_algebraic<Op>) {
      open = round_exactly<spec::Dyadic>(op, std::move(open), values);
    } else if (!open.empty()) {
      throw CaseError(
          fmt::format("{}: {} of the exact values could not be rounded: they lie too near the middle between "
                      "two numbers",
                      problem.value.file, open.size()));
    }
  });
  store_values(op, values, result);
}

}  // namespace exactscan
