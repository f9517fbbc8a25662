// Ten runs are bit-identical.
#include "tests/cuda/device_data.cuh"
#include "tests/cuda/support.cuh"

namespace cuda_test {
namespace {

template <class E>
void deterministic(Schedule schedule, i64 batch, i64 length, i64 channels, bool rows) {
  const i64 n = batch * length * channels;
  E *a, *b, *h;
  require(cudaMalloc(&a, n * sizeof(E)), "a");
  require(cudaMalloc(&b, n * sizeof(E)), "b");
  require(cudaMalloc(&h, n * sizeof(E)), "h");
  fill<E><<<1024, 256>>>(a, b, n, false, 0.99);
  AffineScan s;
  s.type = Type<E>::value;
  s.batch = batch;
  s.length = length;
  s.channels = channels;
  s.schedule = schedule;
  const i64 st = rows ? 1 : channels, sc = rows ? length : 1;
  s.a = {a, length * channels, st, sc};
  s.b = {b, length * channels, st, sc};
  s.h = {h, length * channels, st, sc};
  scratch().need(scratch_bytes(s));
  std::vector<E> first(static_cast<std::size_t>(n)), again(static_cast<std::size_t>(n));
  for (int run = 0; run < 10; ++run) {
    require(cudaMemset(h, 0xFF, n * sizeof(E)), "memset");
    expect(affine_scan(s, scratch().data, scratch().size, nullptr) == Status::ok, "determinism run");
    require(cudaMemcpy((run ? again : first).data(), h, n * sizeof(E), cudaMemcpyDeviceToHost),
            "determinism");
    if (run)
      expect(std::memcmp(first.data(), again.data(), n * sizeof(E)) == 0,
             std::string("run ") + std::to_string(run) + " differs, " + Type<E>::name + " schedule " +
                 std::to_string(static_cast<int>(schedule)));
  }
  cudaFree(a);
  cudaFree(b);
  cudaFree(h);
}

}  // namespace

void test_determinism(Extent extent) {
  if (extent == Extent::tiny) return;
  const i64 scale = extent == Extent::small ? 64 : 1;
  deterministic<float>(Schedule::rows, 1, 4000003 / scale, 1, true);
  deterministic<double>(Schedule::rows, 3, 700001 / scale, 1, true);
  deterministic<__nv_bfloat16>(Schedule::rows, 1, 4000003 / scale, 1, true);
  deterministic<float>(Schedule::slabs, 1, 100003 / scale, 40, false);
  deterministic<double>(Schedule::slabs, 1, 100003 / scale, 7, false);
  deterministic<__half>(Schedule::slabs, 1, 100003 / scale, 16, false);
  deterministic<float>(Schedule::slabs, 1, 1000003 / scale, 13, false);
  deterministic<float>(Schedule::channels, 2, 1003, 1537 / scale + 1, false);
}

}  // namespace cuda_test
