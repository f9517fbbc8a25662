// What blocks tell each other within a launch: summaries of tiles, and states after tiles.
//
// A message is written once, as 16-byte words that each hold the launch's number: a word is seen whole or not
// at all (PTX: .b128 accesses are single-copy atomic), so that no fence, flag or clearing is needed.
#pragma once

#include "cuda/device/transition.cuh"

namespace exactscan::cuda {

// First word of the scratch. `done` counts the blocks of a launch that have finished.
struct ExchangeHeader {
  unsigned launch;
  unsigned done;
};
constexpr std::size_t kHeaderBytes = 256;

struct alignas(16) Word {
  unsigned long long low, high;
};

__device__ inline void store_word(Word* p, unsigned long long low, unsigned long long high) {
  asm volatile("{.reg .b128 v; mov.b128 v, {%1, %2}; st.relaxed.gpu.global.b128 [%0], v;}" ::"l"(p), "l"(low),
               "l"(high)
               : "memory");
}
__device__ inline Word load_word(const Word* p) {
  Word w;
  asm volatile("{.reg .b128 v; ld.relaxed.gpu.global.b128 v, [%2]; mov.b128 {%0, %1}, v;}"
               : "=l"(w.low), "=l"(w.high)
               : "l"(p)
               : "memory");
  return w;
}

__device__ inline unsigned long long join(unsigned low, unsigned high) {
  return static_cast<unsigned long long>(high) << 32 | low;
}
__device__ inline unsigned upper(unsigned long long x) { return static_cast<unsigned>(x >> 32); }
__device__ inline unsigned lower(unsigned long long x) { return static_cast<unsigned>(x); }

// The summary of a tile. float: {hi, lo, offset, launch}.
template <class M>
struct Entry {
  Word words[1];
  __device__ static void publish(Entry* e, const Transition<float, M>& t, unsigned launch) {
    store_word(&e->words[0], join(__float_as_uint(t.gate.high()), __float_as_uint(t.gate.low())),
               join(__float_as_uint(t.offset), launch));
  }
  __device__ static Entry peek(const Entry* e) { return {{load_word(&e->words[0])}}; }
  __device__ bool ready(unsigned launch) const { return upper(words[0].high) == launch; }
  __device__ Transition<float, M> value() const {
    return {M::of(__uint_as_float(lower(words[0].low)), __uint_as_float(upper(words[0].low))),
            __uint_as_float(lower(words[0].high))};
  }
};

// double: {product, launch}, {offset, launch}.
template <>
struct Entry<Plain<double>> {
  Word words[2];
  __device__ static void publish(Entry* e, const Transition<double, Plain<double>>& t, unsigned launch) {
    store_word(&e->words[0], __double_as_longlong(t.gate.p), launch);
    store_word(&e->words[1], __double_as_longlong(t.offset), launch);
  }
  __device__ static Entry peek(const Entry* e) {
    return {{load_word(&e->words[0]), load_word(&e->words[1])}};
  }
  __device__ bool ready(unsigned launch) const { return words[0].high == launch && words[1].high == launch; }
  __device__ Transition<double, Plain<double>> value() const {
    return {{__longlong_as_double(static_cast<long long>(words[0].low))},
            __longlong_as_double(static_cast<long long>(words[1].low))};
  }
};

template <class Message>
__device__ inline Message await(const Message* p, unsigned launch) {
  Message m = Message::peek(p);
  while (!m.ready(launch)) m = Message::peek(p);
  return m;
}

// The state after tile `tile` of a sequence. Its place is used again by later tiles, so that it names the
// tile.
struct StateEntry {
  Word word;
  __device__ static void publish(StateEntry* e, float h, unsigned launch, unsigned tile) {
    store_word(&e->word, __float_as_uint(h), join(tile, launch));
  }
  __device__ static void publish(StateEntry* e, double h, unsigned launch, unsigned tile) {
    store_word(&e->word, __double_as_longlong(h), join(tile, launch));
  }
  __device__ static StateEntry peek(const StateEntry* e) { return {load_word(&e->word)}; }
  // The state, from `seen` if that was late enough.
  template <class S>
  __device__ static S await(const StateEntry* e, StateEntry seen, unsigned launch, unsigned tile) {
    while (seen.word.high != join(tile, launch)) seen = peek(e);
    if constexpr (sizeof(S) == 8)
      return __longlong_as_double(static_cast<long long>(seen.word.low));
    else
      return __uint_as_float(lower(seen.word.low));
  }
};

// The number of this launch; every block asks before it reports its end.
__device__ inline unsigned launch_number(const ExchangeHeader* header) {
  return *reinterpret_cast<const volatile unsigned*>(&header->launch) + 1;
}

// Called by one thread of every block after the block's last access to messages. The last block ends the
// launch.
__device__ inline void finish_launch(ExchangeHeader* header, unsigned launch) {
  __threadfence();
  if (atomicAdd(&header->done, 1U) + 1 != gridDim.x) return;
  header->done = 0;
  header->launch = launch;
}

}  // namespace exactscan::cuda
