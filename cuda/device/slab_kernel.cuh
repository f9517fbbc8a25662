// The kernel of schedule `slabs` for one kind of scan; device/slabs.cuh says how the work is cut.
#pragma once

#include "cuda/device/launch.hpp"
#include "cuda/device/slabs.cuh"

namespace exactscan::cuda {

// Where a scanner stands in a tile: what happened from the tile's start to its first step.
template <class T>
struct SlabKept {
  SlabTile tile;
  bool ends;
  T before;
};

// What a scanner reads for its steps in a tile.
template <class E, SlabKind kind>
struct SlabSteps {
  using S = State<E>;
  struct Step {
    S gate, input;
  };
  struct All {
    S dh, x, h_before;
  };
  const E* streams[kStreamsOf<kind>];
  S gate = 0, input = 0, h0 = 0;
  int width, start = -1;  // start: the element of the first step of all, before which h0 was the state

  template <class Block>
  __device__ SlabSteps(const Slabs<E>& p, const SlabTile& tile, const Segment& own, const Block& block, int s)
      : width(p.width) {
#pragma unroll
    for (int i = 0; i < kStreamsOf<kind>; ++i) streams[i] = block.stage(s, i);
    if constexpr (kind != SlabKind::varying) {
      const std::int64_t d = tile.channel + own.channel;
      gate = widen(p.A[d]);
      input = widen(p.B[d]);
      if (kind == SlabKind::adjoint && tile.time == 0) {
        start = own.channel;
        if (p.h0) h0 = p.h0[tile.batch * p.channels + d];
      }
    }
  }
  // Of the recurrence h = gate*h + input.
  __device__ Step gate_and_input(int at) const {
    if constexpr (kind == SlabKind::varying)
      return {widen(streams[0][at]), widen(streams[1][at])};
    else if constexpr (kind == SlabKind::constant)
      return {gate, input * widen(streams[0][at])};
    else
      return {gate, widen(streams[0][at])};
  }
  __device__ All all(int at) const {
    return {widen(streams[0][at]), widen(streams[1][at]), at == start ? h0 : widen(streams[2][at - width])};
  }
};

// Shared memory beside the ring.
template <class S, class T, bool kSums>
struct SlabShared {
  Barriers<SlabRoles> barriers;
  alignas(16) unsigned char totals[2][kScanWarps * kMostWidth * sizeof(T)];
  alignas(16) unsigned char parts[2][SlabRoles::window / 32 * kMostWidth * sizeof(T)];
  S own[SlabRoles::most_stages][kMostWidth];
  S carry[SlabRoles::most_stages][kMostWidth];
  S sums[kSums ? 2 : 1][2][kSums ? kScanWarps : 1][kMostWidth];  // [tile mod 2][dA, dB][warp][channel]
};

template <class E, SlabKind kind, class M>
struct SlabBlock {
  using S = State<E>;
  using T = Transition<S, M>;
  using Course = SlabCourse<E, kReversed<kind>>;
  static constexpr int kStreams = kStreamsOf<kind>, kSteps = kStepsOf<E, kind>, kUnit = 16 / sizeof(E);
  static constexpr int kOut = kind == SlabKind::varying ? 1 : 0;  // the stream that results replace
  const Slabs<E>& p;
  using Shared = SlabShared<S, T, kind == SlabKind::adjoint>;
  using Steps = SlabSteps<E, kind>;
  Shared& shared;
  unsigned char* ring;
  unsigned launch;
  std::int64_t mine;     // tiles of this block
  int segment, channel;  // a scanner's

  __device__ E* stage(int s, int stream) const {
    const int bytes = slab_stream_bytes<E>(p.width, p.steps);
    return reinterpret_cast<E*>(ring + (s * kStreams + stream) * bytes + slab_lead<E>(p.width));
  }
  __device__ Entry<M>* entries(const SlabTile& tile) const {
    return static_cast<Entry<M>*>(p.entries) + tile.slab * p.tiles * p.width;
  }
  __device__ StateEntry* state(const SlabTile& tile, std::int64_t place, int channel) const {
    const unsigned slots = 2 * static_cast<unsigned>(p.window), slot = static_cast<unsigned>(place) % slots;
    return reinterpret_cast<StateEntry*>(p.states) + (tile.slab * slots + slot) * p.width + channel;
  }
  __device__ S initial(const SlabTile& tile, int channel) const {
    if (kind == SlabKind::adjoint || !p.h0) return 0;
    return p.h0[tile.batch * p.channels + tile.channel + channel];
  }

  __device__ void begin_boxes(const Course& course, int s) {
    const int elements = p.box_rows * (p.dense ? p.segments * p.width : p.width);
    Barrier& full = shared.barriers.full[s];
    full.expect(static_cast<unsigned>(kStreams * p.boxes * elements * static_cast<int>(sizeof(E))));
#pragma unroll
    for (int i = 0; i < kStreams; ++i)
      for (int box = 0; box < p.boxes; ++box)
        tensor_in(stage(s, i) + box * elements, p.in[i].map, course.corner(box), full);
  }

  template <bool kVector>
  __device__ void move() {
    const int mover = SlabRoles::mover();
    Course coming(p), going(p);
    auto in = [&](std::int64_t, int s) {
      const SlabTile& tile = coming.tile;
      const bool box = coming.is_box(), whole = !p.dense || tile.count * p.width % kUnit == 0;
      if (box && mover == 0) begin_boxes(coming, s);
#pragma unroll
      for (int i = 0; i < kStreams; ++i) {
        const E* from = coming.at(p.in[i]);
        if (!box) copy_in<E, kVector>(stage(s, i), from, slab_walk(p, tile, mover, p.in[i].time));
        // The step before the tile's, of h.
        if (kind == SlabKind::adjoint && i == 2 && tile.time > 0 && mover < tile.width)
          copy1(stage(s, i) - p.width + mover, from - p.in[i].time + mover);
      }
      coming.next();
      const bool own = !box || kind == SlabKind::adjoint;  // begun by this thread
      return own && (sizeof(E) >= 4 || (kVector && whole && kind != SlabKind::adjoint));
    };
    auto out = [&](std::int64_t, int s) {
      if (!going.is_box()) {
        copy_out<E, kVector>(stage(s, kOut), const_cast<E*>(going.at(p.out)),
                             slab_walk(p, going.tile, mover, p.out.time));
      } else if (mover == 0) {
        const int elements = p.box_rows * (p.dense ? p.segments * p.width : p.width);
        for (int box = 0; box < p.boxes; ++box)
          tensor_out(p.out.map, going.corner(box), stage(s, kOut) + box * elements);
        wait_for_tensor_out();
      }
      going.next();
    };
    move_tiles(shared.barriers, mine, p.stages, in, out);
  }

  // One lane's share of a channel's summaries, `share` at most, from tile `from` to the tile before `to`.
  __device__ T combine(const Entry<M>* e, std::int64_t from, std::int64_t to, int share) const {
    constexpr int kAhead = 8;  // reads in flight
    T v{};
    for (int done = 0; done < share; done += kAhead, from += kAhead) {
      Entry<M> seen[kAhead];
#pragma unroll
      for (int m = 0; m < kAhead; ++m)
        if (from + m < to) seen[m] = Entry<M>::peek(e + (from + m) * p.width);
#pragma unroll
      for (int m = 0; m < kAhead; ++m) {
        if (done + m >= share) break;
        if (from + m >= to) continue;
        if (!seen[m].ready(launch)) seen[m] = await(e + (from + m) * p.width, launch);
        v = compose(seen[m].value(), v);
      }
    }
    return v;
  }

  __device__ void watch() {
    const int slot = static_cast<int>(threadIdx.x) - kScanners, warp = slot / 32, lane = slot & 31;
    const int part = slot / p.width, c = slot - part * p.width, parts = SlabRoles::window / p.width;
    auto reads_state = [&](const SlabTile& tile) {
      return !p.own && slot < tile.width && tile.place >= p.window;
    };
    Course course(p);
    Place at, before;  // tile i, and the one whose end it waits for
    StateEntry seen{};
    if (reads_state(course.tile))
      seen = StateEntry::peek(state(course.tile, course.tile.place - p.window, c));
    for (std::int64_t i = 0; i < mine; ++i, at.next(p.stages)) {
      const SlabTile tile = course.tile;
      const std::int64_t base = tile.place - p.window, from = base < 0 ? 0 : base + 1;
      const int share = (static_cast<int>(tile.place - from) + parts - 1) / parts;
      T* combined = reinterpret_cast<T*>(shared.parts[i & 1]);
      T v{};
      if (c < tile.width && part < parts) {
        const std::int64_t begin = from + part * share, end = begin + share;
        v = combine(entries(tile) + c, begin, end < tile.place ? end : tile.place, share);
      }
      __syncwarp();
      for (int d = p.width; d < 32; d *= 2) {  // in order: to the first lane of every channel
        const T later = shuffle_down(v, d);
        if (lane + d < 32) v = compose(later, v);
      }
      if (lane < p.width) combined[warp * kMostWidth + c] = v;
      SlabRoles::window_meets();
      course.next();
      StateEntry next{};
      if (i + 1 < mine && reads_state(course.tile))
        next = StateEntry::peek(state(course.tile, course.tile.place - p.window, c));
      // The block's own state is there when its previous tile is done; else only the place of `carry` must be
      // free.
      const std::int64_t behind = p.own ? 1 : p.stages;
      if (i >= behind) {
        shared.barriers.done[before.stage].wait(before.phase);
        before.next(p.stages);
      }
      if (slot < tile.width) {
        S h = base < 0 ? initial(tile, c)
              : p.own  ? shared.own[at.stage == 0 ? p.stages - 1 : at.stage - 1][c]
                      : StateEntry::await<S>(state(tile, base, c), seen, launch, static_cast<unsigned>(base));
        for (int w = 0; w < SlabRoles::window / 32; ++w) h = combined[w * kMostWidth + c].apply(h);
        shared.carry[at.stage][c] = h;
      }
      seen = next;
      __syncwarp();
      shared.barriers.carry[at.stage].arrive();
    }
  }

  __device__ SlabKept<T> summarize(const Course& course, int s, int buffer) {
    const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    SlabKept<T> kept{course.tile, course.ends(), {}};
    const Segment own = segment_of(p, kept.tile, segment, channel, kSteps);
    T sum;
    if (own.left > 0) {
      const Steps steps(p, kept.tile, own, *this, s);
      each_step<E, kind>(
          p, kept.tile, own, [&](int at) { return steps.gate_and_input(at); },
          [&](const typename Steps::Step& v, int) { sum.step(v.gate, v.input); });
    }
    __syncwarp();
    sum.gate.settle();
    for (int d = p.width; d < 32; d *= 2) {
      const T earlier = shuffle_up(sum, d);
      if (lane >= d) sum = compose(sum, earlier);
    }
    T* totals = reinterpret_cast<T*>(shared.totals[buffer]);
    if (lane >= 32 - p.width) totals[warp * kMostWidth + own.channel] = sum;
    kept.before = shuffle_up(sum, p.width);
    if (lane < p.width) kept.before = T{};
    role_barrier<3, kScanners>();
    // The first warp, which nothing enters, combines the whole tile.
    const int count = warp > 0 ? warp : p.window > 1 ? kScanWarps : 0;
    T sum_before;
    for (int w = 0; w < count; ++w) sum_before = compose(totals[w * kMostWidth + own.channel], sum_before);
    if (warp > 0) {
      kept.before = compose(kept.before, sum_before);
    } else if (p.window > 1 && lane < kept.tile.width) {
      Entry<M>::publish(entries(kept.tile) + kept.tile.place * p.width + own.channel, sum_before, launch);
    }
    return kept;
  }

  // Replaces a segment's inputs by results; returns the state behind it.
  __device__ S replace(const SlabKept<T>& kept, const Segment& own, int s, S h, S& dA, S& dB) {
    const Steps steps(p, kept.tile, own, *this, s);
    E* out = stage(s, kOut);
    if constexpr (kind == SlabKind::adjoint) {
      each_step<E, kind>(
          p, kept.tile, own, [&](int at) { return steps.all(at); },
          [&](const typename Steps::All& v, int at) {
            h = fused(steps.gate, h, v.dh);
            dA = fused(h, v.h_before, dA);
            dB = fused(h, v.x, dB);
            out[at] = narrow<E>(h * steps.input);
          });
    } else {
      each_step<E, kind>(
          p, kept.tile, own, [&](int at) { return steps.gate_and_input(at); },
          [&](const typename Steps::Step& v, int at) {
            h = fused(v.gate, h, v.input);
            out[at] = narrow<E>(h);
          });
    }
    return h;
  }

  __device__ void finish(const SlabKept<T>& kept, int s, int buffer) {
    const SlabTile& tile = kept.tile;
    const Segment own = segment_of(p, tile, segment, channel, kSteps);
    S h = 0, dA = 0, dB = 0;
    if (own.channel < tile.width) h = kept.before.apply(shared.carry[s][own.channel]);
    if (own.left > 0) h = replace(kept, own, s, h, dA, dB);
    const bool last = own.left > 0 && own.left <= kSteps;
    if (last && p.own) shared.own[s][own.channel] = h;
    if (last && !p.own && !kept.ends)
      StateEntry::publish(state(tile, tile.place, own.channel), h, launch, static_cast<unsigned>(tile.place));
    if (last && kept.ends && p.h_last) {
      const std::int64_t d = tile.channel + own.channel;
      p.h_last[tile.batch * p.channels + d] = kind == SlabKind::adjoint ? widen(p.A[d]) * h : h;
    }
    __syncwarp();
    if constexpr (kind == SlabKind::adjoint) keep_sums(dA, dB, own.channel, buffer);
  }

  // Adds the warp's sums of every channel and leaves them for write_sums.
  __device__ void keep_sums(S dA, S dB, int channel, int buffer) {
    const int warp = threadIdx.x / 32, lane = threadIdx.x & 31;
    for (int d = p.width; d < 32; d *= 2) {
      const S a = __shfl_down_sync(~0U, dA, d), b = __shfl_down_sync(~0U, dB, d);
      if (lane + d < 32) dA += a, dB += b;
    }
    if (lane < p.width) {
      shared.sums[buffer][0][warp][channel] = dA;
      shared.sums[buffer][1][warp][channel] = dB;
    }
  }
  // After a barrier behind keep_sums: a tile's sums, for the kernel that adds the tiles.
  __device__ void write_sums(const SlabTile& tile, int buffer) const {
    const int c = static_cast<int>(threadIdx.x);
    if (c >= tile.width) return;
    S sum[2] = {0, 0};
    for (int w = 0; w < kScanWarps; ++w)
      for (int k = 0; k < 2; ++k) sum[k] += shared.sums[buffer][k][w][c];
    const std::int64_t at = (tile.slab * p.tiles + tile.place) * p.width + c;
    if constexpr (sizeof(S) == 8) {  // words of scratch never look like messages: the upper half is 0
      p.sums[2 * at] = {static_cast<unsigned long long>(__double_as_longlong(sum[0])), 0};
      p.sums[2 * at + 1] = {static_cast<unsigned long long>(__double_as_longlong(sum[1])), 0};
    } else {
      p.sums[at] = {join(__float_as_uint(sum[0]), __float_as_uint(sum[1])), 0};
    }
  }

  __device__ void scan() {
    Course course(p);
    SlabTile written{};
    // The sums of a tile are complete at the first barrier behind its end: in a later summary, if there is
    // one.
    constexpr int kLater = kSlabsBehind + 1;
    auto summarize_next = [&](std::int64_t i, int s) {
      if (i > 0) course.next();
      const SlabKept<T> kept = summarize(course, s, static_cast<int>(i & 1));
      if (kind == SlabKind::adjoint && i >= kLater) write_sums(written, static_cast<int>((i - kLater) & 1));
      return kept;
    };
    auto finish_one = [&](std::int64_t i, int s, const SlabKept<T>& kept) {
      finish(kept, s, static_cast<int>(i & 1));
      if constexpr (kind != SlabKind::adjoint) return;
      written = kept.tile;
      if (i + kLater < mine) return;
      role_barrier<3, kScanners>();
      write_sums(written, static_cast<int>(i & 1));
    };
    scan_tiles<kSlabsBehind>(shared.barriers, mine, p.stages, summarize_next, finish_one);
  }
};

template <class E, SlabKind kind, class M>
__global__ void __launch_bounds__(SlabRoles::threads, 1) scan_slabs(const __grid_constant__ Slabs<E> p) {
  using Block = SlabBlock<E, kind, M>;
  extern __shared__ __align__(128) unsigned char ring[];
  __shared__ typename Block::Shared shared;
  Block block{p,
              shared,
              ring,
              launch_number(p.header),
              (p.tiles * p.slabs - blockIdx.x + gridDim.x - 1) / gridDim.x,
              static_cast<int>(threadIdx.x) / p.width,
              static_cast<int>(threadIdx.x) % p.width};
  if (threadIdx.x == 0) shared.barriers.init(p.stages);
  __syncthreads();
  switch (SlabRoles::of_thread()) {
    case Role::mover:
      p.vector ? block.template move<true>() : block.template move<false>();
      break;
    case Role::window:
      block.watch();
      break;
    case Role::scanner:
      block.scan();
      break;
  }
  __syncthreads();
  if (threadIdx.x == 0) finish_launch(p.header, block.launch);
}

}  // namespace exactscan::cuda
