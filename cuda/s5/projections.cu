// The dense products around the scan, and S5's real output. Row-major tensors are cuBLAS's column-major
// transposes: u[n] (inputs x length) is a length x inputs matrix to it.
#include "cuda/s5/s5.hpp"

namespace exactscan::cuda::s5 {
namespace {

using i64 = std::int64_t;

Status of(cublasStatus_t s) { return s == CUBLAS_STATUS_SUCCESS ? Status::ok : Status::launch_failed; }
Status launched() { return cudaGetLastError() == cudaSuccess ? Status::ok : Status::launch_failed; }
Status zero(void* p, i64 elements, std::size_t size, cudaStream_t stream) {
  if (!p || elements <= 0) return Status::ok;
  return cudaMemsetAsync(p, 0, static_cast<std::size_t>(elements) * size, stream) == cudaSuccess
             ? Status::ok
             : Status::launch_failed;
}

// out[n] = M in[n] for every batch entry, or conj(M)^T in[n]: M is rows x columns, `in` [batch, columns or
// rows, length].
Status project(cublasHandle_t blas, cudaStream_t stream, i64 batch, i64 rows, i64 columns, i64 length,
               const float2* matrix, bool adjoint, const float2* in, float2* out) {
  const i64 to = adjoint ? columns : rows, from = adjoint ? rows : columns;
  if (batch == 0 || to == 0 || length == 0) return Status::ok;
  if (from == 0) return zero(out, batch * to * length, sizeof(float2), stream);
  const float2 one{1, 0}, none{0, 0};
  return of(cublasCgemmStridedBatched_64(blas, CUBLAS_OP_N, adjoint ? CUBLAS_OP_C : CUBLAS_OP_N, length, to,
                                         from, &one, in, length, from * length, matrix, columns, 0, &none,
                                         out, length, to * length, batch));
}

// out (rows x columns) = sum over batch and time of left[n,row,t] conj(right[n,column,t]).
Status outer(cublasHandle_t blas, cudaStream_t stream, i64 batch, i64 rows, i64 columns, i64 length,
             const float2* left, const float2* right, float2* out) {
  if (rows == 0 || columns == 0) return Status::ok;
  if (batch == 0 || length == 0) return zero(out, rows * columns, sizeof(float2), stream);
  const float2 one{1, 0}, none{0, 0};
  for (i64 n = 0; n < batch; ++n) {
    const Status s = of(cublasCgemm_64(blas, CUBLAS_OP_C, CUBLAS_OP_N, columns, rows, length, &one,
                                       right + n * columns * length, length, left + n * rows * length, length,
                                       n == 0 ? &none : &one, out, columns));
    if (s != Status::ok) return s;
  }
  return Status::ok;
}

constexpr int kThreads = 256;
unsigned blocks_for(i64 elements) {
  const i64 n = (elements + kThreads - 1) / kThreads;
  return static_cast<unsigned>(n < 65536 ? n : 65536);
}
__device__ inline i64 thread_index() { return static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; }
__device__ inline i64 thread_count() { return static_cast<i64>(gridDim.x) * blockDim.x; }

__global__ void real_output(i64 total, i64 inputs, i64 length, float scale, const float2* y, const float2* u,
                            const float* D, float* out) {
  for (i64 i = thread_index(); i < total; i += thread_count())
    out[i] = D ? fmaf(D[i / length % inputs], u[i].x, scale * y[i].x) : scale * y[i].x;
}
__global__ void complex_gradient(i64 total, float scale, const float* dout, float2* dy) {
  for (i64 i = thread_index(); i < total; i += thread_count()) dy[i] = {scale * dout[i], 0};
}
__global__ void add_skip(i64 total, i64 inputs, i64 length, const float* D, const float* dout, float2* du) {
  for (i64 i = thread_index(); i < total; i += thread_count())
    du[i].x = fmaf(D[i / length % inputs], dout[i], du[i].x);
}
// One block an input channel.
__global__ void skip_gradient(i64 batch, i64 inputs, i64 length, const float* dout, const float2* u,
                              float* dD) {
  __shared__ double parts[kThreads];
  const i64 h = blockIdx.x;
  double sum = 0;
  for (i64 n = 0; n < batch; ++n)
    for (i64 t = threadIdx.x; t < length; t += kThreads) {
      const i64 i = (n * inputs + h) * length + t;
      sum += static_cast<double>(dout[i]) * static_cast<double>(u[i].x);
    }
  parts[threadIdx.x] = sum;
  __syncthreads();
  for (int k = kThreads / 2; k > 0; k /= 2) {
    if (threadIdx.x < k) parts[threadIdx.x] += parts[threadIdx.x + k];
    __syncthreads();
  }
  if (threadIdx.x == 0) dD[h] = static_cast<float>(parts[0]);
}

bool valid(const SimplifiedScan& s) {
  return s.batch >= 0 && s.inputs >= 0 && s.states >= 0 && s.length >= 0;
}

ScanBackward inside(const SimplifiedScanBackward& s) {
  const SimplifiedScan& f = s.forward;
  ScanBackward r;
  r.batch = f.batch, r.states = f.states, r.length = f.length, r.method = f.method;
  r.b = f.b, r.delta = f.delta, r.deltaA = f.deltaA, r.A = f.A, r.initial = f.initial, r.x = f.x;
  r.g = s.g, r.gb = s.g, r.g_last = s.d_last;
  r.ddelta = s.ddelta, r.ddeltaA = s.ddeltaA, r.dA = s.dA, r.d_initial = s.d_initial;
  return r;
}

}  // namespace

Status simplified_scan(const SimplifiedScan& s, cublasHandle_t blas, cudaStream_t stream) {
  if (!valid(s)) return Status::bad_argument;
  if (cublasSetStream(blas, stream) != CUBLAS_STATUS_SUCCESS) return Status::bad_argument;
  Status status = project(blas, stream, s.batch, s.states, s.inputs, s.length, s.B, false, s.u, s.b);
  if (status != Status::ok) return status;
  Scan inner_scan;
  inner_scan.batch = s.batch, inner_scan.states = s.states, inner_scan.length = s.length,
  inner_scan.method = s.method;
  inner_scan.b = s.b, inner_scan.delta = s.delta, inner_scan.deltaA = s.deltaA, inner_scan.A = s.A;
  inner_scan.initial = s.initial, inner_scan.x = s.x, inner_scan.last = s.last;
  status = scan(inner_scan, stream);
  if (status != Status::ok) return status;
  return project(blas, stream, s.batch, s.inputs, s.states, s.length, s.C, false, s.x, s.y);
}

Status simplified_scan_backward(const SimplifiedScanBackward& s, void* scratch, std::size_t bytes,
                                cublasHandle_t blas, cudaStream_t stream) {
  const SimplifiedScan& f = s.forward;
  if (!valid(f)) return Status::bad_argument;
  if (cublasSetStream(blas, stream) != CUBLAS_STATUS_SUCCESS) return Status::bad_argument;
  if (s.dC) {
    const Status status = outer(blas, stream, f.batch, f.inputs, f.states, f.length, s.dy, f.x, s.dC);
    if (status != Status::ok) return status;
  }
  Status status = project(blas, stream, f.batch, f.inputs, f.states, f.length, f.C, true, s.dy, s.g);
  if (status == Status::ok) status = scan_backward(inside(s), scratch, bytes, stream);
  if (status == Status::ok && s.dB)
    status = outer(blas, stream, f.batch, f.states, f.inputs, f.length, s.g, f.u, s.dB);
  if (status == Status::ok && s.du)
    status = project(blas, stream, f.batch, f.states, f.inputs, f.length, f.B, true, s.g, s.du);
  return status;
}

Status inner(const Inner& s, cublasHandle_t blas, cudaStream_t stream) {
  const Status status = simplified_scan(s.scan, blas, stream);
  const i64 total = s.scan.batch * s.scan.inputs * s.scan.length;
  if (status != Status::ok || total == 0) return status;
  real_output<<<blocks_for(total), kThreads, 0, stream>>>(
      total, s.scan.inputs, s.scan.length, s.conj_sym ? 2.0f : 1.0f, s.scan.y, s.scan.u, s.D, s.out);
  return launched();
}

Status inner_backward(const InnerBackward& s, void* scratch, std::size_t bytes, cublasHandle_t blas,
                      cudaStream_t stream) {
  const SimplifiedScan& f = s.scan.forward;
  if (!valid(f)) return Status::bad_argument;
  const i64 total = f.batch * f.inputs * f.length;
  if (total > 0)
    complex_gradient<<<blocks_for(total), kThreads, 0, stream>>>(total, s.conj_sym ? 2.0f : 1.0f, s.dout,
                                                                 s.dy);
  SimplifiedScanBackward b = s.scan;
  b.dy = s.dy;
  const Status status = simplified_scan_backward(b, scratch, bytes, blas, stream);
  if (status != Status::ok) return status;
  if (total > 0 && s.D && b.du)
    add_skip<<<blocks_for(total), kThreads, 0, stream>>>(total, f.inputs, f.length, s.D, s.dout, b.du);
  if (s.dD && f.inputs > 0)
    skip_gradient<<<static_cast<unsigned>(f.inputs), kThreads, 0, stream>>>(f.batch, f.inputs, f.length,
                                                                            s.dout, f.u, s.dD);
  return launched();
}

}  // namespace exactscan::cuda::s5
