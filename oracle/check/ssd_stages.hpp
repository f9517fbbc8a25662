// SSD's stages one by one: ssd_chunk_cumsum, ssd_chunk_state, ssd_state_passing, ssd_chunk_scan. Each takes
// the outputs of the stages before it as inputs, as they stand in the case.
//
// Theorems: "Chunks" of proofs-notes/elementary-rules.md; state passing is an affine scan over chunks.
#pragma once

#include <map>
#include <span>
#include <utility>
#include <vector>

#include "oracle/bounds/chunk_rules.hpp"
#include "oracle/check/careful_sink.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/ssd_inputs.hpp"

namespace exactscan {

// What the stages have in common: a unit is one head of one batch.
class SsdStage {
 public:
  static constexpr bool algebraic = false;

  const std::vector<Output>& outputs() const { return outputs_; }
  bool exact_affordable() const { return false; }
  std::int64_t units() const { return in_.batch * in_.heads; }

 protected:
  SsdStage(const Case& value, const Dimensions& dimensions, const Contract& contract);

  // The chunk c of a head, of the stages' own dt and dA_cumsum.
  template <class T>
  spec::SsdChunk<T> chunk_of(const spec::SsdHead<T>& head, const spec::SsdCumsum<T>& sums,
                             std::int64_t c) const {
    const auto i = static_cast<std::size_t>(c);
    return {head, static_cast<std::size_t>(c * in_.chunk), static_cast<std::size_t>(in_.live(c)), sums.dt[i],
            sums.L[i]};
  }
  // Requests by the head and chunk (or the head alone) that they need.
  template <class Key>
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::size_t>> grouped(
      std::span<const Request> requests, Key&& key) const {
    std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::size_t>> groups;
    for (std::size_t i = 0; i < requests.size(); ++i) groups[key(requests[i])].push_back(i);
    return groups;
  }
  bool together(std::int64_t b, std::int64_t s, std::int64_t t) const {
    return in_.sequence.empty() || in_.sequence[static_cast<std::size_t>(b)][static_cast<std::size_t>(s)] ==
                                       in_.sequence[static_cast<std::size_t>(b)][static_cast<std::size_t>(t)];
  }
  static Bound reach_of(const Case& value);

  ElementaryRules rules_;
  SsdInputs in_;
  ChunkRules chunks_;
  std::vector<Output> outputs_;
  Bound reach_;  // the largest factor by which an underflow in the middle can be multiplied
};

class SsdChunkCumsum : public SsdStage {
 public:
  enum : int { dt_out, dA_cumsum };
  SsdChunkCumsum(const Case& value, const Dimensions& dimensions, const Contract& contract);
  void enclose(std::int64_t unit, CarefulSink& sink) const;
  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;
};

class SsdChunkState : public SsdStage {
 public:
  enum : int { states };
  SsdChunkState(const Case& value, const Dimensions& dimensions, const Contract& contract);
  void enclose(std::int64_t unit, CarefulSink& sink) const;
  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;
};

class SsdStatePassing : public SsdStage {
 public:
  enum : int { states, final_states };
  SsdStatePassing(const Case& value, const Dimensions& dimensions, const Contract& contract);
  void enclose(std::int64_t unit, CarefulSink& sink) const;
  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  bool leaving_;
};

class SsdChunkScan : public SsdStage {
 public:
  enum : int { y };
  SsdChunkScan(const Case& value, const Dimensions& dimensions, const Contract& contract);
  void enclose(std::int64_t unit, CarefulSink& sink) const;
  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  void enclose_position(std::int64_t b, std::int64_t h, const spec::SsdChunk<Ball<double>>& chunk,
                        std::int64_t c, std::int64_t l, CarefulSink& sink) const;
  template <class T>
  std::vector<T> entering(std::int64_t b, std::int64_t c, std::int64_t h, std::int64_t p) const {
    std::vector<T> E;
    for (std::int64_t n = 0; n < in_.states; ++n)
      E.push_back(FromDouble<T>::make(in_.chunk_states(b, c, h, p, n)));
    return E;
  }
  bool inter_only_;
};

template <class T, class Emit>
void SsdChunkCumsum::evaluate(std::span<const Request> requests, Emit&& emit) const {
  const auto key = [&](const Request& r) { return std::pair(r.row / in_.chunks, std::int64_t{0}); };
  for (const auto& [at, indices] : grouped(requests, key)) {
    const std::int64_t b = at.first / in_.heads, h = at.first % in_.heads;
    const spec::SsdCumsum<T> sums = spec::ssd_chunk_cumsum(
        in_.step_sizes<T>(b, h), FromDouble<T>::make(in_.A(h)), static_cast<std::size_t>(in_.chunk));
    for (const std::size_t i : indices) {
      const auto c = static_cast<std::size_t>(requests[i].row % in_.chunks),
                 l = static_cast<std::size_t>(requests[i].column);
      emit(i, requests[i].output == dt_out ? sums.dt[c][l] : sums.L[c][l]);
    }
  }
}

template <class T, class Emit>
void SsdChunkState::evaluate(std::span<const Request> requests, Emit&& emit) const {
  // row = ((b K + c) H + h) P + p
  const auto key = [&](const Request& r) {
    const std::int64_t h = r.row / in_.width % in_.heads, bc = r.row / in_.width / in_.heads;
    return std::pair(bc / in_.chunks * in_.heads + h, bc % in_.chunks);
  };
  for (const auto& [at, indices] : grouped(requests, key)) {
    const std::int64_t b = at.first / in_.heads, h = at.first % in_.heads;
    const spec::SsdHead<T> head = in_.head<T>(b, h, in_.all_columns());
    const spec::SsdCumsum<T> sums = in_.cumsums<T>(b, h);
    const spec::SsdChunk<T> chunk = chunk_of(head, sums, at.second);
    const std::vector<T> weights = spec::ssd_state_weights(chunk);
    for (const std::size_t i : indices)
      emit(i, left_open(spec::ssd_chunk_state(chunk, weights,
                                              static_cast<std::size_t>(requests[i].row % in_.width),
                                              static_cast<std::size_t>(requests[i].column))));
  }
}

template <class T, class Emit>
void SsdStatePassing::evaluate(std::span<const Request> requests, Emit&& emit) const {
  const auto key = [&](const Request& r) {
    const std::int64_t h = r.row / in_.width % in_.heads, outer = r.row / in_.width / in_.heads;
    return std::pair((r.output == final_states ? outer : outer / in_.chunks) * in_.heads + h,
                     std::int64_t{0});
  };
  for (const auto& [at, indices] : grouped(requests, key)) {
    const std::int64_t b = at.first / in_.heads, h = at.first % in_.heads;
    const spec::SsdHead<T> head = in_.head<T>(b, h, {});
    const spec::SsdCumsum<T> sums = in_.cumsums<T>(b, h);
    for (const std::size_t i : indices) {
      const Request& r = requests[i];
      const std::int64_t p = r.row % in_.width, n = r.column;
      const std::int64_t chunk = r.row / in_.width / in_.heads % in_.chunks;
      const std::int64_t last = r.output == final_states ? in_.chunks : leaving_ ? chunk + 1 : chunk;
      T E = FromDouble<T>::make(in_.initial(b, h, p, n));
      for (std::int64_t c = 0; c < last; ++c) {
        const T R = FromDouble<T>::make(in_.chunk_states(b, c, h, p, n));
        const spec::SsdChunk<T> passed = chunk_of(head, sums, c);
        E = spec::ssd_pass(spec::ssd_chunk_decay(passed), std::move(E), R);
        // Where nothing enters, or another sequence begins, a kernel forms the product with 0 or skips it.
        const bool restarts = passed.live > 0 && !passed.entered(passed.live - 1);
        if ((c == 0 && !in_.initial.present()) || restarts) E = first_state(std::move(E), R);
      }
      emit(i, E);
    }
  }
}

template <class T, class Emit>
void SsdChunkScan::evaluate(std::span<const Request> requests, Emit&& emit) const {
  // row = (b T + t) H + h
  const auto key = [&](const Request& r) {
    return std::pair(r.row / in_.heads / in_.steps * in_.heads + r.row % in_.heads,
                     r.row / in_.heads % in_.steps);
  };
  for (const auto& [at, indices] : grouped(requests, key)) {
    const std::int64_t b = at.first / in_.heads, h = at.first % in_.heads, c = at.second / in_.chunk;
    const auto l = static_cast<std::size_t>(at.second % in_.chunk);
    const spec::SsdHead<T> head = in_.head<T>(b, h, in_.all_columns());
    const spec::SsdCumsum<T> sums = in_.cumsums<T>(b, h);
    const spec::SsdChunk<T> chunk = chunk_of(head, sums, c);
    const std::vector<T> scores = inter_only_ ? std::vector<T>() : spec::ssd_scores(chunk, l);
    for (const std::size_t i : indices) {
      const std::int64_t p = requests[i].column;
      const T value =
          spec::ssd_chunk_scan(chunk, scores, entering<T>(b, c, h, p), l, static_cast<std::size_t>(p));
      emit(i, left_open(in_.z.present() ? spec::gated(value, FromDouble<T>::make(in_.z(b, at.second, h, p)))
                                        : value));
    }
  }
}

}  // namespace exactscan
