// The kernel of schedule `slabs` for one kind of scan; device/slabs.cuh says how the work is cut.
#pragma once

#include "cuda/device/launch.hpp"
#include "cuda/device/slabs.cuh"

namespace exactscan::cuda {

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
  S gate = 0, input = 0, h0 = 0, C = 0, D = 0;
  int start = -1;  // the element of the first step of all, before which h0 was the state
  bool reads_out = false;

  // Reads global memory only: the tile need not be there yet.
  template <class Block>
  __device__ SlabSteps(const Slabs<E>& p, const SlabTile& tile, const Segment& own, const Block& block, int s) {
#pragma unroll
    for (int i = 0; i < kStreamsOf<kind>; ++i) streams[i] = block.stage(s, i);
    if constexpr (kind != SlabKind::varying) {
      if (own.left <= 0) return;
      const std::int64_t d = tile.channel + own.channel;
      gate = widen(p.A[d]);
      input = widen(p.B[d]);
      if (kind == SlabKind::constant && p.C) {
        reads_out = true;
        C = widen(p.C[d]);
        if (p.D) D = widen(p.D[d]);
      }
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
  __device__ All all(int at, int before) const {
    return {widen(streams[0][at]), widen(streams[1][at]), at == start ? h0 : widen(streams[2][before])};
  }
};

// Shared memory beside the ring. Scanners and window threads stand in sets of threads that hold each channel
// once: a warp, or width / 32 of them.
template <class S, class T, bool kSums>
struct SlabShared {
  Barriers barriers;
  alignas(16) unsigned char totals[2][kScanners * sizeof(T)];
  alignas(16) unsigned char parts[2][SlabRoles::window * sizeof(T)];
  S own[2][kMostWidth];  // [tile of the block mod 2]
  S carry[kCarries][kMostWidth];
  SlabTile tiles[kMostStages];  // told by the window with the carry
  S sums[kSums ? 2 : 1][2][kSums ? kScanners : 1];  // [tile mod 2][dA, dB][set and channel]
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
  int set;               // threads of a set

  __device__ E* stage(int s, int stream) const {
    return reinterpret_cast<E*>(ring + (s * kStreams + stream) * p.stream_bytes + slab_lead<E>(p.width));
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
    const int elements = p.box_rows * (p.dense ? p.segments * p.width : p.layout.pitch);
    Barrier& full = shared.barriers.full[s];
    full.expect(static_cast<unsigned>(kStreams * p.boxes * elements * static_cast<int>(sizeof(E))));
#pragma unroll
    for (int i = 0; i < kStreams; ++i)
      for (int box = 0; box < p.boxes; ++box)
        tensor_in(stage(s, i) + box * p.box_elements, p.in[i].map, course.corner(p.in[i], box), full);
  }

  template <bool kVector>
  __device__ void tile_in(E* to, const E* from, const SlabTile& tile, std::int64_t time, int mover) {
    if (p.dense)
      return copy_in<E, kVector>(to, from, walk_line(mover, tile.count * p.width, kVector ? kUnit : 1));
    slab_walk<E, kVector>(p, tile, mover, time, [&](int at, std::int64_t there) {
      if constexpr (kVector)
        copy16(to + at, from + there);
      else
        copy1(to + at, from + there);
    });
  }
  template <bool kVector>
  __device__ void tile_out(const E* from, E* to, const SlabTile& tile, int mover) {
    if (p.dense)
      return copy_out<E, kVector>(from, to, walk_line(mover, tile.count * p.width, kVector ? kUnit : 1));
    slab_walk<E, kVector>(p, tile, mover, p.out.time, [&](int at, std::int64_t there) {
      if constexpr (kVector)
        __stcs(reinterpret_cast<int4*>(to + there), *reinterpret_cast<const int4*>(from + at));
      else
        to[there] = from[at];
    });
  }

  template <bool kVector>
  __device__ void move() {
    const int mover = static_cast<int>(threadIdx.x) - SlabRoles::first_mover;
    Course coming(p), going(p);
    auto in = [&](std::int64_t, int s) {
      const SlabTile& tile = coming.tile;
      const bool box = coming.is_box(), whole = !p.dense || tile.count * p.width % kUnit == 0;
      if (box && mover == 0) begin_boxes(coming, s);
#pragma unroll
      for (int i = 0; i < kStreams; ++i) {
        const E* from = coming.at(p.in[i]);
        if (!box) tile_in<kVector>(stage(s, i), from, tile, p.in[i].time, mover);
        // The step before the tile's, of h.
        if (kind == SlabKind::adjoint && i == 2 && tile.time > 0 && mover < tile.width)
          copy1(stage(s, i) + p.layout.at(-1) + mover, from - p.in[i].time + mover);
      }
      coming.next();
      const bool own = !box || kind == SlabKind::adjoint;  // begun by this thread
      return own && (sizeof(E) >= 4 || (kVector && whole && kind != SlabKind::adjoint));
    };
    auto out = [&](std::int64_t, int s) {
      const E* from = stage(s, kOut);
      if (p.layout.split_log) {  // written already
      } else if (!going.is_box()) {
        tile_out<kVector>(from, const_cast<E*>(going.at(p.out)), going.tile, mover);
      } else if (mover == 0) {
        for (int box = 0; box < p.boxes; ++box)
          tensor_out(p.out.map, going.corner(p.out, box), from + box * p.box_elements);
        wait_for_tensor_out();
      }
      going.next();
    };
    move_tiles(shared.barriers, mine, p.stages, in, out);
  }

  // One thread's share of a channel's summaries, `share` at most, from tile `from` to the tile before `to`.
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
    constexpr int kWindow = SlabRoles::window;
    const int slot = static_cast<int>(threadIdx.x) - SlabRoles::first_window, lane = slot & 31;
    const int part = slot / p.width, c = slot - part * p.width, parts = kWindow / p.width;
    auto reads_state = [&](const SlabTile& tile) {
      return !p.own && slot < tile.width && tile.place >= p.window;
    };
    Course course(p);
    Place at, before;  // tile i, and the one whose end it waits for
    StateEntry seen{};
    if (reads_state(course.tile))
      seen = StateEntry::peek(state(course.tile, course.tile.place - p.window, slot));
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
      if (lane < p.width) combined[slot / set * set + c] = v;
      SlabRoles::window_meets();
      course.next();
      StateEntry next{};
      if (i + 1 < mine && reads_state(course.tile))
        next = StateEntry::peek(state(course.tile, course.tile.place - p.window, slot));
      // The block's own state is there when its previous tile is done; else only the place of `carry` must be
      // free.
      const std::int64_t behind = p.own ? 1 : kCarries;
      if (i >= behind) {
        shared.barriers.done[before.stage].wait(before.phase);
        before.next(p.stages);
      }
      if (slot < tile.width) {
        S h = base < 0 ? initial(tile, slot)
              : p.own  ? shared.own[(i + 1) & 1][slot]
                       : StateEntry::await<S>(state(tile, base, slot), seen, launch,
                                              static_cast<unsigned>(base));
        for (int w = 0; w < kWindow / set; ++w) h = combined[w * set + slot].apply(h);
        shared.carry[i % kCarries][slot] = h;
      }
      if (slot == 0) shared.tiles[at.stage] = tile;
      seen = next;
      __syncwarp();
      shared.barriers.carry[at.stage].arrive();
    }
  }

  // Returns what happened from the tile's start to the scanner's first step.
  __device__ T summarize(const Course& course, Place at, int buffer) {
    const int lane = threadIdx.x & 31, group = scanner() / set;
    const SlabTile& tile = course.tile;
    const Segment own = segment_of(p, tile, segment, channel, kSteps);
    T sum;
    const Steps steps(p, tile, own, *this, at.stage);
    shared.barriers.full[at.stage].wait(at.phase);
    if (own.left > 0)
      each_step<E, kind>(
          p.layout, tile, own, [&](int i, int) { return steps.gate_and_input(i); },
          [&](const typename Steps::Step& v, int, int) { sum.step(v.gate, v.input); });
    __syncwarp();
    sum.gate.settle();
    for (int d = p.width; d < 32; d *= 2) {
      const T earlier = shuffle_up(sum, d);
      if (lane >= d) sum = compose(sum, earlier);
    }
    T* totals = reinterpret_cast<T*>(shared.totals[buffer]);
    if (lane >= 32 - p.width) totals[group * set + own.channel] = sum;
    T before = shuffle_up(sum, p.width);
    if (lane < p.width) before = T{};
    team_meets();
    // The first set, which nothing enters, combines the whole tile.
    const int count = group > 0 ? group : p.window > 1 ? kScanners / set : 0;
    T sum_before;
    for (int w = 0; w < count; ++w) sum_before = compose(totals[w * set + own.channel], sum_before);
    if (group > 0) {
      before = compose(before, sum_before);
    } else if (p.window > 1 && scanner() < tile.width) {
      Entry<M>::publish(entries(tile) + tile.place * p.width + own.channel, sum_before, launch);
    }
    return before;
  }

  // Replaces a segment's inputs by results, or writes them, if the layout is split; returns the state behind
  // it.
  __device__ S replace(const SlabTile& tile, const Segment& own, const Steps& steps, int s, S h, S& dA, S& dB) {
    E* shared_out = stage(s, kOut);
    E* out = nullptr;
    if (p.layout.split_log)
      out = const_cast<E*>(p.out.data) + tile.batch * p.out.batch + tile.time * p.out.time + tile.channel +
            own.channel;
    auto put = [&](S x, int at, int row) {
      if (out)
        __stcs(out + row * p.out.time, narrow<E>(x));
      else
        shared_out[at] = narrow<E>(x);
    };
    if constexpr (kind == SlabKind::adjoint) {
      each_step<E, kind>(
          p.layout, tile, own, [&](int at, int before) { return steps.all(at, before); },
          [&](const typename Steps::All& v, int at, int row) {
            h = fused(steps.gate, h, v.dh);
            dA = fused(h, v.h_before, dA);
            dB = fused(h, v.x, dB);
            put(h * steps.input, at, row);
          });
    } else if (kind == SlabKind::constant && steps.reads_out) {
      each_step<E, kind>(
          p.layout, tile, own, [&](int at, int) { return widen(steps.streams[0][at]); },
          [&](S x, int at, int row) {
            h = fused(steps.gate, h, steps.input * x);
            put(fused(steps.C, h, steps.D * x), at, row);
          });
    } else {
      each_step<E, kind>(
          p.layout, tile, own, [&](int at, int) { return steps.gate_and_input(at); },
          [&](const typename Steps::Step& v, int at, int row) {
            h = fused(v.gate, h, v.input);
            put(h, at, row);
          });
    }
    return h;
  }

  // i: the tile's number in the block; buffer: for its sums.
  __device__ void finish(const T& before, Place at, std::int64_t i, int buffer) {
    shared.barriers.carry[at.stage].wait(at.phase);
    const SlabTile& tile = shared.tiles[at.stage];
    const Segment own = segment_of(p, tile, segment, channel, kSteps);
    const Steps steps(p, tile, own, *this, at.stage);
    S h = 0, dA = 0, dB = 0;
    if (own.channel < tile.width) h = before.apply(shared.carry[i % kCarries][own.channel]);
    if (own.left > 0) h = replace(tile, own, steps, at.stage, h, dA, dB);
    const bool last = own.left > 0 && own.left <= kSteps, ends = tile.place == p.tiles - 1;
    if (last && p.own) shared.own[i & 1][own.channel] = h;
    if (last && !p.own && !ends)
      StateEntry::publish(state(tile, tile.place, own.channel), h, launch, static_cast<unsigned>(tile.place));
    if (last && ends && p.h_last) {
      const std::int64_t d = tile.channel + own.channel;
      p.h_last[tile.batch * p.channels + d] = kind == SlabKind::adjoint ? widen(p.A[d]) * h : h;
    }
    __syncwarp();
    if constexpr (kind == SlabKind::adjoint) keep_sums(dA, dB, own.channel, buffer);
  }

  // Adds the warp's sums of every channel and leaves them for write_sums.
  __device__ void keep_sums(S dA, S dB, int channel, int buffer) {
    const int lane = threadIdx.x & 31, at = scanner() / set * set + channel;
    for (int d = p.width; d < 32; d *= 2) {
      const S a = __shfl_down_sync(~0U, dA, d), b = __shfl_down_sync(~0U, dB, d);
      if (lane + d < 32) dA += a, dB += b;
    }
    if (lane < p.width) {
      shared.sums[buffer][0][at] = dA;
      shared.sums[buffer][1][at] = dB;
    }
  }
  // After a barrier behind keep_sums: a tile's sums, for the kernel that adds the tiles.
  __device__ void write_sums(const SlabTile& tile, int buffer) const {
    const int c = scanner();
    if (c >= tile.width) return;
    S sum[2] = {0, 0};
    for (int w = 0; w < kScanners / set; ++w)
      for (int k = 0; k < 2; ++k) sum[k] += shared.sums[buffer][k][w * set + c];
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
    SlabTile written{};  // the last tile that ended
    // The sums of a tile are complete at the first barrier behind its end: in a later summary, if there is one.
    constexpr int kLater = kSlabsBehind + 1;
    int summarized = 0, finished = 0;  
    auto summarize_next = [&](std::int64_t, Place at) {
      const T before = summarize(course, at, summarized & 1);
      course.next();
      if (kind == SlabKind::adjoint && summarized >= kLater) write_sums(written, (summarized - kLater) & 1);
      ++summarized;
      return before;
    };
    auto finish_one = [&](std::int64_t i, Place at, const T& before) {
      finish(before, at, i, finished & 1);
      if (kind == SlabKind::adjoint) {
        written = shared.tiles[at.stage];
        if (i + kLater >= mine) {
          team_meets();
          write_sums(written, finished & 1);
        }
      }
      ++finished;
    };
    scan_tiles<SlabRoles::teams, kSlabsBehind>(shared.barriers, mine, p.stages, summarize_next, finish_one);
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
              scanner() / p.width,
              scanner() % p.width,
              p.width > 32 ? p.width : 32};
  if (threadIdx.x == 0) shared.barriers.init(p.stages, SlabRoles::window);
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
