// State space duality: the recurrence, the four stages for every chunk size, masked attention and the
// selective scan are one function. Over a ring with an exact exponential: nothing rounds, so the equalities
// are equalities.
#include "spec/ssd.hpp"
#include "tests/spec/exponential_ring.hpp"

namespace exactscan::spec::test {
namespace {

using T = ExpRing;

struct Sizes {
  std::size_t steps = static_cast<std::size_t>(draw_int(0, 7)),
              width = static_cast<std::size_t>(draw_int(1, 2)),
              states = static_cast<std::size_t>(draw_int(1, 3));
};

SsdHead<T> draw_head(const Sizes& s, bool sequences) {
  SsdHead<T> head;
  head.A = draw<T>();
  head.dt = draw_vector<T>(s.steps);
  head.x = draw_rows<T>(s.steps, s.width), head.B = draw_rows<T>(s.steps, s.states),
  head.C = draw_rows<T>(s.steps, s.states);
  head.D = draw_vector<T>(s.width);
  head.initial = draw_rows<T>(s.width, s.states);
  std::int64_t id = draw_int(0, 5);
  for (std::size_t t = 0; t < s.steps && sequences; ++t) {
    head.sequence.push_back(id);
    if (draw_int(0, 2) == 0) ++id;
  }
  return head;
}

SsdHead<T> part(const SsdHead<T>& head, std::size_t from, std::size_t to) {
  const auto cut = [&](const auto& v) {
    return std::decay_t<decltype(v)>(v.begin() + static_cast<std::ptrdiff_t>(from),
                                     v.begin() + static_cast<std::ptrdiff_t>(to));
  };
  SsdHead<T> out = head;
  out.dt = cut(head.dt), out.x = cut(head.x), out.B = cut(head.B), out.C = cut(head.C);
  if (!head.sequence.empty()) out.sequence = cut(head.sequence);
  return out;
}

void require_same(const SsdRun<T>& a, const SsdRun<T>& b) {
  require_equal(a.y, b.y);
  require_equal(a.final, b.final);
}

TEST(Ssd, FourStagesComposeToTheRecurrenceForEveryChunkSize) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const SsdHead<T> head = draw_head(s, draw_bool());
    const SsdRun<T> truth = ssd_recurrence(head);
    for (std::size_t Q = 1; Q <= s.steps + 2; ++Q) require_same(ssd_chunked(head, Q), truth);
  }));
}

TEST(Ssd, MaskedAttentionIsTheRecurrence) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const SsdHead<T> head = draw_head(s, draw_bool());
    require_same(ssd_attention(head), ssd_recurrence(head));
  }));
}

// Attention written out: every decay as the product of the steps between.
TEST(Ssd, IsTheSumOverAllPairs) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    SsdHead<T> head = draw_head(s, false);
    const SsdRun<T> truth = ssd_recurrence(head);
    for (std::size_t t = 0; t < s.steps; ++t) {
      for (std::size_t p = 0; p < s.width; ++p) {
        T y = head.D[p] * head.x[t][p], decay(1);
        for (std::size_t j = t + 1; j-- > 0;) {
          y = y + ssd_dot(head.C[t], head.B[j]) * decay * head.dt[j] * head.x[j][p];
          decay = decay * exp(head.dt[j] * head.A);
        }
        require_equal(truth.y[t][p], T(y + decay * ssd_dot(head.C[t], head.initial[p])));
      }
    }
  }));
}

// A column of a head is a channel of the selective scan whose states all decay alike.
TEST(Ssd, EachColumnIsASelectiveScan) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const SsdHead<T> head = draw_head(s, false);
    const SsdRun<T> truth = ssd_recurrence(head);
    for (std::size_t p = 0; p < s.width; ++p) {
      SelectiveChannel<T> c;
      c.A.assign(s.states, head.A), c.h0 = head.initial[p], c.delta = head.dt, c.B = head.B, c.C = head.C,
                                    c.D = head.D[p];
      for (const auto& row : head.x) c.u.push_back(row[p]);
      const SelectiveRun<T> run = selective_scan(c);
      for (std::size_t t = 0; t < s.steps; ++t) require_equal(run.y[t], truth.y[t][p]);
      if (s.steps > 0) require_equal(run.states.back(), truth.final[p]);
    }
  }));
}

// Packed sequences are separate sequences: the first from the initial state, the others from 0.
TEST(Ssd, SequencesAreSeparate) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const SsdHead<T> head = draw_head(s, true);
    const SsdRun<T> packed = ssd_recurrence(head);
    SsdRun<T> joined{{}, head.initial};
    for (std::size_t from = 0; from < s.steps;) {
      std::size_t to = from + 1;
      while (to < s.steps && head.sequence[to] == head.sequence[from]) ++to;
      SsdHead<T> alone = part(head, from, to);
      alone.sequence.clear();
      if (from > 0) alone.initial.assign(s.width, std::vector<T>(s.states, T(0)));
      const SsdRun<T> run = ssd_recurrence(alone);
      joined.y.insert(joined.y.end(), run.y.begin(), run.y.end());
      joined.final = run.final;
      from = to;
    }
    require_same(packed, joined);
  }));
}

// A step is a scan of one token; a scan goes on from where another stopped; later tokens change nothing
// before.
TEST(Ssd, ScansAppendAndAreCausal) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const SsdHead<T> head = draw_head(s, false);
    const auto cut = static_cast<std::size_t>(draw_int(0, static_cast<std::int64_t>(s.steps)));
    const SsdRun<T> first = ssd_recurrence(part(head, 0, cut));
    SsdHead<T> rest = part(head, cut, s.steps);
    rest.initial = first.final;
    const SsdRun<T> second = ssd_recurrence(rest);
    SsdRun<T> whole = ssd_recurrence(head);
    require_equal(whole.final, second.final);
    require_equal(whole.y, concatenate(first.y, second.y));
  }));
}

// Padding does not decay: the sums stay where the last live step left them.
TEST(Ssd, PaddingKeepsTheSums) {
  EXPECT_TRUE(holds([] {
    const std::vector<T> dt = draw_vector<T>(static_cast<std::size_t>(draw_int(1, 6)));
    const T A = draw<T>();
    const auto Q = static_cast<std::size_t>(draw_int(1, 8));
    const SsdCumsum<T> sums = ssd_chunk_cumsum(dt, A, Q);
    require_equal(sums.L.size(), (dt.size() + Q - 1) / Q);
    for (std::size_t t = 0; t < sums.L.size() * Q; ++t) {
      const T before = t % Q == 0 ? T(0) : sums.L[t / Q][t % Q - 1];
      require_equal(sums.dt[t / Q][t % Q], t < dt.size() ? dt[t] : T(0));
      require_equal(sums.L[t / Q][t % Q], T(before + sums.dt[t / Q][t % Q] * A));
    }
  }));
}

// The inter-chunk term alone (boostr's fourth stage) lacks what the chunk's own steps add.
TEST(Ssd, InterChunkTermAloneIsTheOutputOfTheEnteringState) {
  EXPECT_TRUE(holds([] {
    const SsdHead<T> head = draw_head({3, 1, 2}, false);
    const SsdCumsum<T> sums = ssd_chunk_cumsum(head.dt, head.A, 3);
    const SsdChunk<T> chunk{head, 0, 3, sums.dt[0], sums.L[0]};
    SsdHead<T> silent = head;
    for (auto& row : silent.B) row.assign(2, T(0));
    for (std::size_t l = 0; l < 3; ++l)
      require_equal(ssd_chunk_scan(chunk, {}, head.initial[0], l, 0), ssd_recurrence(silent).y[l][0]);
  }));
}

}  // namespace
}  // namespace exactscan::spec::test
