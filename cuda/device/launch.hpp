// What the host side hands to the kernels' launchers. Internal.
#pragma once

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
  int blocks;  // co-resident blocks to use at most
};

constexpr int kMostBlocks = 160;  // one thread reads one entry of the window

std::size_t rows_scratch(const Problem& p);
Status launch_rows(const Problem& p, void* scratch, cudaStream_t stream);

std::size_t slabs_scratch(const Problem& p);
Status launch_slabs(const Problem& p, void* scratch, cudaStream_t stream);

// Threads a block and groups of steps in flight; 0: chosen by the number of channels.
struct ChannelsTuning {
  int threads = 0, groups = 0;
};
Status launch_channels(const Problem& p, const ChannelsTuning& tuning, cudaStream_t stream);

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) { return (a + b - 1) / b; }
inline Status launched() { return cudaPeekAtLastError() == cudaSuccess ? Status::ok : Status::launch_failed; }

}  // namespace exactscan::cuda
