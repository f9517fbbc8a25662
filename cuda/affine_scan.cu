// Checks arguments and chooses a schedule.
#include "cuda/affine_scan.hpp"

#include <atomic>

#include "cuda/device/launch.hpp"

namespace exactscan::cuda {
namespace {

constexpr int kMostDevices = 64, kSharedNeeded = 227 * 1024;

int ask_blocks(int device) {
  int count = 0, cooperative = 0, shared = 0;
  if (cudaDeviceGetAttribute(&count, cudaDevAttrMultiProcessorCount, device) != cudaSuccess ||
      cudaDeviceGetAttribute(&cooperative, cudaDevAttrCooperativeLaunch, device) != cudaSuccess ||
      cudaDeviceGetAttribute(&shared, cudaDevAttrMaxSharedMemoryPerBlockOptin, device) != cudaSuccess)
    return 0;
  if (!cooperative || shared < kSharedNeeded) return 0;
  return count < kMostBlocks ? count : kMostBlocks;
}

std::size_t state_size(Element type) { return type == Element::f64 ? 8 : 4; }

Problem problem(const AffineScan& s) {
  return {s.type,
          false,
          s.batch,
          s.length,
          s.channels,
          nullptr,
          nullptr,
          s.a,
          s.b,
          s.h,
          s.h0,
          s.h_last,
          s.multiplier,
          blocks_available(s.grid_limit),
          blocks_available(0)};
}
Problem problem(const DiagonalSsm& s) {
  return {s.type,
          true,
          s.batch,
          s.length,
          s.channels,
          s.A,
          s.B,
          {},
          s.x,
          s.h,
          s.h0,
          s.h_last,
          s.multiplier,
          blocks_available(s.grid_limit),
          blocks_available(0),
          s.C,
          s.D};
}

bool time_is_dense(const Problem& p) {
  return (p.constant || p.a.time == 1) && p.b.time == 1 && p.h.time == 1;
}
bool channels_are_dense(const Problem& p) {
  return p.channels == 1 || ((p.constant || p.a.channel == 1) && p.b.channel == 1 && p.h.channel == 1);
}

Schedule choose(const Problem& p, Schedule asked) {
  if (asked != Schedule::automatic) return asked;
  if (p.blocks == 0 || p.C) return Schedule::channels;
  if (time_is_dense(p)) return Schedule::rows;
  if (prefers_columns(p)) return Schedule::channels;
  return channels_are_dense(p) && !prefers_channels(p.batch, p.length, p.channels) ? Schedule::slabs
                                                                                   : Schedule::channels;
}

std::size_t scratch_for(const Problem& p, Schedule schedule) {
  if (p.batch <= 0 || p.channels <= 0 || p.length <= 0) return 0;
  if (schedule == Schedule::rows) return rows_scratch(p);
  if (schedule == Schedule::slabs) return slabs_scratch(p);
  return 0;
}

Status run(const Problem& p, Schedule asked, void* scratch, std::size_t bytes, cudaStream_t stream) {
  if (!is_known(p.type) || p.batch < 0 || p.length < 0 || p.channels < 0) return Status::bad_argument;
  if (p.batch == 0 || p.channels == 0) return Status::ok;
  if (p.length == 0) {
    if (!p.h_last) return Status::ok;
    const std::size_t size = static_cast<std::size_t>(p.batch * p.channels) * state_size(p.type);
    const cudaError_t error = p.h0 ? cudaMemcpyAsync(p.h_last, p.h0, size, cudaMemcpyDeviceToDevice, stream)
                                   : cudaMemsetAsync(p.h_last, 0, size, stream);
    return error == cudaSuccess ? Status::ok : Status::launch_failed;
  }
  if (!p.b.data || !p.h.data || (p.constant ? !p.A || !p.B : !p.a.data)) return Status::bad_argument;
  const Schedule schedule = choose(p, asked);
  if (schedule == Schedule::channels) {
    const Status status = prefers_columns(p) ? launch_columns(p, {}, stream) : Status::unsupported;
    return status == Status::unsupported ? launch_channels(p, {}, stream) : status;
  }
  if (schedule != Schedule::rows && schedule != Schedule::slabs) return Status::bad_argument;
  if (p.blocks == 0 || p.C) return Status::unsupported;
  if (schedule == Schedule::rows ? !time_is_dense(p) : !channels_are_dense(p)) return Status::unsupported;
  if (!scratch || bytes < scratch_for(p, schedule)) return Status::scratch_too_small;
  return schedule == Schedule::rows ? launch_rows(p, scratch, stream) : launch_slabs(p, scratch, stream);
}

template <class Scan>
std::size_t scratch_of(const Scan& s) {
  const Problem p = problem(s);
  return is_known(p.type) ? scratch_for(p, choose(p, s.schedule)) : 0;
}

}  // namespace

int blocks_available(int limit) {
  static std::atomic<int> known[kMostDevices];  // blocks + 1; 0: not asked yet
  int device = 0;
  if (cudaGetDevice(&device) != cudaSuccess || device >= kMostDevices) return 0;
  if (known[device] == 0) known[device] = ask_blocks(device) + 1;
  const int count = known[device] - 1;
  return limit > 0 && limit < count ? limit : count;
}

const char* message(Status status) {
  switch (status) {
    case Status::ok:
      return "ok";
    case Status::bad_argument:
      return "bad argument";
    case Status::scratch_too_small:
      return "scratch too small";
    case Status::unsupported:
      return "schedule not supported for these strides or this device";
    case Status::launch_failed:
      return "launch failed";
  }
  return "unknown status";
}

std::size_t scratch_bytes(const AffineScan& s) { return scratch_of(s); }
std::size_t scratch_bytes(const DiagonalSsm& s) { return scratch_of(s); }

Status init_scratch(void* scratch, std::size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return Status::ok;
  if (!scratch) return Status::bad_argument;
  return cudaMemsetAsync(scratch, 0, bytes, stream) == cudaSuccess ? Status::ok : Status::launch_failed;
}

Status affine_scan(const AffineScan& s, void* scratch, std::size_t bytes, cudaStream_t stream) {
  return run(problem(s), s.schedule, scratch, bytes, stream);
}
Status diagonal_ssm(const DiagonalSsm& s, void* scratch, std::size_t bytes, cudaStream_t stream) {
  return run(problem(s), s.schedule, scratch, bytes, stream);
}

}  // namespace exactscan::cuda
