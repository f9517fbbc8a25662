// Diagonal scans on the CPU: one affine recurrence a channel.
#pragma once

#include <cstdint>
#include <stdexcept>

#include "impl/storage.hpp"

namespace exactscan::impl {

// Arguments that make no sense; what() says which.
class ArgumentError : public std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

// A tensor over time and channels: element (t, c) is data[t * time_stride + c * channel_stride].
//   [L, D], rows of `stride` elements:  {data, stride, 1}
//   [D, L], rows of `stride` elements:  {data, 1, stride}
//   [D], constant in time:              {data, 0, 1}
template <class T>
struct View {
  T* data = nullptr;
  std::int64_t time_stride = 0, channel_stride = 0;

  View offset(std::int64_t t, std::int64_t c) const {
    if (data == nullptr) return *this;
    return {data + t * time_stride + c * channel_stride, time_stride, channel_stride};
  }
};

struct ScanShape {
  std::int64_t length = 0, channels = 0;
};

struct ScanOptions {
  int threads = 1;  // 0: as many as the machine has
  std::int64_t grain = std::int64_t{1}
                       << 18;  // elements from which another thread pays: it takes 30 us to start
  // Bytes of h beyond which it does not stay in a cache until its next reader, so that it is written around
  // them.
  std::int64_t stream_bytes = std::int64_t{16} << 20;
};

// h[t, c] = a[t, c] h[t-1, c] + b[t, c] for 0 <= t < length, h[-1, c] = initial[c].
//
// T: float, double (arithmetic in T), Float16, BFloat16 (arithmetic in float32, each h rounded once, to
// nearest, when stored; the state itself is never rounded to T).
// initial: [D], or null: zero. last: [D], receives h[length-1] (the initial state if length is 0), or null.
// Strides: any for a and b, zero and negative included; h's elements must be distinct. h may be a or b itself
// (the same data and strides); any other overlap of h, initial or last with another tensor is not allowed,
// except that last may be initial. Pointers need the alignment of T alone.
// Error: each h is one bracketing of the composition of its maps, each product and sum rounded to nearest,
// fused where the processor fuses: the contracts fp32, fp64, bf16 and fp16 hold.
// Order: sequential in time where neighbours in memory are channels. Where they are time steps: tiles of a
// fixed number of steps from the start of the row, sequentially over tiles; rows are taken in groups, those
// left over have longer tiles. The strides and, for the place of a group, the number of channels decide. So
// on one thread and one instruction set, a longer input leaves earlier outputs bit-identical. The bits differ
// between instruction sets (which fuse, and how long a tile is) and between layouts. With threads > 1 each
// thread forms groups of its own rows; with few channels and a long sequence, time is cut at places that
// depend on shape, type, grain and thread count: the same in each run, but not for a longer input. Special
// values: as the arithmetic gives them; 0 * inf in a product of multipliers gives NaN. Errors: ArgumentError
// (negative size or thread count, grain below 1, negative size to stream from, a null tensor that is not
// empty). Source: TorchLean, NN.Spec.Layers.SelectiveScan.
template <class T>
void diagonal_scan(const ScanShape& shape, View<const T> a, View<const T> b, const State<T>* initial,
                   View<T> h, State<T>* last, const ScanOptions& options = {});

// The same with b[t, c] = B[t, c] x[t, c], the product rounded to the state's type; A and B are often
// constant in time: see View. h may be x itself. Source: TorchLean, NN.Spec.Dynamics.StateSpace and its CUDA
// kernels selective_scan_diag_fwd, selective_scan_diag_var_fwd.
template <class T>
void diagonal_ssm(const ScanShape& shape, View<const T> A, View<const T> B, View<const T> x,
                  const State<T>* initial, View<T> h, State<T>* last, const ScanOptions& options = {});

}  // namespace exactscan::impl
