// The scan of affine maps with Thrust, for any device system: CPP, OMP and TBB with a host compiler, CUDA
// with nvcc. One long sequence is an inclusive_scan; many channels are an inclusive_scan_by_key over channels
// laid end to end, whatever their layout in memory.
//
// Composition is associative but not commutative: the operator takes the earlier map first, and Thrust keeps
// that order.
#pragma once

#include <thrust/copy.h>
#include <thrust/execution_policy.h>
#include <thrust/fill.h>
#include <thrust/functional.h>
#include <thrust/iterator/counting_iterator.h>
#include <thrust/iterator/iterator_facade.h>
#include <thrust/iterator/transform_iterator.h>
#include <thrust/scan.h>

#include <cstdint>

namespace exactscan::thrust_kernels {

// h -> a h + b.
template <class S>
struct AffineMap {
  S a, b;
};

// First `first`, then `then`.
template <class S>
struct Compose {
  __host__ __device__ AffineMap<S> operator()(const AffineMap<S>& first, const AffineMap<S>& then) const {
    return {then.a * first.a, then.a * first.b + then.b};
  }
};

// How elements are stored: T in memory, S in arithmetic.
template <class T>
struct Plain {
  using Stored = T;
  using State = T;
  __host__ __device__ static T load(T value) { return value; }
  __host__ __device__ static T store(T value) { return value; }
};

// Element (t, c) is data[t * time_stride + c * channel_stride].
template <class T>
struct Strided {
  T* data;
  std::int64_t time_stride, channel_stride;
  __host__ __device__ T& at(std::int64_t t, std::int64_t c) const {
    return data[t * time_stride + c * channel_stride];
  }
};

template <class Storage>
struct AffineScan {
  using T = typename Storage::Stored;
  using S = typename Storage::State;
  std::int64_t length, channels;
  Strided<const T> a, b;
  const S* initial;  // [channels], or null: zero
  Strided<T> h;
  S* last;  // [channels], or null
};

// Element i of the sequence is step i % length of channel i / length.
struct ChannelOf {
  std::int64_t length;
  __host__ __device__ std::int64_t operator()(std::int64_t i) const { return i / length; }
};

// The map of an element; the first one of a channel already holds the initial state, so that `b` of a
// composition is the state itself.
template <class Storage>
struct LoadMap {
  AffineScan<Storage> scan;
  using S = typename Storage::State;
  __host__ __device__ AffineMap<S> operator()(std::int64_t i) const {
    const std::int64_t c = i / scan.length, t = i % scan.length;
    const S a = Storage::load(scan.a.at(t, c)), b = Storage::load(scan.b.at(t, c));
    if (t == 0 && scan.initial != nullptr) return {a, a * scan.initial[c] + b};
    return {a, b};
  }
};

// Where the state of an element goes; converts to the storage type once.
template <class Storage, bool kExclusive>
struct StateSlot {
  AffineScan<Storage> scan;
  std::int64_t i;
  using S = typename Storage::State;
  __host__ __device__ const StateSlot& operator=(const AffineMap<S>& map) const {
    const std::int64_t c = i / scan.length, t = i % scan.length;
    scan.h.at(t, c) = Storage::store(map.b);
    if (!kExclusive && t == scan.length - 1 && scan.last != nullptr) scan.last[c] = map.b;
    return *this;
  }
};
template <class Storage, bool kExclusive>
struct MakeSlot {
  AffineScan<Storage> scan;
  __host__ __device__ StateSlot<Storage, kExclusive> operator()(std::int64_t i) const { return {scan, i}; }
};

// h[t, c] = a[t, c] h[t-1, c] + b[t, c], h[-1, c] = initial[c]; last[c] = h[length-1, c].
//
// Arithmetic in Storage::State, rounded to nearest (fused only if the compiler fuses); one rounding more
// where Storage narrows. Preconditions: length and channels at least 0, length * channels < 2^63. After no
// steps the last state is the initial one. h may be a or b itself. Order: that of the device system; OMP's
// scan is sequential, TBB's and CUDA's are not.
template <class Policy, class Storage>
void inclusive_affine_scan(const Policy& policy, const AffineScan<Storage>& scan) {
  using S = typename Storage::State;
  const std::int64_t size = scan.length * scan.channels;
  if (scan.length == 0 && scan.last != nullptr) {
    if (scan.initial != nullptr) {
      thrust::copy_n(policy, scan.initial, scan.channels, scan.last);
    } else {
      thrust::fill_n(policy, scan.last, scan.channels, S(0));
    }
  }
  if (size == 0) return;
  const thrust::counting_iterator<std::int64_t> index(0);
  const auto maps = thrust::make_transform_iterator(index, LoadMap<Storage>{scan});
  const auto states = thrust::make_transform_iterator(index, MakeSlot<Storage, false>{scan});
  if (scan.channels == 1) {
    thrust::inclusive_scan(policy, maps, maps + size, states, Compose<S>());
    return;
  }
  const auto keys = thrust::make_transform_iterator(index, ChannelOf{scan.length});
  thrust::inclusive_scan_by_key(policy, keys, keys + size, maps, states, thrust::equal_to<std::int64_t>(),
                                Compose<S>());
}

// The state before each step: h[0, c] = initial[c], then h[t, c] = a[t-1, c] h[t-1, c] + b[t-1, c]. Does not
// set last. Otherwise as inclusive_affine_scan. One channel only: the by-key form would need one initial
// state a key, which exclusive_scan_by_key does not take. Precondition: channels == 1; h overlaps neither a
// nor b.
template <class Policy, class Storage>
void exclusive_affine_scan(const Policy& policy, AffineScan<Storage> scan, typename Storage::State initial) {
  using S = typename Storage::State;
  scan.initial = nullptr;
  const thrust::counting_iterator<std::int64_t> index(0);
  const auto maps = thrust::make_transform_iterator(index, LoadMap<Storage>{scan});
  const auto states = thrust::make_transform_iterator(index, MakeSlot<Storage, true>{scan});
  thrust::exclusive_scan(policy, maps, maps + scan.length, states, AffineMap<S>{S(0), initial}, Compose<S>());
}

}  // namespace exactscan::thrust_kernels
