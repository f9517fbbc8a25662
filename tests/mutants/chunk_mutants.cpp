// Defects at the boundaries of chunks: each chunk is summarized, carries are handed on, chunks are scanned.
#include <cmath>

#include "tests/mutants/lists.hpp"

namespace exactscan::mutants {
namespace {

constexpr std::int64_t kChunk = 16;

struct Map {
  float a = 1, b = 0;
};

// The places where a defect is planted; each default is right.
struct Parts {
  // The map of steps [from, to).
  std::function<Map(const Channel&, std::int64_t, std::int64_t)> summarize;
  // The state before chunk k, from the states before chunks 0 … k - 1 and the chunks' maps.
  std::function<float(const std::vector<float>&, const std::vector<Map>&, std::int64_t)> carry;
  // Scans steps [from, to) from a state.
  std::function<void(Channel&, std::int64_t, std::int64_t, float)> scan;
};

Map summarize(const Channel& c, std::int64_t from, std::int64_t to) {
  Map m;
  for (std::int64_t t = from; t < to; ++t) {
    const auto i = static_cast<std::size_t>(t);
    m = {c.a[i] * m.a, c.a[i] * m.b + c.b[i]};
  }
  return m;
}
float carry(const std::vector<float>& before, const std::vector<Map>& maps, std::int64_t k) {
  const auto i = static_cast<std::size_t>(k) - 1;
  return maps[i].a * before[i] + maps[i].b;
}
void scan(Channel& c, std::int64_t from, std::int64_t to, float state) {
  for (std::int64_t t = from; t < to; ++t) {
    const auto i = static_cast<std::size_t>(t);
    c.h[i] = state = c.a[i] * state + c.b[i];
  }
}
Parts clean() { return {summarize, carry, scan}; }

void run_chunks(Channel& c, const Parts& parts) {
  std::vector<Map> maps;
  std::vector<float> before{c.initial};
  for (std::int64_t t = 0; t < c.length(); t += kChunk)
    maps.push_back(parts.summarize(c, t, std::min(t + kChunk, c.length())));
  for (std::int64_t k = 0, t = 0; t < c.length(); ++k, t += kChunk) {
    if (k > 0) before.push_back(parts.carry(before, maps, k));
    parts.scan(c, t, std::min(t + kChunk, c.length()), before[static_cast<std::size_t>(k)]);
  }
  if (c.length() > 0) c.last = c.h.back();
}

void plant_parts(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                 Parts parts) {
  plant(list, name, defect, evidence, [parts = std::move(parts)](Channel& c) { run_chunks(c, parts); });
}
void plant_carry(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                 decltype(Parts::carry) planted) {
  Parts parts = clean();
  parts.carry = std::move(planted);
  plant_parts(list, name, defect, evidence, std::move(parts));
}
void plant_scan(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                decltype(Parts::scan) planted) {
  Parts parts = clean();
  parts.scan = std::move(planted);
  plant_parts(list, name, defect, evidence, std::move(parts));
}

using States = std::vector<float>;
using Maps = std::vector<Map>;

void add_carries(std::vector<Mutant>& list) {
  plant_carry(list, "carry_dropped_once", "one chunk, the third, starts from zero", "vLLM 22034",
              [](const States& s, const Maps& m, std::int64_t k) { return k == 2 ? 0 : carry(s, m, k); });
  plant_carry(list, "carry_one_chunk_old",
              "each chunk but the first two starts from the carry of the chunk before",
              "triton 8695, fla 638: pipelined tile", [](const States& s, const Maps& m, std::int64_t k) {
                return k > 1 ? s[static_cast<std::size_t>(k) - 1] : carry(s, m, k);
              });
  plant_carry(list, "leaving_state_enters", "a chunk starts from the state after it", "boostr, four stages",
              [](const States& s, const Maps& m, std::int64_t k) {
                const float entering = carry(s, m, k);
                const Map& own = m[static_cast<std::size_t>(k)];
                return own.a * entering + own.b;
              });
  plant_carry(list, "carry_not_propagated", "a chunk sees the chunk before it alone",
              "transformers 34817, 47246", [](const States& s, const Maps& m, std::int64_t k) {
                return k == 1 ? carry(s, m, k) : m[static_cast<std::size_t>(k) - 1].b;
              });
  plant_carry(list, "carry_in_bf16", "carries are stored as bfloat16", "mamba_ssm: state dtype",
              [](const States& s, const Maps& m, std::int64_t k) {
                return impl::to_state(impl::from_state<impl::BFloat16>(carry(s, m, k)));
              });
  plant_carry(
      list, "carry_twice", "the initial state is added again at the second chunk", "probe: double count",
      [](const States& s, const Maps& m, std::int64_t k) { return carry(s, m, k) + (k == 1 ? s[0] : 0); });
  plant_carry(list, "stale_summary",
              "the carry into the fourth chunk uses the multiplier of the chunk before",
              "mamba 997: stale tile", [](const States& s, const Maps& m, std::int64_t k) {
                return k == 3 ? m[1].a * s[2] + m[2].b : carry(s, m, k);
              });
}

void add_steps(std::vector<Mutant>& list) {
  Parts swapped = clean();
  swapped.summarize = [](const Channel& c, std::int64_t from, std::int64_t to) {
    Map m;
    for (std::int64_t t = from; t < to; ++t) {
      const auto i = static_cast<std::size_t>(t);
      m = {c.a[i] * m.a, m.a * c.b[i] + m.b};
    }
    return m;
  };
  plant_parts(list, "composed_in_reverse", "summaries compose the later map first",
              "probe: commuted operator", swapped);
  Parts shortened = clean();
  shortened.summarize = [](const Channel& c, std::int64_t from, std::int64_t to) {
    return summarize(c, from, to - 1);
  };
  plant_parts(list, "summary_lacks_a_step", "summaries leave out the last step of their chunk",
              "probe: off by one", shortened);
  Parts repeated = clean();
  repeated.summarize = [](const Channel& c, std::int64_t from, std::int64_t to) {
    return summarize(c, from == 0 ? 0 : from - 1, to);
  };
  plant_parts(list, "summary_repeats_a_step", "summaries begin with the last step of the chunk before",
              "boostr: window shifted by one", repeated);
  Parts logs = clean();
  logs.summarize = [](const Channel& c, std::int64_t from, std::int64_t to) {
    Map m = summarize(c, from, to);
    float sum = 0, before = 0;
    for (std::int64_t t = 0; t < to; ++t) {
      sum += std::log(std::fabs(c.a[static_cast<std::size_t>(t)]));
      if (t < from) before = sum;
    }
    m.a = std::copysign(std::exp(sum - before), m.a);
    return m;
  };
  plant_parts(
      list, "decay_from_log_difference",
      "a chunk's multiplier is exp of a difference of cumulative logarithms, under a contract of products",
      "mamba_ssm, dA_cumsum", logs);
}

void add_scans(std::vector<Mutant>& list) {
  plant_scan(list, "first_step_lost", "the first step of the third chunk is skipped", "probe: lost step",
             [](Channel& c, std::int64_t from, std::int64_t to, float state) {
               if (from != 2 * kChunk) return scan(c, from, to, state);
               c.h[static_cast<std::size_t>(from)] = state;
               scan(c, from + 1, to, state);
             });
  plant_scan(list, "ragged_tail_without_carry", "a last chunk that is not full starts from zero",
             "mamba_ssm bb3a82a, fla 794", [](Channel& c, std::int64_t from, std::int64_t to, float state) {
               scan(c, from, to, to - from < kChunk && from > 0 ? 0 : state);
             });
  plant_scan(list, "ragged_tail_unwritten", "a last chunk that is not full is not computed",
             "fla 1135: masks", [](Channel& c, std::int64_t from, std::int64_t to, float state) {
               if (to - from == kChunk) scan(c, from, to, state);
             });
  plant_scan(list, "chunk_without_inner_states",
             "a chunk's rows hold its entering state, decayed, without its own inputs",
             "boostr: diagonal term omitted",
             [](Channel& c, std::int64_t from, std::int64_t to, float state) {
               if (from != kChunk) return scan(c, from, to, state);
               for (std::int64_t t = from; t < to; ++t) {
                 const auto i = static_cast<std::size_t>(t);
                 c.h[i] = state = c.a[i] * state;
               }
             });
}

}  // namespace

void chunked(Channel& c) { run_chunks(c, clean()); }

void add_chunk_mutants(std::vector<Mutant>& list) {
  add_carries(list);
  add_steps(list);
  add_scans(list);
}

}  // namespace exactscan::mutants
