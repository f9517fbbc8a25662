// The copy engine (TMA): one thread moves a box of a tensor between global and shared memory.
//
// Why not cp.async for all: a multiprocessor serves its threads' loads in order, so that what the window asks
// for waits behind a tile's copies. On an H100 that costs a fifth of the speed (bench/RESULTS-cuda.md).
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include "cuda/device/pipeline.cuh"

namespace exactscan::cuda {

// How a box lies in shared memory: as it is, or in lines of 128 bytes (aligned to 1024) in which the 16-byte
// chunk c of line l is at place c ^ l % 8.
enum class Permutation { none, lines_of_128_bytes };

// A tensor of four dimensions, the first contiguous, and a box of it. Sizes count elements; strides too.
struct TensorShape {
  std::int64_t sizes[4], strides[3];
  int box[4];
  Permutation permutation = Permutation::none;
};

// Whether the engine can address it: 16-byte multiples, positive strides, boxes of at most 256 a side.
template <class E>
bool is_tensor(const void* data, const TensorShape& t) {
  constexpr std::int64_t n = 16 / sizeof(E);
  bool good = reinterpret_cast<std::uintptr_t>(data) % 16 == 0 && t.box[0] % n == 0;
  for (int i = 0; i < 4; ++i)
    good = good && t.sizes[i] >= 1 && t.sizes[i] < (std::int64_t{1} << 31) && t.box[i] <= 256;
  for (int i = 0; i < 3; ++i)
    good = good && (t.sizes[i + 1] == 1 ||
                    (t.strides[i] % n == 0 && t.strides[i] > 0 && t.strides[i] < (std::int64_t{1} << 35)));
  return good;
}

// The engine's description of a tensor, made by the driver. False: there is no such driver, or it refuses.
template <class E>
bool describe_tensor(CUtensorMap& map, const void* data, const TensorShape& t) {
  static const auto encode = [] {  // asked once
    void* function = nullptr;
    cudaDriverEntryPointQueryResult found;
    const bool there = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, 12000,
                                                        cudaEnableDefault, &found) == cudaSuccess &&
                       found == cudaDriverEntryPointSuccess;
    return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(there ? function : nullptr);
  }();
  if (!encode) return false;
  cuuint64_t sizes[4], strides[3];
  cuuint32_t box[4], steps[4] = {1, 1, 1, 1};
  for (int i = 0; i < 4; ++i) {
    sizes[i] = static_cast<cuuint64_t>(t.sizes[i]);
    box[i] = static_cast<cuuint32_t>(t.box[i]);
  }
  for (int i = 0; i < 3; ++i)
    strides[i] = t.sizes[i + 1] == 1 ? 16 : static_cast<cuuint64_t>(t.strides[i]) * sizeof(E);
  const auto type = sizeof(E) == 8   ? CU_TENSOR_MAP_DATA_TYPE_UINT64
                    : sizeof(E) == 4 ? CU_TENSOR_MAP_DATA_TYPE_UINT32
                                     : CU_TENSOR_MAP_DATA_TYPE_UINT16;
  return encode(&map, type, 4, const_cast<void*>(data), sizes, strides, box, steps,
                CU_TENSOR_MAP_INTERLEAVE_NONE,
                t.permutation == Permutation::none ? CU_TENSOR_MAP_SWIZZLE_NONE : CU_TENSOR_MAP_SWIZZLE_128B,
                CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE) == CUDA_SUCCESS;
}

struct Corner {
  int c[4];
};

// Begins to bring in the box at `corner`; what lies outside the tensor becomes zero. Completion counts `box`
// bytes at the barrier, which the caller has announced by Barrier::expect.
__device__ inline void tensor_in(void* shared, const CUtensorMap& map, const Corner& corner,
                                 Barrier& barrier) {
  asm volatile(
      "cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%2, %3, %4, "
      "%5}], [%6];" ::"r"(shared_address(shared)),
      "l"(&map), "r"(corner.c[0]), "r"(corner.c[1]), "r"(corner.c[2]), "r"(corner.c[3]),
      "r"(shared_address(&barrier))
      : "memory");
}
// Begins to write a box; what lies outside the tensor is left out. The writers of shared memory have called
// before_tensor_out.
__device__ inline void tensor_out(const CUtensorMap& map, const Corner& corner, const void* shared) {
  asm volatile(
      "cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%1, %2, %3, %4}], [%5];" ::"l"(&map),
      "r"(corner.c[0]), "r"(corner.c[1]), "r"(corner.c[2]), "r"(corner.c[3]), "r"(shared_address(shared))
      : "memory");
}
// Until shared memory has been read by what this thread began.
__device__ inline void wait_for_tensor_out() {
  asm volatile("cp.async.bulk.commit_group;" ::: "memory");
  asm volatile("cp.async.bulk.wait_group.read 0;" ::: "memory");
}

}  // namespace exactscan::cuda
