// The adjoint of the scan with constant A, B against a sequential recurrence in double.
#include "tests/cuda/support.cuh"

namespace cuda_test {
namespace {

template <class E>
void run_backward(i64 batch, i64 length, i64 channels, bool rows, Schedule schedule, int grid, i64 gap) {
  using S = State<E>;
  Tensor<E> x(batch, length, channels, rows, gap, 0), h(batch, length, channels, rows, gap, 0),
      dh(batch, length, channels, rows, gap, 0), dx(batch, length, channels, rows, gap, gap == 2 ? 1 : 0),
      A(1, 1, channels, false, 0, 0), B(1, 1, channels, false, 0, 0);
  States<S> h0(batch * channels), dA(batch * channels), dB(batch * channels), dh0(batch * channels);
  for (i64 d = 0; d < channels; ++d) {
    A.at(0, 0, d) = from_double<E>(0.5 + 0.4 * uniform(static_cast<std::uint64_t>(d)));
    B.at(0, 0, d) = from_double<E>(2 * uniform(static_cast<std::uint64_t>(d) + 1000) - 1);
  }
  std::uint64_t i = 0;
  for (i64 n = 0; n < batch; ++n)
    for (i64 t = 0; t < length; ++t)
      for (i64 d = 0; d < channels; ++d, ++i) {
        x.at(n, t, d) = from_double<E>(2 * uniform(i) - 1);
        h.at(n, t, d) = from_double<E>(2 * uniform(i ^ 0x111) - 1);
        dh.at(n, t, d) = from_double<E>(2 * uniform(i ^ 0x222) - 1);
      }
  for (std::size_t k = 0; k < h0.host.size(); ++k) h0.host[k] = static_cast<S>(uniform(k));
  x.up();
  h.up();
  dh.up();
  dx.up();
  A.up();
  B.up();
  h0.up();
  dA.up();
  dB.up();
  dh0.up();
  DiagonalSsmBackward s;
  s.type = Type<E>::value;
  s.batch = batch;
  s.length = length;
  s.channels = channels;
  s.A = A.origin();
  s.B = B.origin();
  s.x = x.in();
  s.h = h.in();
  s.dh = dh.in();
  s.dx = dx.out();
  s.h0 = h0.device;
  s.dA = dA.device;
  s.dB = dB.device;
  s.dh0 = dh0.device;
  s.schedule = schedule;
  s.grid_limit = grid;
  scratch().need(scratch_bytes(s));
  const std::string name = std::string("backward ") + Type<E>::name + " " + std::to_string(batch) + " x " +
                           std::to_string(length) + " x " + std::to_string(channels) +
                           (rows ? " [D,L]" : " [L,D]") + " schedule " +
                           std::to_string(static_cast<int>(schedule)) + " grid " + std::to_string(grid) +
                           " gap " + std::to_string(gap);
  const Status status = diagonal_ssm_backward(s, scratch().data, scratch().size, nullptr);
  expect(status == Status::ok, name + ": " + message(status));
  require(cudaDeviceSynchronize(), name.c_str());
  dx.down();
  dA.down();
  dB.down();
  dh0.down();
  expect(dx.guards_intact(), name + ": wrote outside dx");
  i64 wrong = 0;
  for (i64 n = 0; n < batch; ++n)
    for (i64 d = 0; d < channels; ++d) {
      const std::size_t k = static_cast<std::size_t>(n * channels + d);
      double carry = 0, eA = 0, eB = 0, mA = 0, mB = 0, m = 0;
      const double gate = to_double(A.at(0, 0, d)), in = to_double(B.at(0, 0, d));
      auto far = [&](double got, double exact, double magnitude, double store) {
        return !(std::fabs(got - exact) <= (64 + static_cast<double>(length)) * Type<E>::unit * magnitude +
                                               store * std::fabs(exact) + (store > 0 ? 1e-7 : 1e-300));
      };
      for (i64 t = length - 1; t >= 0; --t) {
        const double g = to_double(dh.at(n, t, d)) + carry,
                     before = t > 0 ? to_double(h.at(n, t - 1, d)) : static_cast<double>(h0.host[k]);
        m = std::fabs(to_double(dh.at(n, t, d))) + std::fabs(gate) * m;
        eA += g * before;
        mA += m * std::fabs(before);
        eB += g * to_double(x.at(n, t, d));
        mB += m * std::fabs(to_double(x.at(n, t, d)));
        wrong += far(to_double(dx.at(n, t, d)), g * in, m * std::fabs(in), Type<E>::store);
        carry = g * gate;
      }
      wrong += far(static_cast<double>(dA.host[k]), eA, mA, 0) +
               far(static_cast<double>(dB.host[k]), eB, mB, 0) +
               far(static_cast<double>(dh0.host[k]), carry, m, 0);
    }
  expect(wrong == 0, name + ": " + std::to_string(wrong) + " wrong");
}

template <class E>
void run_type(Extent extent) {
  if (extent == Extent::tiny) {
    run_backward<E>(2, 20, 3, false, Schedule::channels, 0, 2);
    run_backward<E>(1, 5000, 7, false, Schedule::slabs, 2, 0);
    run_backward<E>(1, 900, 40, false, Schedule::slabs, 2, 1);
    return;
  }
  const bool small = extent != Extent::full;
  for (i64 length : {0, 1, 7, 8, 9, 100}) {
    run_backward<E>(2, length, small ? 3 : 130, true, Schedule::automatic, 0, 2);
    run_backward<E>(2, length, small ? 3 : 130, false, Schedule::channels, 0, 2);
  }
  for (i64 channels : {1, 3, 8, 16, 40, 100})
    for (i64 length : {1, 9, 300, 5000})
      for (i64 gap : {0, 2, 8}) {
        if (small && (length == 1 || gap == 2 || (channels != 3 && channels != 40))) continue;
        for (int grid : {0, 2, 5}) {
          if (small && grid != 2) continue;
          run_backward<E>(channels == 8 ? 3 : 1, length, channels, false, Schedule::slabs, grid, gap);
        }
      }
  if (!small) run_backward<E>(8, 700, 640, false, Schedule::automatic, 0, 0);
}

}  // namespace

void test_backward(Extent extent) {
  run_type<float>(extent);
  run_type<double>(extent);
  run_type<__nv_bfloat16>(extent);
  run_type<__half>(extent);
}

}  // namespace cuda_test
