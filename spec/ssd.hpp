// State space duality (Mamba-2), one head: a scalar decay a step, a state of P x N, and the same output as a
// recurrence, as four stages over chunks, and as masked attention. Sources: mamba_ssm,
// mamba_chunk_scan_combined; boostr, SsmKernelOps.
//
//   S_t[p,n] = exp(dt_t A) S_{t-1}[p,n] + dt_t B_t[n] x_t[p]       y_t[p] = sum over n of C_t[n] S_t[p,n] +
//   D[p] x_t[p]
// Where a new sequence begins the state starts from 0. The initial state enters the first sequence.
//
// Stages, for chunks of Q steps, L the inclusive cumulative sum of dt A within the chunk:
//   cumsum:  dt, L, padded to whole chunks by dt = 0, which does not decay
//   state:   R_c[p,n] = sum over j of exp(L[last] - L[j]) dt_j B_j[n] x_j[p]
//   passing: E_{c+1} = exp(L[last]) E_c + R_c; E_c enters chunk c
//   scan:    y_l[p] = exp(L_l) sum over n of C_l[n] E_c[p,n] + sum over j <= l of (C_l . B_j) exp(L_l - L_j)
//   dt_j x_j[p] + D[p] x_l[p]
// The factor of the first term is the inclusive L: E is the state before the chunk's first step.
#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "spec/selective_scan.hpp"

namespace exactscan::spec {

template <class T>
using Table = std::vector<std::vector<T>>;

template <class T>
struct SsdHead {
  T A{};
  std::vector<T> dt;                   // step sizes, as step_size makes them
  Table<T> x, B, C;                    // step by P, N, N
  std::vector<T> D;                    // P
  Table<T> initial;                    // P by N
  std::vector<std::int64_t> sequence;  // the sequence that each step belongs to; empty: one sequence

  std::size_t steps() const { return dt.size(); }
  // Whether steps s and t belong to one sequence; each sequence is contiguous.
  bool together(std::size_t s, std::size_t t) const { return sequence.empty() || sequence[s] == sequence[t]; }
  bool starts(std::size_t t) const { return t > 0 && !together(t - 1, t); }
};

template <class T>
struct SsdRun {
  Table<T> y;      // step by P
  Table<T> final;  // the state after the last step, P by N
};

// One state, one step: a S + dt B x.
template <MultiplyAdd T>
T ssd_step(const T& a, const T& dt, const T& B, const T& x, T S) {
  return a * std::move(S) + T(dt * B) * x;
}

template <ExponentialRing T>
T ssd_dot(const std::vector<T>& x, const std::vector<T>& y) {
  return dot<T>(
      x.size(), [&](std::size_t n) -> const T& { return x[n]; },
      [&](std::size_t n) -> const T& { return y[n]; });
}

// The recurrence: the definition.
template <ExponentialRing T>
SsdRun<T> ssd_recurrence(const SsdHead<T>& head) {
  SsdRun<T> run{{}, head.initial};
  for (std::size_t t = 0; t < head.steps(); ++t) {
    const T a = head.starts(t) ? zero<T>() : exponential(T(head.dt[t] * head.A));
    std::vector<T> y;
    for (std::size_t p = 0; p < run.final.size(); ++p) {
      std::vector<T>& S = run.final[p];
      for (std::size_t n = 0; n < S.size(); ++n)
        S[n] = ssd_step(a, head.dt[t], head.B[t][n], head.x[t][p], std::move(S[n]));
      y.push_back(ssd_dot(head.C[t], S) + head.D[p] * head.x[t][p]);
    }
    run.y.push_back(std::move(y));
  }
  return run;
}

// Stage 1: step sizes and cumulative sums, K chunks of Q entries each.
template <class T>
struct SsdCumsum {
  Table<T> dt, L;
};
template <ExponentialRing T>
SsdCumsum<T> ssd_chunk_cumsum(const std::vector<T>& dt, const T& A, std::size_t Q) {
  SsdCumsum<T> out;
  for (std::size_t from = 0; from < dt.size(); from += Q) {
    std::vector<T> d(Q, zero<T>()), L;
    for (std::size_t l = 0; l < Q && from + l < dt.size(); ++l) d[l] = dt[from + l];
    T sum = zero<T>();
    for (std::size_t l = 0; l < Q; ++l) {
      sum = std::move(sum) + d[l] * A;
      L.push_back(sum);
    }
    out.dt.push_back(std::move(d));
    out.L.push_back(std::move(L));
  }
  return out;
}

// One chunk, as the later stages read it: `live` steps from `from` on, and the outputs of stage 1.
template <class T>
struct SsdChunk {
  const SsdHead<T>& head;
  std::size_t from, live;
  const std::vector<T>&dt, &L;

  // exp(L_l - L_j) dt_j, or 0 between sequences.
  T weight(std::size_t l, std::size_t j) const {
    if (!head.together(from + j, from + l)) return zero<T>();
    return exponential(T(L[l] - L[j])) * dt[j];
  }
  // Whether the state that enters the chunk still counts at position l.
  bool entered(std::size_t l) const {
    return from == 0 ? head.together(0, l) : head.together(from - 1, from + l);
  }
};

// Stage 2: the weight of each step in the chunk's state, exp(L[last] - L[j]) dt_j, or 0 where step j belongs
// to another sequence than the last one; L[last] is the last entry of the chunk, padding included.
template <ExponentialRing T>
std::vector<T> ssd_state_weights(const SsdChunk<T>& chunk) {
  std::vector<T> weights;
  for (std::size_t j = 0; j < chunk.live; ++j) {
    const bool counts = chunk.head.together(chunk.from + j, chunk.from + chunk.live - 1);
    weights.push_back(counts ? T(exponential(T(chunk.L.back() - chunk.L[j])) * chunk.dt[j]) : zero<T>());
  }
  return weights;
}
// One entry of it.
template <ExponentialRing T>
T ssd_chunk_state(const SsdChunk<T>& chunk, const std::vector<T>& weights, std::size_t p, std::size_t n) {
  T sum = zero<T>();
  for (std::size_t j = 0; j < chunk.live; ++j)
    sum = std::move(sum) + T(weights[j] * chunk.head.B[chunk.from + j][n]) * chunk.head.x[chunk.from + j][p];
  return sum;
}

// Stage 3, one step from chunk to chunk.
template <ExponentialRing T>
T ssd_pass(const T& decay, T E, const T& R) {
  return decay * std::move(E) + R;
}
// The decay over a whole chunk: 0 if another sequence begins in it.
template <ExponentialRing T>
T ssd_chunk_decay(const SsdChunk<T>& chunk) {
  return chunk.live == 0 || chunk.entered(chunk.live - 1) ? exponential(chunk.L.back()) : zero<T>();
}

// Stage 4: what each step j <= l adds to position l, (C_l . B_j) exp(L_l - L_j) dt_j.
template <ExponentialRing T>
std::vector<T> ssd_scores(const SsdChunk<T>& chunk, std::size_t l) {
  std::vector<T> scores;
  for (std::size_t j = 0; j <= l; ++j)
    scores.push_back(ssd_dot(chunk.head.C[chunk.from + l], chunk.head.B[chunk.from + j]) *
                     chunk.weight(l, j));
  return scores;
}
// One output, from the state E[p] that enters the chunk. Without scores: the inter-chunk term alone.
template <ExponentialRing T>
T ssd_chunk_scan(const SsdChunk<T>& chunk, const std::vector<T>& scores, const std::vector<T>& E,
                 std::size_t l, std::size_t p) {
  const SsdHead<T>& head = chunk.head;
  T y = chunk.entered(l) ? T(exponential(chunk.L[l]) * ssd_dot(head.C[chunk.from + l], E)) : zero<T>();
  for (std::size_t j = 0; j < scores.size(); ++j) y = std::move(y) + scores[j] * head.x[chunk.from + j][p];
  return y + head.D[p] * head.x[chunk.from + l][p];
}

// The four stages, one after the other.
template <ExponentialRing T>
SsdRun<T> ssd_chunked(const SsdHead<T>& head, std::size_t Q) {
  SsdRun<T> run{{}, head.initial};
  const SsdCumsum<T> sums = ssd_chunk_cumsum(head.dt, head.A, Q);
  for (std::size_t c = 0; c < sums.L.size(); ++c) {
    const std::size_t from = c * Q;
    const SsdChunk<T> chunk{head, from, std::min(Q, head.steps() - from), sums.dt[c], sums.L[c]};
    for (std::size_t l = 0; l < chunk.live; ++l) {
      const std::vector<T> scores = ssd_scores(chunk, l);
      std::vector<T> y;
      for (std::size_t p = 0; p < run.final.size(); ++p)
        y.push_back(ssd_chunk_scan(chunk, scores, run.final[p], l, p));
      run.y.push_back(std::move(y));
    }
    const T decay = ssd_chunk_decay(chunk);
    const std::vector<T> weights = ssd_state_weights(chunk);
    for (std::size_t p = 0; p < run.final.size(); ++p) {
      for (std::size_t n = 0; n < run.final[p].size(); ++n)
        run.final[p][n] = ssd_pass(decay, std::move(run.final[p][n]), ssd_chunk_state(chunk, weights, p, n));
    }
  }
  return run;
}

// Masked attention, y_t = sum over s <= t of (C_t . B_s) a_{s+1} ... a_t dt_s x_s and the initial state's
// share: the stages with all steps in one chunk.
template <ExponentialRing T>
SsdRun<T> ssd_attention(const SsdHead<T>& head) {
  return ssd_chunked(head, std::max<std::size_t>(head.steps(), 1));
}

}  // namespace exactscan::spec
