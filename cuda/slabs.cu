// Schedule `slabs`: channels lie side by side, and there are too few of them to fill the device with one thread each.
//
// A slab is up to 32 neighbouring channels of one batch entry; it is cut in time, a tile being 256/C segments of a
// fixed number of steps, one thread a channel and segment. W blocks share a slab; tile k belongs to block k mod W. As
// in rows.cu, the carry into tile k comes from the block's own state after tile k-W and the summaries of the W-1
// tiles between, published before the previous tile is finished. With W = 1 nothing is exchanged.
#include "cuda/device/exchange.cuh"
#include "cuda/device/launch.hpp"

namespace exactscan::cuda {
namespace {

constexpr int kThreads = 256, kWarps = kThreads / 32, kStages = 3, kEarly = 4;

template <class E> struct Slabs {
  const E* A;
  const E* B;
  const E* a;
  const E* b;
  E* h;
  const State<E>* h0;
  State<E>* h_last;
  std::int64_t length, channels, tiles;  // tiles: of one slab
  std::int64_t a_batch, a_time, b_batch, b_time, h_batch, h_time;
  int slabs_per_batch, sharing;  // sharing: W
  ExchangeHeader* header;
  void* entries;
};

template <class E, int C> struct Shape {
  static constexpr int steps = sizeof(E) == 8 ? 16 : 32;  // a thread's steps
  static constexpr int segments = kThreads / C;
  static constexpr int tile = segments * steps;           // steps of a tile
  static constexpr int pad = C < 32 ? C : 0;              // keeps a warp's segments in different banks
  static constexpr int elements = segments * (steps * C + pad);
  __device__ static int place(int step, int c) { return step * C + step / steps * pad + c; }
};

__device__ inline bool aligned16(const void* p, std::int64_t stride_bytes) {
  return ((reinterpret_cast<std::uintptr_t>(p) | static_cast<std::uintptr_t>(stride_bytes)) & 15) == 0;
}

template <class E, int C> constexpr bool kVectors = C * sizeof(E) >= 16 && Shape<E, C>::pad * sizeof(E) % 16 == 0;

// Copies `count` steps of `width` channels from global memory, zero elsewhere.
template <class E, int C> __device__ void load_tile(E* shared, const E* global, std::int64_t stride, int count, int width) {
  using Size = Shape<E, C>;
  if constexpr (kVectors<E, C>) {
    constexpr int n = 16 / sizeof(E), units = C / n;
    if (width == C && aligned16(global, stride * static_cast<std::int64_t>(sizeof(E)))) {
#pragma unroll
      for (int i = threadIdx.x; i < Size::tile * units; i += kThreads) {
        const int step = i / units, c = i % units * n;
        const bool valid = step < count;
        copy16(shared + Size::place(step, c), valid ? global + step * stride + c : global, valid ? 16 : 0);
      }
      return;
    }
  }
#pragma unroll 8
  for (int i = threadIdx.x; i < Size::tile * C; i += kThreads) {
    const int step = i / C, c = i % C;
    const bool valid = step < count && c < width;
    copy_element(shared + Size::place(step, c), valid ? global + step * stride + c : global, valid);
  }
}

template <class E, int C> __device__ void store_tile(const E* shared, E* global, std::int64_t stride, int count, int width) {
  using Size = Shape<E, C>;
  if constexpr (kVectors<E, C>) {
    constexpr int n = 16 / sizeof(E), units = C / n;
    if (width == C && aligned16(global, stride * static_cast<std::int64_t>(sizeof(E)))) {
#pragma unroll
      for (int i = threadIdx.x; i < Size::tile * units; i += kThreads) {
        const int step = i / units, c = i % units * n;
        if (step < count)
          __stcs(reinterpret_cast<int4*>(global + step * stride + c),
                 *reinterpret_cast<const int4*>(shared + Size::place(step, c)));
      }
      return;
    }
  }
  for (int i = threadIdx.x; i < Size::tile * C; i += kThreads) {
    const int step = i / C, c = i % C;
    if (step < count && c < width) global[step * stride + c] = shared[Size::place(step, c)];
  }
}

template <class E, int C, bool kConstant, class M>
__global__ void __launch_bounds__(kThreads, 1) scan_slabs(const __grid_constant__ Slabs<E> p) {
  using S = State<E>;
  using T = Transition<S, M>;
  using Size = Shape<E, C>;
  constexpr int kStreams = kConstant ? 1 : 2;
  extern __shared__ __align__(128) unsigned char ring_bytes[];
  __shared__ __align__(16) unsigned char total_bytes[2 * kWarps * C * sizeof(T)], part_bytes[kWarps * C * sizeof(T)];
  T* totals = reinterpret_cast<T*>(total_bytes);
  T* parts = reinterpret_cast<T*>(part_bytes);

  const int c = threadIdx.x % C, segment = threadIdx.x / C, warp = threadIdx.x / 32, lane = threadIdx.x & 31;
  const std::int64_t W = p.sharing, slab = blockIdx.x / W, batch = slab / p.slabs_per_batch;
  const std::int64_t channel = (slab - batch * p.slabs_per_batch) * C;
  const int width = static_cast<int>(p.channels - channel < C ? p.channels - channel : C);
  const bool mine = c < width;
  const std::int64_t state_at = batch * p.channels + channel + c;
  Entry<M>* entries = static_cast<Entry<M>*>(p.entries) + slab * p.tiles * C + c;
  const int share = static_cast<int>((W - 1 + Size::segments - 1) / Size::segments);  // entries a thread combines
  const unsigned launch = launch_number(p.header);
  const S h0 = mine && p.h0 ? p.h0[state_at] : S(0);
  const S gate = kConstant && mine ? widen(p.A[channel + c]) : S(0);
  const S input = kConstant && mine ? widen(p.B[channel + c]) : S(0);

  auto stage = [&](int s, int stream) { return reinterpret_cast<E*>(ring_bytes) + (s * kStreams + stream) * Size::elements; };
  auto count_of = [&](std::int64_t k) {
    const std::int64_t left = p.length - k * Size::tile;
    return static_cast<int>(left < Size::tile ? left : Size::tile);
  };
  auto request = [&](std::int64_t k, int s) {
    if (k < p.tiles) {
      const std::int64_t t = k * Size::tile;
      if constexpr (!kConstant)
        load_tile<E, C>(stage(s, 0), p.a + batch * p.a_batch + channel + t * p.a_time, p.a_time, count_of(k), width);
      load_tile<E, C>(stage(s, kStreams - 1), p.b + batch * p.b_batch + channel + t * p.b_time, p.b_time, count_of(k), width);
    }
    copy_commit();
  };
  auto a_of = [&](const E* a, int at) { return kConstant ? gate : widen(a[at]); };
  auto b_of = [&](const E* b, int at) { return kConstant ? input * widen(b[at]) : widen(b[at]); };

  const std::int64_t w0 = blockIdx.x - slab * W;
  request(w0, 0);
  request(w0 + W, 1);
  S own = 0;         // the channel's state after this block's last finished tile
  T before, total;   // of the pending tile: up to this segment, and whole
  int s = 0, s_before = 2;
  for (std::int64_t k = w0, i = 0; k < p.tiles + W; k += W, ++i) {
    const bool live = k < p.tiles, pending = i > 0;
    const std::int64_t kp = k - W, from = kp - W + 1 + static_cast<std::int64_t>(segment) * share;
    auto wanted = [&](int m) { return pending && mine && m < share && from + m >= 0 && from + m < kp; };
    Entry<M> seen[kEarly];
#pragma unroll
    for (int m = 0; m < kEarly; ++m)
      if (wanted(m)) seen[m] = Entry<M>::peek(entries + (from + m) * C);

    T next_before, next_total;
    if (live) {
      copy_wait<1>();
      __syncthreads();
      const E* a = stage(s, 0);
      const E* b = stage(s, kStreams - 1);
      T sum;
      if (k == 0 && segment == 0) sum.offset = h0;
      const int at = Size::place(segment * Size::steps, c);
#pragma unroll
      for (int j = 0; j < Size::steps; ++j) sum.step(a_of(a, at + j * C), b_of(b, at + j * C));
      sum.gate.settle();
#pragma unroll
      for (int d = C; d < 32; d *= 2) {
        const T earlier = shuffle_up(sum, d);
        if (lane >= d) sum = compose(sum, earlier);
      }
      if (lane >= 32 - C) totals[((i & 1) * kWarps + warp) * C + c] = sum;
      if constexpr (C < 32) {
        next_before = shuffle_up(sum, C);
        if (lane < C) next_before = T{};
      }
    }
    __syncthreads();
    if (live) {
      T entering;
#pragma unroll
      for (int w = 0; w < kWarps; ++w) {
        if (w == warp) entering = next_total;
        next_total = compose(totals[((i & 1) * kWarps + w) * C + c], next_total);
      }
      next_before = compose(next_before, entering);
      if (segment == 0 && W > 1) Entry<M>::publish(entries + k * C, next_total, launch);
    }
    if (pending) {
      S carry = kp < W ? S(0) : own;
      if (W > 1) {
        T v;
#pragma unroll
        for (int m = 0; m < kEarly; ++m) {
          if (!wanted(m)) continue;
          while (!seen[m].ready(launch)) seen[m] = Entry<M>::peek(entries + (from + m) * C);
          v = compose(seen[m].value(), v);
        }
        for (int m = kEarly; m < share; ++m) {
          if (!wanted(m)) continue;
          Entry<M> e = Entry<M>::peek(entries + (from + m) * C);
          while (!e.ready(launch)) e = Entry<M>::peek(entries + (from + m) * C);
          v = compose(e.value(), v);
        }
        __syncwarp();
#pragma unroll
        for (int d = C; d < 32; d *= 2) v = compose(shuffle_down(v, d), v);  // in order for the lanes that are kept
        if (lane < C) parts[warp * C + c] = v;
        __syncthreads();
        for (int w = 0; w < kWarps; ++w) carry = parts[w * C + c].apply(carry);
      }
      S h = kp == 0 && segment == 0 ? h0 : before.apply(carry);
      own = total.apply(carry);
      const E* a = stage(s_before, 0);
      E* b = stage(s_before, kStreams - 1);
      const int at = Size::place(segment * Size::steps, c), valid = count_of(kp) - segment * Size::steps;
      const bool ends = kp == p.tiles - 1;
#pragma unroll
      for (int j = 0; j < Size::steps; ++j) {
        h = fused(a_of(a, at + j * C), h, b_of(b, at + j * C));
        b[at + j * C] = narrow<E>(h);
        if (ends && j == valid - 1 && mine && p.h_last) p.h_last[state_at] = h;
      }
      __syncthreads();
      store_tile<E, C>(b, p.h + batch * p.h_batch + channel + kp * Size::tile * p.h_time, p.h_time, count_of(kp), width);
      __syncthreads();
    }
    request(k + 2 * W, s_before);
    before = next_before;
    total = next_total;
    s_before = s;
    s = s == kStages - 1 ? 0 : s + 1;
  }
  __syncthreads();
  if (threadIdx.x == 0 && W > 1) finish_launch(p.header, launch);
}

int slab_width(std::int64_t channels) { return channels > 16 ? 32 : channels > 8 ? 16 : channels > 4 ? 8 : 4; }
int slab_steps(Element type, int c) { return kThreads / c * (type == Element::f64 ? 16 : 32); }

template <class E, int C, bool kConstant, class M>
Status launch(const Problem& p, void* scratch, cudaStream_t stream) {
  using Size = Shape<E, C>;
  const std::int64_t per_batch = ceil_div(p.channels, C), slabs = per_batch * p.batch, tiles = ceil_div(p.length, Size::tile);
  if (slabs > 0x7fffffff) return Status::unsupported;
  std::int64_t sharing = p.blocks / slabs;
  sharing = sharing < 1 ? 1 : (sharing > tiles ? tiles : sharing);
  Slabs<E> k{static_cast<const E*>(p.A), static_cast<const E*>(p.B), static_cast<const E*>(p.a.data),
             static_cast<const E*>(p.b.data), static_cast<E*>(p.h.data), static_cast<const State<E>*>(p.h0),
             static_cast<State<E>*>(p.h_last), p.length, p.channels, tiles, p.a.batch, p.a.time, p.b.batch, p.b.time,
             p.h.batch, p.h.time, static_cast<int>(per_batch), static_cast<int>(sharing),
             static_cast<ExchangeHeader*>(scratch), static_cast<char*>(scratch) + kHeaderBytes};
  const int shared = kStages * (kConstant ? 1 : 2) * Size::elements * static_cast<int>(sizeof(E));
  auto* kernel = scan_slabs<E, C, kConstant, M>;
  if (cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, shared) != cudaSuccess)
    return Status::unsupported;
  const dim3 grid(static_cast<unsigned>(slabs * sharing));
  void* arguments[] = {&k};
  const cudaError_t error = sharing > 1
                                ? cudaLaunchCooperativeKernel(kernel, grid, dim3(kThreads), arguments, shared, stream)
                                : cudaLaunchKernel(kernel, grid, dim3(kThreads), arguments, shared, stream);
  return error == cudaSuccess ? launched() : Status::launch_failed;
}

template <class E, bool kConstant, class M> Status launch_width(const Problem& p, void* scratch, cudaStream_t stream) {
  switch (slab_width(p.channels)) {
    case 4: return launch<E, 4, kConstant, M>(p, scratch, stream);
    case 8: return launch<E, 8, kConstant, M>(p, scratch, stream);
    case 16: return launch<E, 16, kConstant, M>(p, scratch, stream);
    default: return launch<E, 32, kConstant, M>(p, scratch, stream);
  }
}

template <class E, class M> Status launch_any(const Problem& p, void* scratch, cudaStream_t stream) {
  return p.constant ? launch_width<E, true, M>(p, scratch, stream) : launch_width<E, false, M>(p, scratch, stream);
}

}  // namespace

std::size_t slabs_scratch(const Problem& p) {
  const int c = slab_width(p.channels);
  const std::int64_t entries = ceil_div(p.channels, c) * c * p.batch * ceil_div(p.length, slab_steps(p.type, c));
  const std::size_t entry = p.type == Element::f64 ? sizeof(Entry<Plain<double>>) : sizeof(Entry<Pair>);
  return kHeaderBytes + static_cast<std::size_t>(entries) * entry;
}

Status launch_slabs(const Problem& p, void* scratch, cudaStream_t stream) {
  switch (p.type) {
    case Element::f32: return launch_any<float, Pair>(p, scratch, stream);
    case Element::f64: return launch_any<double, Plain<double>>(p, scratch, stream);
    case Element::bf16: return launch_any<__nv_bfloat16, Pair>(p, scratch, stream);
    case Element::f16: return launch_any<__half, Pair>(p, scratch, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
