// The skeleton that the persistent scan kernels share: warps in three roles around a ring of tiles in shared
// memory.
//
//   movers    bring tiles in by asynchronous copies, and take results out (device/tensor_copy.cuh)
//   scanners  summarize a tile, publish the summary, and some tiles later replace its inputs by states; of
//   two
//             teams each takes every other tile, so that one's latencies pass beside the other's
//   window    read other blocks' summaries meanwhile, and combine them to the state that enters a tile
//
// A tile's stage of the ring goes round: movers -> full -> scanners -> done -> movers. `carry` says that the
// entering state is there. Every thread of a role arrives itself: compute-sanitizer follows that, and it
// costs nothing here. All waits are for tiles of this block or of earlier ones, and the blocks are
// co-resident (cooperative launch): the earliest unfinished tile can always go on.
#pragma once

#include "cuda/device/transition.cuh"

namespace exactscan::cuda {

constexpr int kScanners = 256;  // of a team
constexpr int kScanWarps = kScanners / 32;
constexpr int kRingAlignment = 1024;      // the copy engine's permutation depends on the address
constexpr int kSharedLimit = 227 * 1024;  // a block's shared memory, static and dynamic together

enum class Role { scanner, window, mover };

__device__ inline unsigned shared_address(const void* p) {
  return static_cast<unsigned>(__cvta_generic_to_shared(p));
}

// A barrier among the threads of one role. All lanes of a warp must arrive together.
template <int kId, int kCount>
__device__ inline void role_barrier() {
  __syncwarp();
  asm volatile("bar.sync %0, %1;" ::"n"(kId), "n"(kCount) : "memory");
}
template <int kCount>
__device__ inline void role_barrier(int id) {
  __syncwarp();
  asm volatile("bar.sync %0, %1;" ::"r"(id), "n"(kCount) : "memory");
}

// The threads of a block with so many teams of scanners, window threads and movers.
template <int kTeams, int kWindow, int kMovers, int kMostStages>
struct Roles {
  static constexpr int teams = kTeams, window = kWindow, movers = kMovers, most_stages = kMostStages,
                       first_window = kTeams * kScanners, first_mover = first_window + kWindow,
                       threads = first_mover + kMovers;
  static __device__ Role of_thread() {
    return threadIdx.x < first_window  ? Role::scanner
           : threadIdx.x < first_mover ? Role::window
                                       : Role::mover;
  }
  static __device__ int mover() { return static_cast<int>(threadIdx.x) - first_mover; }
  static __device__ void window_meets() { role_barrier<kWindow>(1); }
  static __device__ void movers_meet() { role_barrier<kMovers>(2); }
};
// A scanner's team, and its number there.
__device__ inline int team() { return static_cast<int>(threadIdx.x) / kScanners; }
__device__ inline int scanner() { return static_cast<int>(threadIdx.x) % kScanners; }
__device__ inline void team_meets() { role_barrier<kScanners>(3 + team()); }

// An mbarrier: a phase ends when `count` threads have arrived; arrival releases, waiting acquires.
struct Barrier {
  unsigned long long state;
  __device__ void init(unsigned count) {
    asm volatile("mbarrier.init.shared.b64 [%0], %1;" ::"r"(shared_address(this)), "r"(count) : "memory");
  }
  __device__ void arrive() {
    asm volatile("{.reg .b64 t; mbarrier.arrive.shared.b64 t, [%0];}" ::"r"(shared_address(this)) : "memory");
  }
  // Arrives when the copies that this thread has begun are complete.
  __device__ void arrive_after_copies() {
    asm volatile("cp.async.mbarrier.arrive.noinc.shared.b64 [%0];" ::"r"(shared_address(this)) : "memory");
  }
  // The phase also waits for so many bytes of the copy engine.
  __device__ void expect(unsigned bytes) {
    asm volatile("mbarrier.expect_tx.relaxed.cta.shared::cta.b64 [%0], %1;" ::"r"(shared_address(this)),
                 "r"(bytes)
                 : "memory");
  }
  __device__ void wait(unsigned parity) {
    unsigned over = 0;
    do {
      asm volatile("{.reg .pred p; mbarrier.try_wait.parity.shared.b64 p, [%1], %2; selp.u32 %0, 1, 0, p;}"
                   : "=r"(over)
                   : "r"(shared_address(this)), "r"(parity)
                   : "memory");
    } while (!over);
  }
};

// Makes a thread's writes to shared memory visible to the copy engine.
__device__ inline void before_tensor_out() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

template <class AllRoles>
struct Barriers {
  Barrier full[AllRoles::most_stages], done[AllRoles::most_stages], carry[AllRoles::most_stages];
  // By one thread, before a barrier of the whole block.
  __device__ void init(int stages) {
    for (int s = 0; s < stages; ++s) {
      full[s].init(AllRoles::movers);
      done[s].init(kScanners);
      carry[s].init(AllRoles::window);
    }
  }
};

// A place in the ring: tile i of a block is in stage i mod n, in phase i / n.
struct Place {
  int stage = 0;
  unsigned phase = 0;
  __device__ void next(int stages) { skip(1, stages); }
  __device__ void skip(int tiles, int stages) {
    stage += tiles;
    if (stage >= stages) stage -= stages, phase ^= 1;
  }
};

__device__ inline void copy16(void* to, const void* from) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(shared_address(to)), "l"(from) : "memory");
}
// 2-byte elements have no asynchronous form.
template <class E>
__device__ inline void copy1(E* to, const E* from) {
  if constexpr (sizeof(E) >= 4) {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(shared_address(to)), "l"(from),
                 "n"(sizeof(E))
                 : "memory");
  } else {
    *reinterpret_cast<std::uint16_t*>(to) = *reinterpret_cast<const std::uint16_t*>(from);
  }
}

// How one mover walks a matrix of rows in shared and global memory: `steps` copies of `unit` elements, from
// an own start, with constant strides. The last unit may be cut: `left` is how many elements there are from
// the start on.
struct Walk {
  std::int64_t global, global_step;
  int shared, shared_step, steps, unit, left;
};

// `count` elements that lie side by side, by so many movers.
__device__ inline Walk walk_line(int mover, int movers, int count, int unit) {
  const int first = mover * unit, left = count - first, step = movers * unit;
  return {first, step, first, step, left > 0 ? (left + step - 1) / step : 0, unit, left};
}

template <class E, bool kVector>
__device__ inline void copy_in(E* shared, const E* global, const Walk& w) {
  E* to = shared + w.shared;
  const E* from = global + w.global;
  int left = w.left;
#pragma unroll 8
  for (int i = 0; i < w.steps; ++i) {
    if (!kVector) {
      copy1(to, from);
    } else if (left >= w.unit) {
      copy16(to, from);
    } else {  // not copy16 with fewer bytes: compute-sanitizer takes that for a read of 16
      for (int k = 0; k < left; ++k) copy1(to + k, from + k);
    }
    left -= w.shared_step;
    to += w.shared_step;
    from += w.global_step;
  }
}

template <class E, bool kVector>
__device__ inline void copy_out(const E* shared, E* global, const Walk& w) {
  const E* from = shared + w.shared;
  E* to = global + w.global;
  int left = w.left;
#pragma unroll 8
  for (int i = 0; i < w.steps; ++i) {
    if constexpr (kVector) {
      if (left >= w.unit) {
        __stcs(reinterpret_cast<int4*>(to), *reinterpret_cast<const int4*>(from));
      } else {
        for (int k = 0; k < left; ++k) to[k] = from[k];
      }
      left -= w.shared_step;
    } else {
      *to = *from;
    }
    from += w.shared_step;
    to += w.global_step;
  }
}

// The movers' loop over a block's `tiles` tiles. in(i, stage) begins the copies of tile i and says whether
// this thread's own are asynchronous; out(i, stage) writes its results.
template <class AllRoles, class In, class Out>
__device__ inline void move_tiles(Barriers<AllRoles>& barriers, std::int64_t tiles, int stages, In&& in,
                                  Out&& out) {
  auto begin = [&](std::int64_t i, int stage) {
    if (in(i, stage)) {
      barriers.full[stage].arrive_after_copies();
    } else {
      asm volatile("cp.async.wait_all;" ::: "memory");
      barriers.full[stage].arrive();
    }
  };
  for (int s = 0; s < stages && s < tiles; ++s) begin(s, s);
  Place at;
  for (std::int64_t i = 0; i < tiles; ++i, at.next(stages)) {
    barriers.done[at.stage].wait(at.phase);
    out(i, at.stage);
    if (i + stages < tiles) {
      AllRoles::movers_meet();  // the stage has been read
      begin(i + stages, at.stage);
    }
  }
}

// The scanners' loop of one team. A tile is finished kBehind tiles after its summary: the exchange has that
// time. summarize(i, stage) publishes tile i's summary and returns what finish(i, stage, kept) needs.
template <int kBehind, class AllRoles, class Summarize, class Finish>
__device__ inline void scan_tiles(Barriers<AllRoles>& barriers, std::int64_t tiles, int stages,
                                  Summarize&& summarize, Finish&& finish) {
  if (tiles == 0) return;
  Place at, before;
  decltype(summarize(std::int64_t{0}, 0)) kept[kBehind];
  for (std::int64_t i = 0; i < tiles + kBehind; ++i) {
    auto next = kept[0];
    if (i < tiles) {
      barriers.full[at.stage].wait(at.phase);
      next = summarize(i, at.stage);
      at.next(stages);
    }
    if (i >= kBehind) {
      barriers.carry[before.stage].wait(before.phase);
      finish(i - kBehind, before.stage, kept[kBehind - 1]);
      before_tensor_out();
      barriers.done[before.stage].arrive();
      before.next(stages);
    }
#pragma unroll
    for (int k = kBehind - 1; k > 0; --k) kept[k] = kept[k - 1];
    kept[0] = next;
  }
}

// The loop of one of several teams over its tiles: every kTeams-th one, each finished kBehind of the team's
// tiles after its summary. summarize(i, place) waits until tile i is there, finish(i, place, kept) for its
// carry.
template <int kBehind, class AllRoles, class Summarize, class Finish>
__device__ inline void scan_in_teams(Barriers<AllRoles>& barriers, std::int64_t tiles, int stages,
                                     Summarize&& summarize, Finish&& finish) {
  constexpr int kTeams = AllRoles::teams;
  const int first = team();
  if (tiles <= first) return;
  Place at, before;
  at.skip(first, stages);
  before.skip(first, stages);
  decltype(summarize(std::int64_t{0}, Place{})) kept[kBehind];
  for (std::int64_t i = first; i < tiles + kBehind * kTeams; i += kTeams) {
    auto next = kept[0];
    if (i < tiles) {
      next = summarize(i, at);
      at.skip(kTeams, stages);
    }
    const std::int64_t done = i - kBehind * kTeams;
    if (done >= 0 && done < tiles) {
      finish(done, before, kept[kBehind - 1]);
      before_tensor_out();
      barriers.done[before.stage].arrive();
      before.skip(kTeams, stages);
    }
#pragma unroll
    for (int k = kBehind - 1; k > 0; --k) kept[k] = kept[k - 1];
    kept[0] = next;
  }
}
// Stages that a ring needs: the tiles under way of both teams, and one on its way in.
template <class AllRoles, int kBehind>
constexpr int kLeastStages = AllRoles::teams*(kBehind + 1) + 1;

}  // namespace exactscan::cuda
