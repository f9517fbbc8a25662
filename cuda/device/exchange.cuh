// Summaries of tiles, published by one block and read by others in the same launch.
//
// An entry is written once a launch, as 16-byte words that each hold the launch's number: a word is seen whole or not
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
  asm volatile("{.reg .b128 v; mov.b128 v, {%1, %2}; st.relaxed.gpu.global.b128 [%0], v;}" ::"l"(p), "l"(low), "l"(high)
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

__device__ inline unsigned long long join(float low, unsigned high) {
  return static_cast<unsigned long long>(high) << 32 | __float_as_uint(low);
}
__device__ inline unsigned upper(unsigned long long x) { return static_cast<unsigned>(x >> 32); }
__device__ inline float lower_float(unsigned long long x) { return __uint_as_float(static_cast<unsigned>(x)); }

// float: {hi, lo, offset, launch}.
template <class M> struct Entry {
  static constexpr int kWords = 1;
  Word words[1];
  __device__ static void publish(Entry* e, const Transition<float, M>& t, unsigned launch) {
    float hi, lo;
    if constexpr (sizeof(M) == 8) { hi = t.gate.hi, lo = t.gate.lo; } else { hi = t.gate.p, lo = 0; }
    store_word(&e->words[0], join(hi, __float_as_uint(lo)), join(t.offset, launch));
  }
  __device__ static Entry peek(const Entry* e) { return {{load_word(&e->words[0])}}; }
  __device__ bool ready(unsigned launch) const { return upper(words[0].high) == launch; }
  __device__ Transition<float, M> value() const {
    Transition<float, M> t;
    if constexpr (sizeof(M) == 8) {
      t.gate.hi = lower_float(words[0].low);
      t.gate.lo = __uint_as_float(upper(words[0].low));
    } else {
      t.gate.p = lower_float(words[0].low);
    }
    t.offset = lower_float(words[0].high);
    return t;
  }
};

// double: {product, launch}, {offset, launch}.
template <> struct Entry<Plain<double>> {
  static constexpr int kWords = 2;
  Word words[2];
  __device__ static void publish(Entry* e, const Transition<double, Plain<double>>& t, unsigned launch) {
    store_word(&e->words[0], __double_as_longlong(t.gate.p), launch);
    store_word(&e->words[1], __double_as_longlong(t.offset), launch);
  }
  __device__ static Entry peek(const Entry* e) { return {{load_word(&e->words[0]), load_word(&e->words[1])}}; }
  __device__ bool ready(unsigned launch) const { return words[0].high == launch && words[1].high == launch; }
  __device__ Transition<double, Plain<double>> value() const {
    return {{__longlong_as_double(static_cast<long long>(words[0].low))},
            __longlong_as_double(static_cast<long long>(words[1].low))};
  }
};

// The number of this launch; every block asks before it reports its end.
__device__ inline unsigned launch_number(const ExchangeHeader* header) {
  return *reinterpret_cast<const volatile unsigned*>(&header->launch) + 1;
}

// Called by one thread of every block after the block's last access to entries. The last block ends the launch.
__device__ inline void finish_launch(ExchangeHeader* header, unsigned launch) {
  __threadfence();
  if (atomicAdd(&header->done, 1U) + 1 != gridDim.x) return;
  header->done = 0;
  header->launch = launch;
}

// Asynchronous copies from global to shared memory.
__device__ inline unsigned shared_address(const void* p) { return static_cast<unsigned>(__cvta_generic_to_shared(p)); }
// 16 bytes, of which the first `valid` are read and the rest is zero.
__device__ inline void copy16(void* to, const void* from, int valid) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared_address(to)), "l"(from), "r"(valid) : "memory");
}
// One element, or zero. 2-byte elements have no asynchronous form.
template <class E> __device__ inline void copy_element(E* to, const E* from, bool valid) {
  if constexpr (sizeof(E) >= 4) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(shared_address(to)), "l"(from), "n"(sizeof(E)),
                 "r"(valid ? static_cast<int>(sizeof(E)) : 0)
                 : "memory");
  } else {
    *reinterpret_cast<std::uint16_t*>(to) = valid ? *reinterpret_cast<const std::uint16_t*>(from) : std::uint16_t{0};
  }
}
__device__ inline void copy_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
template <int kLeft> __device__ inline void copy_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(kLeft) : "memory"); }

}  // namespace exactscan::cuda
