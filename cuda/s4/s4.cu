// The layer's steps, and its workspace.
#include "cuda/s4/s4.hpp"

#include "cuda/device/launch.hpp"
#include "cuda/device/transition.cuh"

namespace exactscan::cuda {
namespace {

constexpr int kThreads = 256;

std::int64_t steps_of(const DiagonalS4& s) { return s.batch * s.length; }
bool is_narrow(Element type) { return type == Element::bf16 || type == Element::f16; }
bool has_work(const DiagonalS4& s) { return s.batch > 0 && s.length > 0; }

bool is_valid(const DiagonalS4& s) {
  if (!is_known(s.type) || s.batch < 0 || s.length < 0 || s.states < 0 || s.inputs < 0 || s.outputs < 0)
    return false;
  if (!has_work(s)) return true;
  const bool scans = s.states > 0 && (s.outputs > 0 || s.last);
  if (scans && (!s.A || !s.B || !s.C || !s.D)) return false;
  if (scans && s.inputs > 0 && (!s.in_proj || !s.x)) return false;
  return s.outputs == 0 || (s.y && (s.states == 0 || s.out_proj));
}

// Parts of the workspace, in elements of the state's type; `narrow` types are widened there.
struct Workspace {
  std::int64_t states, x, in_proj, out_proj, coefficients, y;  // sizes
  explicit Workspace(const DiagonalS4& s)
      : states(steps_of(s) * s.states), x(0), in_proj(0), out_proj(0), coefficients(0), y(0) {
    if (!is_narrow(s.type)) return;
    x = steps_of(s) * s.inputs;
    in_proj = s.inputs * s.states;
    out_proj = s.states * s.outputs;
    coefficients = s.states;  // each of four
    y = steps_of(s) * s.outputs;
  }
  static std::int64_t padded(std::int64_t n) { return (n + 3) / 4 * 4; }
  std::int64_t elements() const {
    return padded(states) + padded(x) + padded(in_proj) + padded(out_proj) + 4 * padded(coefficients) +
           padded(y);
  }
};

DiagonalSsm scan_of(const DiagonalS4& s) {
  DiagonalSsm scan;
  scan.type = s.type == Element::f64 ? Element::f64 : Element::f32;
  scan.batch = s.batch, scan.length = s.length, scan.channels = s.states;
  scan.A = s.A, scan.B = s.B, scan.C = s.C, scan.D = s.D;
  scan.h0 = s.initial, scan.h_last = s.last;
  return scan;
}
void set_tensor(DiagonalSsm& scan, void* states) {
  scan.x = {states, scan.length * scan.channels, scan.channels, 1};
  scan.h = {states, scan.length * scan.channels, scan.channels, 1};
}

unsigned blocks_for(std::int64_t n) {
  const std::int64_t blocks = ceil_div(n, kThreads);
  return static_cast<unsigned>(blocks < 65536 ? blocks : 65536);
}
template <class To, class From, class Convert>
__global__ void convert_all(std::int64_t n, const From* from, To* to, Convert convert) {
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < n;
       i += static_cast<std::int64_t>(gridDim.x) * kThreads)
    to[i] = convert(from[i]);
}
template <class E>
struct Widen {
  __device__ float operator()(E x) const { return widen(x); }
};
template <class E>
struct Narrow {
  __device__ E operator()(float x) const { return narrow<E>(x); }
};

Status of(cublasStatus_t status) {
  return status == CUBLAS_STATUS_SUCCESS ? Status::ok : Status::launch_failed;
}

// out [rows, columns] = left [rows, inner] right [inner, columns], all row-major: to cuBLAS their transposes.
template <class S>
Status multiply(cublasHandle_t blas, cudaStream_t stream, std::int64_t rows, std::int64_t inner,
                std::int64_t columns, const void* left, const void* right, void* out) {
  if (rows == 0 || columns == 0) return Status::ok;
  if (inner == 0) {
    const std::size_t bytes = static_cast<std::size_t>(rows * columns) * sizeof(S);
    return cudaMemsetAsync(out, 0, bytes, stream) == cudaSuccess ? Status::ok : Status::launch_failed;
  }
  const S one = 1, none = 0;
  if constexpr (sizeof(S) == 8)
    return of(cublasDgemm_64(blas, CUBLAS_OP_N, CUBLAS_OP_N, columns, rows, inner, &one,
                             static_cast<const double*>(right), columns, static_cast<const double*>(left),
                             inner, &none, static_cast<double*>(out), columns));
  else
    return of(cublasSgemm_64(blas, CUBLAS_OP_N, CUBLAS_OP_N, columns, rows, inner, &one,
                             static_cast<const float*>(right), columns, static_cast<const float*>(left),
                             inner, &none, static_cast<float*>(out), columns));
}

// The layer for tensors of the state's type; `states`: workspace.
template <class S>
Status run(const DiagonalS4& s, void* scratch, std::size_t scratch_size, void* states, cublasHandle_t blas,
           cudaStream_t stream) {
  Status status = multiply<S>(blas, stream, steps_of(s), s.inputs, s.states, s.x, s.in_proj, states);
  if (status != Status::ok) return status;
  DiagonalSsm scan = scan_of(s);
  set_tensor(scan, states);
  status = diagonal_ssm(scan, scratch, scratch_size, stream);
  if (status != Status::ok) return status;
  return multiply<S>(blas, stream, steps_of(s), s.states, s.outputs, states, s.out_proj, s.y);
}

template <class E>
Status run_narrow(const DiagonalS4& s, void* scratch, std::size_t scratch_size, float* free,
                  cublasHandle_t blas, cudaStream_t stream) {
  const Workspace sizes(s);
  auto take = [&](std::int64_t n) {
    float* p = free;
    free += Workspace::padded(n);
    return p;
  };
  auto widened = [&](const void* from, std::int64_t n) {
    float* to = take(n);
    if (n > 0)
      convert_all<<<blocks_for(n), kThreads, 0, stream>>>(n, static_cast<const E*>(from), to, Widen<E>{});
    return to;
  };
  float* states = take(sizes.states);
  DiagonalS4 wide = s;
  wide.type = Element::f32;
  wide.x = widened(s.x, sizes.x);
  wide.in_proj = widened(s.in_proj, sizes.in_proj);
  wide.out_proj = widened(s.out_proj, sizes.out_proj);
  wide.A = widened(s.A, sizes.coefficients);
  wide.B = widened(s.B, sizes.coefficients);
  wide.C = widened(s.C, sizes.coefficients);
  wide.D = widened(s.D, sizes.coefficients);
  float* y = take(sizes.y);
  wide.y = y;
  const Status status = run<float>(wide, scratch, scratch_size, states, blas, stream);
  if (status != Status::ok || sizes.y == 0) return status;
  convert_all<<<blocks_for(sizes.y), kThreads, 0, stream>>>(sizes.y, y, static_cast<E*>(s.y), Narrow<E>{});
  return launched();
}

}  // namespace

std::size_t scratch_bytes(const DiagonalS4& s) {
  if (!is_valid(s) || !has_work(s)) return 0;
  DiagonalSsm scan = scan_of(s);
  set_tensor(scan, nullptr);  // aligned, as the workspace is
  return scratch_bytes(scan);
}

std::size_t workspace_bytes(const DiagonalS4& s) {
  if (!is_valid(s) || !has_work(s)) return 0;
  return static_cast<std::size_t>(Workspace(s).elements()) * (s.type == Element::f64 ? 8 : 4);
}

Status diagonal_s4(const DiagonalS4& s, void* scratch, std::size_t scratch_size, void* workspace,
                   std::size_t workspace_size, cublasHandle_t blas, cudaStream_t stream) {
  if (!is_valid(s)) return Status::bad_argument;
  if (!has_work(s)) return diagonal_ssm(scan_of(s), nullptr, 0, stream);  // h_last alone
  const std::size_t need = workspace_bytes(s), messages = scratch_bytes(s);
  if ((need > 0 && (!workspace || workspace_size < need)) ||
      (messages > 0 && (!scratch || scratch_size < messages)))
    return Status::scratch_too_small;
  if (cublasSetStream(blas, stream) != CUBLAS_STATUS_SUCCESS) return Status::bad_argument;
  switch (s.type) {
    case Element::f32:
      return run<float>(s, scratch, scratch_size, workspace, blas, stream);
    case Element::f64:
      return run<double>(s, scratch, scratch_size, workspace, blas, stream);
    case Element::bf16:
      return run_narrow<__nv_bfloat16>(s, scratch, scratch_size, static_cast<float*>(workspace), blas,
                                       stream);
    case Element::f16:
      return run_narrow<__half>(s, scratch, scratch_size, static_cast<float*>(workspace), blas, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
