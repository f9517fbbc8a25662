// The gradients of the operation ssd, where the case has in.dy.
#pragma once

#include <map>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "oracle/bounds/chunk_rules.hpp"
#include "oracle/check/careful_sink.hpp"
#include "oracle/check/operation_judge.hpp"
#include "oracle/check/ssd_inputs.hpp"
#include "spec/ssd_adjoint.hpp"

namespace exactscan {

void judge_ssd_gradients(const Problem& problem, CheckerSettings settings, CaseReport& report);
void exact_ssd_gradients(const Problem& problem, const CheckerSettings& settings, Case& result);

class SsdBackward {
 public:
  static constexpr bool algebraic = false;
  enum : int { dx, ddt, dA, dB, dC, dD, dz, ddt_bias, dinitial_states, output_count };

  SsdBackward(const Case& value, const Dimensions& dimensions, const Contract& contract);

  const std::vector<Output>& outputs() const { return outputs_; }
  bool exact_affordable() const { return false; }
  // The heads that share B and C, in all batches.
  std::int64_t units() const { return in_.groups; }

  // Theorems (proofs-notes/elementary-rules.md, "Gradients of chunks"): [proof: decay_cumsum], [proof:
  // decay_segsum], [proof: decay_product], [proof: chunk_majorant] for kernels in stages; the affine scan's
  // and "Calculus", as for selective_scan, for those that go step by step. A kernel may be either, so the
  // larger allowance holds.
  void enclose(std::int64_t group, CarefulSink& sink) const;

  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  struct Majorant;
  struct Total;
  struct Column;
  struct Head;
  struct Totals;

  Head head_of(std::int64_t b, std::int64_t h) const;
  Bound reach_of(const Head& head) const;
  void enclose_head(Head& head, Totals& totals, CarefulSink& sink) const;
  void forward(Head& head, Column& column) const;
  void advance(const Head& head, Column& column, std::int64_t t) const;
  void backward(Head& head, Column& column, Totals& totals, CarefulSink& sink) const;
  void step_back(Head& head, Column& column, std::int64_t t, Totals& totals, CarefulSink& sink) const;
  void meet_state(Head& head, Column& column, std::int64_t t, std::int64_t n, Totals& totals) const;
  void carry_back(const Head& head, Column& column, std::int64_t t) const;
  void put_input_gradient(const Head& head, const Column& column, std::int64_t t, CarefulSink& sink) const;
  Inexact gate(const Head& head, const Column& column, std::int64_t t, CarefulSink& sink) const;
  Inexact readout_bound(const Head& head, const Column& column, std::int64_t t) const;
  void put_steps(const Head& head, Totals& totals, CarefulSink& sink) const;
  Inexact through_the_rule(const Head& head, std::int64_t t, const Ball<double>& value,
                           const Inexact& gradient) const;
  void give_totals(std::int64_t group, const Totals& totals, CarefulSink& sink) const;

  // Marks the heads (b H + h) that a gradient sums over.
  void want(const Request& r, std::vector<bool>& heads) const;
  template <class T, class Put>
  void gradients(std::int64_t b, std::int64_t h, Put&& put) const;
  bool anything_may_come_out(const spec::SsdHead<ValueClass>& head) const;

  ElementaryRules rules_;
  SsdInputs in_;
  ChunkRules chunks_;
  std::vector<Output> outputs_;
};

// Calls put(output, row, column, value) for everything that one head gives.
template <class T, class Put>
void SsdBackward::gradients(std::int64_t b, std::int64_t h, Put&& emit) const {
  const auto number = [](double x) { return FromDouble<T>::make(x); };
  const spec::SsdHead<T> head = in_.head<T>(b, h, in_.all_columns());
  bool open = false;
  if constexpr (std::is_same_v<T, ValueClass>) open = anything_may_come_out(head);
  const auto put = [&](int output, std::int64_t row, std::int64_t column, const T& value) {
    if constexpr (std::is_same_v<T, ValueClass>)
      emit(output, row, column, open ? ValueClass::any() : left_open(value));
    else
      emit(output, row, column, value);
  };
  spec::Table<T> z, dy, dfinal;
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    std::vector<T>& row = dy.emplace_back();
    for (std::int64_t p = 0; p < in_.width; ++p) row.push_back(number(in_.dy(b, t, h, p)));
    if (!in_.z.present()) continue;
    std::vector<T>& gates = z.emplace_back();
    for (std::int64_t p = 0; p < in_.width; ++p) gates.push_back(number(in_.z(b, t, h, p)));
  }
  for (std::int64_t p = 0; p < in_.width; ++p) {
    std::vector<T>& row = dfinal.emplace_back();
    for (std::int64_t n = 0; n < in_.states; ++n) row.push_back(number(in_.dfinal(b, h, p, n)));
  }
  const spec::SsdGradients<T> d = spec::ssd_adjoint(head, z, dy, dfinal);
  const auto i = [](std::int64_t index) { return static_cast<std::size_t>(index); };
  put(dA, 0, h, d.dA);
  for (std::int64_t t = 0; t < in_.steps; ++t) {
    const std::int64_t token = b * in_.steps + t;
    const T step =
        d.ddt[i(t)] * spec::step_size_slope(number(in_.dt(b, t, h)), number(in_.bias(h)), in_.rule.rule);
    put(ddt, token, h, step), put(ddt_bias, 0, h, step);
    for (std::int64_t p = 0; p < in_.width; ++p) {
      put(dx, token * in_.heads + h, p, d.dx[i(t)][i(p)]);
      put(dz, token * in_.heads + h, p, d.dz[i(t)][i(p)]);
    }
    for (std::int64_t n = 0; n < in_.states; ++n) {
      put(dB, token * in_.groups + in_.group_of(h), n, d.dB[i(t)][i(n)]);
      put(dC, token * in_.groups + in_.group_of(h), n, d.dC[i(t)][i(n)]);
    }
  }
  for (std::int64_t p = 0; p < in_.width; ++p) {
    put(dD, in_.D.rank() == 2 ? h : 0, in_.D.rank() == 2 ? p : h, d.dD[i(p)]);
    for (std::int64_t n = 0; n < in_.states; ++n)
      put(dinitial_states, (b * in_.heads + h) * in_.width + p, n, d.dinitial[i(p)][i(n)]);
  }
}

template <class T, class Emit>
void SsdBackward::evaluate(std::span<const Request> requests, Emit&& emit) const {
  std::map<std::tuple<int, std::int64_t, std::int64_t>, T> totals;
  std::vector<bool> wanted(static_cast<std::size_t>(in_.batch * in_.heads), false);
  for (const Request& r : requests) {
    totals.emplace(std::tuple(r.output, r.row, r.column), spec::zero<T>());
    want(r, wanted);
  }
  for (std::size_t unit = 0; unit < wanted.size(); ++unit) {
    if (!wanted[unit]) continue;
    const auto at = static_cast<std::int64_t>(unit);
    gradients<T>(at / in_.heads, at % in_.heads,
                 [&](int output, std::int64_t row, std::int64_t column, const T& value) {
                   const auto place = totals.find({output, row, column});
                   if (place != totals.end()) place->second = place->second + value;
                 });
  }
  for (std::size_t i = 0; i < requests.size(); ++i)
    emit(i, totals.at({requests[i].output, requests[i].row, requests[i].column}));
}

}  // namespace exactscan
