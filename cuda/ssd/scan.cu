// The whole SSD forward: cuts time into segments where there are too few heads for the device, and then takes
// the states through them.
#include "cuda/ssd/problem.cuh"

namespace exactscan::cuda::ssd {
namespace {

// A segment's own states become those that enter it.
__global__ void passing_kernel(const __grid_constant__ Problem p) {
  const Scan& s = p.s;
  const i64 size = states_size(s), i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const i64 head = i / (s.width * s.states), heads = s.batch * s.heads;
  float state = s.initial ? s.initial[i] : 0.0f;
  for (int k = 0; k < p.segments; ++k) {
    float& own = p.entering[k * size + i];
    const float next = k + 1 < p.segments ? fmaf(exp2_fast(p.logs[k * heads + head]), state, own) : 0.0f;
    own = state;
    state = next;
  }
}

struct Shape {
  int chunk, units, resident;  // steps, units a block, blocks a multiprocessor
};
Shape shape_of(const Scan& s) {
  if (s.type == Storage::bf16) return {64, bf16_units(), 1};
  return {32, f32_units(), 1};
}

bool valid(const Scan& s) {
  return s.batch >= 0 && s.length >= 0 && s.heads >= 0 && s.width >= 0 && s.states >= 0 && s.groups >= 1 &&
         s.heads % s.groups == 0 && s.segments >= 0;
}

Problem plan(const Scan& s) {
  const Shape shape = shape_of(s);
  Problem p = describe(s, shape.chunk, shape.units);
  i64 wanted = s.segments;
  if (wanted == 0) {  // two blocks a place, and at least four chunks a segment, so that the first pass pays
    int device = 0, processors = 0;
    if (cudaGetDevice(&device) != cudaSuccess ||
        cudaDeviceGetAttribute(&processors, cudaDevAttrMultiProcessorCount, device) != cudaSuccess)
      processors = 1;
    const i64 blocks = s.batch * s.groups * p.blocks_per_group;
    const i64 places = static_cast<i64>(processors) * shape.resident;
    wanted = blocks == 0 || blocks * 2 > places ? 1 : (2 * places + blocks - 1) / blocks;
    const i64 most = p.chunks / 4 > 0 ? p.chunks / 4 : 1;
    if (wanted > most) wanted = most;
  }
  if (wanted > p.chunks) wanted = p.chunks > 0 ? p.chunks : 1;
  p.per_segment = (p.chunks + wanted - 1) / wanted;
  p.segments = p.per_segment > 0 ? static_cast<int>((p.chunks + p.per_segment - 1) / p.per_segment) : 1;
  return p;
}
std::size_t states_bytes(const Problem& p) {
  const Scan& s = p.s;
  return static_cast<std::size_t>(p.segments * s.batch * s.heads * s.width * s.states) * sizeof(float);
}

}  // namespace

std::size_t scratch_bytes(const Scan& s) {
  if (!valid(s) || s.batch == 0 || s.heads == 0 || s.width == 0) return 0;
  const Problem p = plan(s);
  if (p.segments == 1) return 0;
  return states_bytes(p) + static_cast<std::size_t>(p.segments * s.batch * s.heads) * sizeof(float);
}

Status scan(const Scan& s, void* scratch, std::size_t bytes, cudaStream_t stream) {
  if (!valid(s)) return Status::bad_argument;
  if (s.batch == 0 || s.heads == 0 || s.width == 0) return Status::ok;
  if (s.states > 128) return Status::unsupported;
  if (!s.A || (s.length > 0 && (!s.x || !s.dt || !s.y || (s.states > 0 && (!s.B || !s.C)))))
    return Status::bad_argument;
  Problem p = plan(s);
  const auto launch = s.type == Storage::f32 ? launch_f32 : launch_bf16;
  if (p.segments == 1) return launch(p, true, stream);
  if (!scratch || bytes < scratch_bytes(s)) return Status::bad_argument;
  p.entering = static_cast<float*>(scratch);
  p.logs = p.entering + states_bytes(p) / sizeof(float);
  const Status first = launch(p, false, stream);
  if (first != Status::ok) return first;
  const i64 blocks = (s.batch * s.heads * s.width * s.states + 255) / 256;
  if (blocks > 0x7fffffff) return Status::unsupported;
  if (blocks > 0) passing_kernel<<<static_cast<unsigned>(blocks), 256, 0, stream>>>(p);
  if (cudaGetLastError() != cudaSuccess) return Status::launch_failed;
  return launch(p, true, stream);
}

}  // namespace exactscan::cuda::ssd
