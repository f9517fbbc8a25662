// Launches the slab kernel for a plan.
#pragma once

#include "cuda/device/slab_kernel.cuh"
#include "cuda/device/slab_plan.hpp"

namespace exactscan::cuda {

template <class E, SlabKind kind, class M>
Status launch_slab_kernel(Slabs<E> k, int blocks, cudaStream_t stream) {
  const int stage = kStreamsOf<kind> * slab_stream_bytes<E>(k.width, k.steps);
  const int room = kSharedLimit - static_cast<int>(sizeof(typename SlabBlock<E, kind, M>::Shared)) - 1024;
  k.stages = room / stage < SlabRoles::most_stages ? room / stage : SlabRoles::most_stages;
  const std::int64_t tiles = k.tiles * k.slabs;
  if (k.slabs > 0x7fffffff || k.tiles > 0x7fffffff || k.stages < kLeastStages<SlabRoles, kSlabsBehind>)
    return Status::unsupported;
  return launch_together(scan_slabs<E, kind, M>, k, static_cast<int>(tiles < blocks ? tiles : blocks),
                         SlabRoles::threads, k.stages * stage, stream);
}

}  // namespace exactscan::cuda
