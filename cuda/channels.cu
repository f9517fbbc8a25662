// Schedule `channels`: one thread a channel (or a pair of 16-bit channels), sequential in time. Exactly the
// fused sequential recurrence. Threads keep a deep ring of steps in flight in shared memory, each its own
// slots, so that no barrier is needed; a group of kStep steps is one asynchronous copy group.
#include "cuda/device/launch.hpp"
#include "cuda/device/pipeline.cuh"

namespace exactscan::cuda {
namespace {

constexpr int kStep = 8;

template <class E>
struct Channels {
  const E* A;
  const E* B;
  const E* C;
  const E* D;
  const E* a;
  const E* b;
  E* h;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, channels, total;  // total: batch * channels
  std::int64_t a_batch, a_time, a_channel, b_batch, b_time, b_channel, h_batch, h_time, h_channel;
};

// The unit a thread copies: one element, or two neighbouring 16-bit channels.
template <class E, int kWide>
struct alignas(sizeof(E) * kWide) Unit {
  E e[kWide];
};

template <class U>
__device__ void copy_unit(U* to, const U* from) {
  if constexpr (sizeof(U) >= 4)
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(shared_address(to)), "l"(from),
                 "n"(sizeof(U))
                 : "memory");
}

// One thread's channels: where it reads and writes, and its state.
template <class E, int kWide, bool kConstant>
struct Walk {
  using S = State<E>;
  using U = Unit<E, kWide>;
  const E* a;
  const E* b;
  E* h;
  S state[kWide], gate[kWide], input[kWide], out[kWide], skip[kWide];
  bool reads_out;

  __device__ Walk(const Channels<E>& p, std::int64_t first) {
    const std::int64_t n = first / p.channels, d = first - n * p.channels;
    a = p.a + n * p.a_batch + d * p.a_channel;
    b = p.b + n * p.b_batch + d * p.b_channel;
    h = p.h + n * p.h_batch + d * p.h_channel;
    reads_out = kConstant && p.C;
#pragma unroll
    for (int w = 0; w < kWide; ++w) {
      state[w] = p.h0 ? p.h0[first + w] : S(0);
      gate[w] = kConstant ? widen(p.A[d + w]) : S(0);
      input[w] = kConstant ? widen(p.B[d + w]) : S(0);
      out[w] = reads_out ? widen(p.C[d + w]) : S(0);
      skip[w] = reads_out && p.D ? widen(p.D[d + w]) : S(0);
    }
  }
  __device__ void advance(const U& ua, const U& ub, std::int64_t step) {
    U unit;
#pragma unroll
    for (int w = 0; w < kWide; ++w) {
      const S ga = kConstant ? gate[w] : widen(ua.e[w]);
      const S in = kConstant ? input[w] * widen(ub.e[w]) : widen(ub.e[w]);
      state[w] = fused(ga, state[w], in);
      unit.e[w] =
          narrow<E>(kConstant && reads_out ? fused(out[w], state[w], skip[w] * widen(ub.e[w])) : state[w]);
    }
    *reinterpret_cast<U*>(h) = unit;
    h += step;
  }
};

// kGroups groups of kStep steps are in the ring, all but one of them in flight.
template <class E, int kWide, bool kConstant, int kGroups>
__global__ void scan_channels(const __grid_constant__ Channels<E> p) {
  using U = Unit<E, kWide>;
  constexpr bool kAsync = sizeof(U) >= 4;
  constexpr int kStreams = kConstant ? 1 : 2;
  extern __shared__ __align__(16) unsigned char ring_bytes[];
  const std::int64_t first = (static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x) * kWide;
  if (first >= p.total) return;
  Walk<E, kWide, kConstant> walk(p, first);
  U* ring = reinterpret_cast<U*>(ring_bytes) + threadIdx.x;  // [group][step][stream][thread]
  auto slot = [&](int group, int step, int stream) {
    return ring + ((group * kStep + step) * kStreams + stream) * static_cast<int>(blockDim.x);
  };
  const std::int64_t full = p.length / kStep;
  std::int64_t requested = 0;
  auto request = [&](int group) {
    if (requested < full) {
#pragma unroll
      for (int s = 0; s < kStep; ++s) {
        if constexpr (!kConstant) {
          copy_unit(slot(group, s, 0), reinterpret_cast<const U*>(walk.a));
          walk.a += p.a_time;
        }
        copy_unit(slot(group, s, kStreams - 1), reinterpret_cast<const U*>(walk.b));
        walk.b += p.b_time;
      }
      ++requested;
    }
    asm volatile("cp.async.commit_group;" ::: "memory");
  };
  auto fetch = [&](U& ua, U& ub) {
    if constexpr (!kConstant) {
      ua = *reinterpret_cast<const U*>(walk.a);
      walk.a += p.a_time;
    }
    ub = *reinterpret_cast<const U*>(walk.b);
    walk.b += p.b_time;
  };
  if constexpr (kAsync)
    for (int g = 0; g < kGroups - 1; ++g) request(g);
  int at = 0;
  for (std::int64_t i = 0; i < full; ++i) {
    U ua[kStep]{}, ub[kStep];
    if constexpr (kAsync) {
      request((at + kGroups - 1) % kGroups);
      asm volatile("cp.async.wait_group %0;" ::"n"(kGroups - 1) : "memory");
#pragma unroll
      for (int s = 0; s < kStep; ++s) {
        if constexpr (!kConstant) ua[s] = *slot(at, s, 0);
        ub[s] = *slot(at, s, kStreams - 1);
      }
      at = (at + 1) % kGroups;
    } else {
#pragma unroll
      for (int s = 0; s < kStep; ++s) fetch(ua[s], ub[s]);
    }
#pragma unroll
    for (int s = 0; s < kStep; ++s) walk.advance(ua[s], ub[s], p.h_time);
  }
  for (std::int64_t t = full * kStep; t < p.length; ++t) {
    U ua{}, ub;
    fetch(ua, ub);
    walk.advance(ua, ub, p.h_time);
  }
  if (p.h_last) {
#pragma unroll
    for (int w = 0; w < kWide; ++w) p.h_last[first + w] = walk.state[w];
  }
}

template <class E, int kWide, bool kConstant, int kGroups>
Status launch(const Channels<E>& k, int threads, cudaStream_t stream) {
  constexpr int kStreams = kConstant ? 1 : 2;
  const bool async = sizeof(E) * kWide >= 4;
  const int shared = async ? kGroups * kStep * kStreams * threads * static_cast<int>(sizeof(E)) * kWide : 0;
  auto* kernel = scan_channels<E, kWide, kConstant, kGroups>;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const std::int64_t blocks = ceil_div(ceil_div(k.total, kWide), threads);
  if (blocks > 0x7fffffff) return Status::unsupported;
  kernel<<<static_cast<unsigned>(blocks), static_cast<unsigned>(threads), shared, stream>>>(k);
  return launched();
}

// Measured on an H100 (bench/RESULTS-cuda.md): wide blocks for many channels, one warp a block for few.
template <class E, int kWide, bool kConstant>
Status launch_depth(const Channels<E>& k, const ChannelsTuning& tuning, cudaStream_t stream) {
  const std::int64_t units = ceil_div(k.total, kWide);
  int threads = tuning.threads, groups = tuning.groups;
  if (threads == 0) threads = units >= 96 * 100 ? 96 : 32;
  if (groups == 0) groups = threads > 32 ? 8 : 32;
  if (sizeof(E) * kWide == 8 && !kConstant && groups > 8) groups /= 2;
  if (groups == 8) return launch<E, kWide, kConstant, 8>(k, threads, stream);
  if (groups == 16) return launch<E, kWide, kConstant, 16>(k, threads, stream);
  return launch<E, kWide, kConstant, 32>(k, threads, stream);
}

template <class E>
Status launch_type(const Problem& p, const ChannelsTuning& tuning, cudaStream_t stream) {
  const Channels<E> k{static_cast<const E*>(p.A),
                      static_cast<const E*>(p.B),
                      static_cast<const E*>(p.C),
                      static_cast<const E*>(p.D),
                      static_cast<const E*>(p.a.data),
                      static_cast<const E*>(p.b.data),
                      static_cast<E*>(p.h.data),
                      static_cast<const State<E>*>(p.h0),
                      static_cast<State<E>*>(p.h_last),
                      p.length,
                      p.channels,
                      p.batch * p.channels,
                      p.a.batch,
                      p.a.time,
                      p.a.channel,
                      p.b.batch,
                      p.b.time,
                      p.b.channel,
                      p.h.batch,
                      p.h.time,
                      p.h.channel};
  if constexpr (sizeof(E) == 2) {
    auto even = [](const void* data, std::int64_t batch, std::int64_t time, std::int64_t channel) {
      return reinterpret_cast<std::uintptr_t>(data) % 4 == 0 && batch % 2 == 0 && time % 2 == 0 &&
             channel == 1;
    };
    const bool wide = p.channels % 2 == 0 && even(k.b, k.b_batch, k.b_time, k.b_channel) &&
                      even(k.h, k.h_batch, k.h_time, k.h_channel) &&
                      (p.constant || even(k.a, k.a_batch, k.a_time, k.a_channel));
    if (wide)
      return p.constant ? launch_depth<E, 2, true>(k, tuning, stream)
                        : launch_depth<E, 2, false>(k, tuning, stream);
  }
  return p.constant ? launch_depth<E, 1, true>(k, tuning, stream)
                    : launch_depth<E, 1, false>(k, tuning, stream);
}

}  // namespace

Status launch_channels(const Problem& p, const ChannelsTuning& tuning, cudaStream_t stream) {
  switch (p.type) {
    case Element::f32:
      return launch_type<float>(p, tuning, stream);
    case Element::f64:
      return launch_type<double>(p, tuning, stream);
    case Element::bf16:
      return launch_type<__nv_bfloat16>(p, tuning, stream);
    case Element::f16:
      return launch_type<__half>(p, tuning, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
