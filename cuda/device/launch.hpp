// What the host side hands to the kernels' launchers. Internal.
#pragma once

#include <type_traits>

#include "cuda/affine_scan.hpp"

namespace exactscan::cuda {

// AffineScan and DiagonalSsm in one: `constant` says that A and B, not a, hold the gates.
struct Problem {
  Element type;
  bool constant;
  std::int64_t batch, length, channels;
  const void* A;
  const void* B;
  ConstView a, b;
  View h;
  const void* h0;
  void* h_last;
  Multiplier multiplier;
  int blocks;               // co-resident blocks to use at most
  int processors;           // multiprocessors, 0 if this device lacks what the persistent kernels need
  const void* C = nullptr;  // constant, channels only: out = C*h + D*x instead of h, if there is a C
  const void* D = nullptr;
};

constexpr int kMostBlocks = 256;  // a window thread reads at most two summaries

// Blocks that the persistent kernels may use, at most `limit` if that is positive; 0: this device cannot run
// them.
int blocks_available(int limit);

std::size_t rows_scratch(const Problem& p);
Status launch_rows(const Problem& p, void* scratch, cudaStream_t stream);

std::size_t slabs_scratch(const Problem& p);
Status launch_slabs(const Problem& p, void* scratch, cudaStream_t stream);

// Threads a block and groups of steps in flight; 0: chosen by the number of channels.
struct ChannelsTuning {
  int threads = 0, groups = 0;
};
Status launch_channels(const Problem& p, const ChannelsTuning& tuning, cudaStream_t stream);

// Many channels side by side: part of schedule `channels`. Unsupported: the copy engine cannot address the
// tensors.
bool prefers_columns(const Problem& p);
// Channels and steps of a box; 0: chosen.
struct ColumnsTuning {
  int width = 0, steps = 0;
};
Status launch_columns(const Problem& p, const ColumnsTuning& tuning, cudaStream_t stream);

std::size_t slabs_backward_scratch(const DiagonalSsmBackward& s, int blocks);
Status launch_slabs_backward(const DiagonalSsmBackward& s, int blocks, void* scratch, cudaStream_t stream);

inline bool is_known(Element type) { return static_cast<int>(type) >= 0 && static_cast<int>(type) <= 3; }

// Whether one thread a channel should serve where both schedules could: time too short to cut, or short and
// with enough channels to fill the device. The thresholds are guesses, not measured.
inline bool prefers_channels(std::int64_t batch, std::int64_t length, std::int64_t channels) {
  return length < 64 || (length < 256 && batch * channels >= 65536);
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline Status launched() { return cudaPeekAtLastError() == cudaSuccess ? Status::ok : Status::launch_failed; }

// f(true_type) or f(false_type).
template <class F>
Status choose(bool x, F&& f) {
  return x ? f(std::true_type{}) : f(std::false_type{});
}

// Lets a kernel use so much shared memory.
template <class Kernel>
bool allow_shared(Kernel* kernel, int bytes) {
  return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) == cudaSuccess;
}

// Launches co-resident blocks: they wait for each other.
template <class Kernel, class Arguments>
Status launch_together(Kernel* kernel, Arguments& k, int blocks, int threads, int shared,
                       cudaStream_t stream) {
  if (!allow_shared(kernel, shared)) return Status::unsupported;
  void* arguments[] = {&k};
  if (cudaLaunchCooperativeKernel(kernel, dim3(static_cast<unsigned>(blocks)),
                                  dim3(static_cast<unsigned>(threads)), arguments,
                                  static_cast<std::size_t>(shared), stream) != cudaSuccess)
    return Status::launch_failed;
  return launched();
}

}  // namespace exactscan::cuda
