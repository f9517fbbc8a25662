// The operation ssd: Mamba-2's state space duality, all stages together.
#pragma once

#include <map>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "oracle/bounds/chunk_rules.hpp"
#include "oracle/bounds/scan_allowance.hpp"
#include "oracle/check/careful_sink.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/ssd_inputs.hpp"
#include "oracle/numbers/value_class.hpp"

namespace exactscan {

class Ssd {
 public:
  static constexpr bool algebraic = false;
  enum : int { y, final_states, varlen_states, output_count };

  Ssd(const Case& value, const Dimensions& dimensions, const Contract& contract);

  const std::vector<Output>& outputs() const { return outputs_; }
  bool exact_affordable() const { return false; }
  std::int64_t units() const { return in_.batch * in_.heads; }

  // Theorems (proofs-notes/elementary-rules.md): "Chunks" for kernels in stages, and the affine scan's, as
  // for selective_scan, for those that go step by step: a kernel may be either, so the larger allowance
  // holds.
  void enclose(std::int64_t unit, CarefulSink& sink) const;

  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  struct State;
  struct Unit;

  Unit unit_of(std::int64_t b, std::int64_t h) const;
  void enclose_column(const Unit& unit, std::int64_t p, CarefulSink& sink) const;
  void advance(const Unit& unit, std::int64_t p, std::int64_t t, std::vector<State>& states) const;
  void put_output(const Unit& unit, std::int64_t p, std::int64_t t, const std::vector<State>& states,
                  CarefulSink& sink) const;
  void put_sequence_end(const Unit& unit, std::int64_t p, std::int64_t t, const std::vector<State>& states,
                        CarefulSink& sink) const;
  void end_chunk(const Unit& unit, std::int64_t t, std::vector<State>& states) const;

  ElementaryRules rules_;
  SsdInputs in_;
  ChunkRules chunks_;
  std::vector<Output> outputs_;
};

// What an output of a head may hold. Kernels skip the product with an empty state or form it, and take decays
// as differences of sums or not: where a rate, a step size or the result is not finite, anything may come
// out.
template <class T>
T possible_output(T value, const spec::SsdHead<T>& /*head*/) {
  return value;
}
inline ValueClass possible_output(ValueClass value, const spec::SsdHead<ValueClass>& head) {
  bool finite = value.finite() && head.A.finite();
  for (const ValueClass& dt : head.dt) finite = finite && dt.finite();
  // Without states a chunked kernel has scores of 0, by which it may multiply any x.
  for (std::size_t t = 0; t < head.x.size() && head.B[t].empty(); ++t) {
    for (const ValueClass& x : head.x[t]) finite = finite && x.finite();
  }
  return finite ? value : ValueClass::any();
}

// The unit that an element belongs to, and its column.
template <class T, class Emit>
void Ssd::evaluate(std::span<const Request> requests, Emit&& emit) const {
  const auto unit_of_request = [&](const Request& r) {
    if (r.output == y)
      return std::pair(r.row / in_.heads / in_.steps * in_.heads + r.row % in_.heads, r.column);
    const std::int64_t state = r.row / in_.width;  // (b, h), or (sequence, h) in a batch of 1
    return std::pair(r.output == final_states ? state : state % in_.heads, r.row % in_.width);
  };
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::size_t>> columns;
  for (std::size_t i = 0; i < requests.size(); ++i) columns[unit_of_request(requests[i])].push_back(i);
  for (const auto& [at, indices] : columns) {
    const std::int64_t b = at.first / in_.heads, h = at.first % in_.heads, p = at.second;
    const spec::SsdHead<T> head = in_.head<T>(b, h, {p});
    const spec::SsdRun<T> run = spec::ssd_recurrence(head);
    for (const std::size_t i : indices) {
      const Request& r = requests[i];
      const auto n = static_cast<std::size_t>(r.column);
      if (r.output == final_states) {
        emit(i, possible_output(run.final[0][n], head));
      } else if (r.output == varlen_states) {
        spec::SsdHead<T> part = head;
        part.dt.resize(
            static_cast<std::size_t>(in_.ends[static_cast<std::size_t>(r.row / in_.width / in_.heads) + 1]));
        emit(i, possible_output(spec::ssd_recurrence(part).final[0][n], head));
      } else {
        const auto t = static_cast<std::size_t>(r.row / in_.heads % in_.steps);
        const T value =
            in_.z.present()
                ? spec::gated(run.y[t][0], FromDouble<T>::make(in_.z(b, static_cast<std::int64_t>(t), h, p)))
                : run.y[t][0];
        emit(i, possible_output(value, head));
      }
    }
  }
}

}  // namespace exactscan
