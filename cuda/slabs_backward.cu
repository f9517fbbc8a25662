// Schedule `slabs`, backward: one pass from the end of time reads dh, x and h and writes dx; a second, small
// kernel adds the tiles' sums of dA and dB in order.
#include "cuda/device/slab_launch.cuh"

namespace exactscan::cuda {
namespace {

constexpr int kSumThreads = 128;

template <class E>
Slabs<E> plan(const DiagonalSsmBackward& s, int blocks) {
  const ConstView streams[] = {s.dh, s.x, s.h};
  Slabs<E> k = plan_slabs<E, SlabKind::adjoint>(streams, s.dx, s.batch, s.length, s.channels, blocks);
  k.A = static_cast<const E*>(s.A);
  k.B = static_cast<const E*>(s.B);
  k.h0 = static_cast<const State<E>*>(s.h0);
  k.h_last = static_cast<State<E>*>(s.dh0);
  return k;
}

// One warp a channel: lanes add every 32nd tile's sums, then each other's.
template <class S>
__global__ void __launch_bounds__(kSumThreads)
    add_sums(const Word* sums, S* dA, S* dB, std::int64_t tiles, int width, int per_batch,
             std::int64_t channels, std::int64_t total) {
  const std::int64_t i = (static_cast<std::int64_t>(blockIdx.x) * kSumThreads + threadIdx.x) / 32;
  const int lane = threadIdx.x & 31;
  if (i >= total) return;
  const std::int64_t n = i / channels, d = i - n * channels, slab = n * per_batch + d / width, c = d % width;
  double a = 0, b = 0;
  for (std::int64_t k = lane; k < tiles; k += 32) {
    const std::int64_t at = (slab * tiles + k) * width + c;
    if constexpr (sizeof(S) == 8) {
      a += __longlong_as_double(static_cast<long long>(sums[2 * at].low));
      b += __longlong_as_double(static_cast<long long>(sums[2 * at + 1].low));
    } else {
      a += static_cast<double>(__uint_as_float(lower(sums[at].low)));
      b += static_cast<double>(__uint_as_float(upper(sums[at].low)));
    }
  }
  for (int k = 16; k > 0; k /= 2) {
    a += __shfl_down_sync(~0U, a, k);
    b += __shfl_down_sync(~0U, b, k);
  }
  if (lane == 0 && dA) dA[i] = static_cast<S>(a);
  if (lane == 0 && dB) dB[i] = static_cast<S>(b);
}

template <class E, class M>
Status launch(const DiagonalSsmBackward& s, int blocks, void* scratch, cudaStream_t stream) {
  Slabs<E> k = plan<E>(s, blocks);
  SlabScratch<E>(k, true).place(k, scratch, true);
  const Status status = launch_slab_kernel<E, SlabKind::adjoint, M>(k, blocks, stream);
  if (status != Status::ok || (!s.dA && !s.dB)) return status;
  const std::int64_t total = s.batch * s.channels, grid = ceil_div(total * 32, kSumThreads);
  if (grid > 0x7fffffff) return Status::unsupported;
  add_sums<State<E>><<<static_cast<unsigned>(grid), kSumThreads, 0, stream>>>(
      k.sums, static_cast<State<E>*>(s.dA), static_cast<State<E>*>(s.dB), k.tiles, k.width, k.per_batch,
      s.channels, total);
  return launched();
}

}  // namespace

std::size_t slabs_backward_scratch(const DiagonalSsmBackward& s, int blocks) {
  if (s.type == Element::f64) return SlabScratch<double>(plan<double>(s, blocks), true).bytes();
  if (s.type == Element::f32) return SlabScratch<float>(plan<float>(s, blocks), true).bytes();
  return SlabScratch<__half>(plan<__half>(s, blocks), true).bytes();
}

Status launch_slabs_backward(const DiagonalSsmBackward& s, int blocks, void* scratch, cudaStream_t stream) {
  switch (s.type) {
    case Element::f32:
      return launch<float, Pair>(s, blocks, scratch, stream);
    case Element::f64:
      return launch<double, Plain<double>>(s, blocks, scratch, stream);
    case Element::bf16:
      return launch<__nv_bfloat16, Pair>(s, blocks, scratch, stream);
    case Element::f16:
      return launch<__half, Pair>(s, blocks, scratch, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
