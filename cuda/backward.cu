// The adjoint of the scan with constant A, B: chooses a schedule. Here is the one for any strides, as
// TorchLean's kernel has it: one thread a channel, backwards in time.
#include "cuda/device/launch.hpp"
#include "cuda/device/transition.cuh"

namespace exactscan::cuda {
namespace {

constexpr int kThreads = 128, kStep = 8;

template <class E>
struct Backward {
  const E* A;
  const E* B;
  const E* x;
  const E* h;
  const E* dh;
  E* dx;
  const State<E>* h0;
  State<E>* dA;
  State<E>* dB;
  State<E>* dh0;
  std::int64_t length, channels, total;
  ConstView xs, hs, dhs;
  View dxs;
};

template <class E>
__global__ void __launch_bounds__(kThreads) scan_backward(const __grid_constant__ Backward<E> p) {
  using S = State<E>;
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  if (i >= p.total) return;
  const std::int64_t n = i / p.channels, d = i - n * p.channels;
  const E* x = p.x + n * p.xs.batch + d * p.xs.channel;
  const E* h = p.h + n * p.hs.batch + d * p.hs.channel;
  const E* dh = p.dh + n * p.dhs.batch + d * p.dhs.channel;
  E* dx = p.dx + n * p.dxs.batch + d * p.dxs.channel;
  const S A = widen(p.A[d]), B = widen(p.B[d]), h0 = p.h0 ? p.h0[i] : S(0);
  S carry = 0, dA = 0, dB = 0;
  auto step = [&](std::int64_t t, S x_t, S h_before, S dh_t) {
    const S g = dh_t + carry;  // carry: A*g of the step after
    dA = fused(g, h_before, dA);
    dB = fused(g, x_t, dB);
    dx[t * p.dxs.time] = narrow<E>(g * B);
    carry = g * A;
  };
  auto h_at = [&](std::int64_t t) { return t < 0 ? h0 : widen(h[t * p.hs.time]); };
  std::int64_t t = p.length - 1;
  for (; t >= kStep - 1; t -= kStep) {
    S xs[kStep], hs[kStep], gs[kStep];
#pragma unroll
    for (int s = 0; s < kStep; ++s) {
      xs[s] = widen(x[(t - s) * p.xs.time]);
      hs[s] = h_at(t - s - 1);
      gs[s] = widen(dh[(t - s) * p.dhs.time]);
    }
#pragma unroll
    for (int s = 0; s < kStep; ++s) step(t - s, xs[s], hs[s], gs[s]);
  }
  for (; t >= 0; --t) step(t, widen(x[t * p.xs.time]), h_at(t - 1), widen(dh[t * p.dhs.time]));
  if (p.dA) p.dA[i] = dA;
  if (p.dB) p.dB[i] = dB;
  if (p.dh0) p.dh0[i] = carry;
}

template <class E>
Status launch(const DiagonalSsmBackward& s, cudaStream_t stream) {
  const Backward<E> k{static_cast<const E*>(s.A),
                      static_cast<const E*>(s.B),
                      static_cast<const E*>(s.x.data),
                      static_cast<const E*>(s.h.data),
                      static_cast<const E*>(s.dh.data),
                      static_cast<E*>(s.dx.data),
                      static_cast<const State<E>*>(s.h0),
                      static_cast<State<E>*>(s.dA),
                      static_cast<State<E>*>(s.dB),
                      static_cast<State<E>*>(s.dh0),
                      s.length,
                      s.channels,
                      s.batch * s.channels,
                      s.x,
                      s.h,
                      s.dh,
                      s.dx};
  const std::int64_t blocks = ceil_div(k.total, kThreads);
  if (blocks > 0x7fffffff) return Status::unsupported;
  scan_backward<E><<<static_cast<unsigned>(blocks), kThreads, 0, stream>>>(k);
  return launched();
}

Status launch_any(const DiagonalSsmBackward& s, cudaStream_t stream) {
  switch (s.type) {
    case Element::f32:
      return launch<float>(s, stream);
    case Element::f64:
      return launch<double>(s, stream);
    case Element::bf16:
      return launch<__nv_bfloat16>(s, stream);
    case Element::f16:
      return launch<__half>(s, stream);
  }
  return Status::bad_argument;
}

bool channels_are_dense(const DiagonalSsmBackward& s) {
  return s.channels == 1 || (s.x.channel == 1 && s.h.channel == 1 && s.dh.channel == 1 && s.dx.channel == 1);
}

// 0: one thread a channel.
int slab_blocks(const DiagonalSsmBackward& s) {
  const bool automatic = s.schedule == Schedule::automatic;
  if (s.schedule != Schedule::slabs && !automatic) return 0;
  if (!channels_are_dense(s) || s.batch <= 0 || s.channels <= 0 || s.length <= 0) return 0;
  if (automatic && prefers_channels(s.batch, s.length, s.channels)) return 0;
  return blocks_available(s.grid_limit);
}

}  // namespace

std::size_t scratch_bytes(const DiagonalSsmBackward& s) {
  const int blocks = is_known(s.type) ? slab_blocks(s) : 0;
  return blocks > 0 ? slabs_backward_scratch(s, blocks) : 0;
}

Status diagonal_ssm_backward(const DiagonalSsmBackward& s, void* scratch, std::size_t bytes,
                             cudaStream_t stream) {
  if (!is_known(s.type) || s.batch < 0 || s.length < 0 || s.channels < 0) return Status::bad_argument;
  if (s.batch == 0 || s.channels == 0) return Status::ok;
  if (!s.A || !s.B) return Status::bad_argument;
  if (s.length > 0 && (!s.x.data || !s.h.data || !s.dh.data || !s.dx.data)) return Status::bad_argument;
  if (s.schedule == Schedule::rows) return Status::unsupported;
  const int blocks = slab_blocks(s);
  if (blocks == 0) {
    return s.schedule == Schedule::slabs && s.length > 0 ? Status::unsupported : launch_any(s, stream);
  }
  if (!scratch || bytes < slabs_backward_scratch(s, blocks)) return Status::scratch_too_small;
  return launch_slabs_backward(s, blocks, scratch, stream);
}

}  // namespace exactscan::cuda
