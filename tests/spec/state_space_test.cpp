// The theorems of TorchLean's NN.Spec.Dynamics.StateSpace, its CUDA kernels' worked example, and the adjoint
// identity.
#include "spec/diagonal_ssm.hpp"

#include "spec/diagonal_ssm_adjoint.hpp"
#include "spec/dual.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

constexpr std::size_t channels = 2;

template <class T>
DiagonalSSM<T> draw_ssm() {
  return {draw_vector<T>(channels), draw_vector<T>(channels), draw_vector<T>(channels),
          draw_vector<T>(channels)};
}

std::size_t draw_length() { return static_cast<std::size_t>(draw_int(0, 5)); }

template <class T>
class StateSpace : public testing::Test {};
TYPED_TEST_SUITE(StateSpace, AllSemirings, NumberName);

TYPED_TEST(StateSpace, transition_apply_eq_step) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto ssm = draw_ssm<T>();
    const auto h = draw_vector<T>(channels), x = draw_vector<T>(channels);
    require_equal(ssm.transition(x).apply(h), ssm.step(h, x));
    for (std::size_t n = 0; n < channels; ++n) {
      require_equal(ssm.step(h, x)[n], ssm.A[n] * h[n] + ssm.B[n] * x[n]);
      require_equal(ssm.readout(h, x)[n], ssm.C[n] * h[n] + ssm.D[n] * x[n]);
      require_equal(apply(ssm_transition(ssm.A[n], ssm.B[n], x[n]), h[n]),
                    ssm_step(ssm.A[n], ssm.B[n], h[n], x[n]));
    }
  }));
}

TYPED_TEST(StateSpace, scan_nil) {
  using T = TypeParam;
  EXPECT_TRUE(
      holds([] { require(draw_ssm<T>().scan(draw_vector<T>(channels), {}).empty(), "states of no input"); }));
}

TYPED_TEST(StateSpace, scan_cons) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto ssm = draw_ssm<T>();
    const auto h0 = draw_vector<T>(channels);
    const auto xs = draw_rows<T>(draw_length() + 1, channels);
    const auto first = ssm.step(h0, xs.front());
    const std::vector<std::vector<T>> rest(xs.begin() + 1, xs.end());
    require_equal(ssm.scan(h0, xs), concatenate({first}, ssm.scan(first, rest)));
  }));
}

TYPED_TEST(StateSpace, constant_coefficients_are_a_case_of_time_varying_ones) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto ssm = draw_ssm<T>();
    const auto h0 = draw_vector<T>(channels);
    const auto xs = draw_rows<T>(draw_length(), channels);
    const std::vector<std::vector<T>> A(xs.size(), ssm.A), B(xs.size(), ssm.B);
    require_equal(time_varying_ssm_scan(h0, A, B, xs), ssm.scan(h0, xs));
  }));
}

TEST(StateSpace, refuses_different_sizes) {
  const std::vector<Dyadic> two(2), three(3);
  const DiagonalSSM<Dyadic> ssm{two, two, two, two}, torn{two, three, two, two};
  EXPECT_THROW(ssm.step(three, two), std::invalid_argument);
  EXPECT_THROW(ssm.readout(two, three), std::invalid_argument);
  EXPECT_THROW(ssm.transition(three), std::invalid_argument);
  EXPECT_THROW(torn.step(two, two), std::invalid_argument);
  const std::vector<std::vector<Dyadic>> one_row{two}, two_rows{two, two};
  EXPECT_THROW(time_varying_ssm_scan(two, one_row, two_rows, two_rows), std::invalid_argument);
  EXPECT_THROW(ssm_adjoint(two, two, two, two_rows, one_row), std::invalid_argument);
}

// TorchLean's worked example of its CUDA kernels.
class CudaExample : public testing::Test {
 protected:
  using Row = std::vector<Dyadic>;
  static Row row(double x, double y) { return {Dyadic(x), Dyadic(y)}; }
  const Row A = row(0.5, 0.25), B = row(1, 2), h0 = row(1, -1), zeros = row(0, 0);
  const std::vector<Row> xs{row(2, 1), row(4, -2), row(0, 3)};
  const std::vector<Row> dY{row(1, 1), row(1, 1), row(1, 1)};
};

TEST_F(CudaExample, selective_scan_diag_fwd) {
  const std::vector<Row> h{row(2.5, 1.75), row(5.25, -3.5625), row(2.625, 5.109375)};
  EXPECT_EQ((DiagonalSSM<Dyadic>{A, B, zeros, zeros}.scan(h0, xs)), h);
}

TEST_F(CudaExample, selective_scan_diag_bwd) {
  const auto g = ssm_adjoint(A, B, h0, xs, dY);
  EXPECT_EQ(g.dA, row(10.75, -2.6875));
  EXPECT_EQ(g.dB, row(9.5, 1.8125));
  EXPECT_EQ(g.dx, (std::vector<Row>{row(1.75, 2.625), row(1.5, 2.5), row(1, 2)}));
  EXPECT_EQ(g.dh0, row(0.875, 0.328125));
}

TEST_F(CudaExample, empty_sequence_and_empty_state) {
  EXPECT_TRUE((DiagonalSSM<Dyadic>{A, B, zeros, zeros}.scan(h0, {})).empty());
  const auto g = ssm_adjoint<Dyadic>(A, B, h0, {}, {});
  EXPECT_TRUE(g.dx.empty());
  EXPECT_EQ(g.dA, zeros);
  EXPECT_EQ(g.dB, zeros);
  EXPECT_EQ(g.dh0, zeros);
  const std::vector<Row> no_channels(3);
  EXPECT_EQ((DiagonalSSM<Dyadic>{}.scan({}, no_channels)), no_channels);
  EXPECT_EQ(ssm_adjoint<Dyadic>({}, {}, {}, no_channels, no_channels).dx, no_channels);
}

template <class T>
T inner(const std::vector<T>& x, const std::vector<T>& y) {
  T sum(0);
  for (std::size_t n = 0; n < x.size(); ++n) sum = sum + x[n] * y[n];
  return sum;
}

template <class T>
T inner(const std::vector<std::vector<T>>& x, const std::vector<std::vector<T>>& y) {
  T sum(0);
  for (std::size_t t = 0; t < x.size(); ++t) sum = sum + inner(x[t], y[t]);
  return sum;
}

template <class T>
std::vector<Dual<T>> dual(const std::vector<T>& value, const std::vector<T>& tangent) {
  std::vector<Dual<T>> result;
  for (std::size_t n = 0; n < value.size(); ++n) result.push_back({value[n], tangent[n]});
  return result;
}

template <class T>
std::vector<std::vector<Dual<T>>> dual(const std::vector<std::vector<T>>& value,
                                       const std::vector<std::vector<T>>& tangent) {
  std::vector<std::vector<Dual<T>>> result;
  for (std::size_t t = 0; t < value.size(); ++t) result.push_back(dual(value[t], tangent[t]));
  return result;
}

template <class T>
std::vector<std::vector<T>> tangents(const std::vector<std::vector<Dual<T>>>& rows) {
  std::vector<std::vector<T>> result(rows.size());
  for (std::size_t t = 0; t < rows.size(); ++t) {
    for (const auto& x : rows[t]) result[t].push_back(x.tangent);
  }
  return result;
}

// ⟨dY, J d⟩ = ⟨Jᵀ dY, d⟩ in every direction d = (dA, dB, dx, dh0): J d by dual numbers, Jᵀ dY by the backward
// recurrence.
template <class T>
class AdjointIdentity : public testing::Test {};
TYPED_TEST_SUITE(AdjointIdentity, CommutativeRings, NumberName);

TYPED_TEST(AdjointIdentity, constant_coefficients) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto length = draw_length();
    const auto A = draw_vector<T>(channels), B = draw_vector<T>(channels), h0 = draw_vector<T>(channels);
    const auto tA = draw_vector<T>(channels), tB = draw_vector<T>(channels), th0 = draw_vector<T>(channels);
    const auto xs = draw_rows<T>(length, channels), txs = draw_rows<T>(length, channels);
    const auto dY = draw_rows<T>(length, channels);
    const std::vector<Dual<T>> none(channels);
    const DiagonalSSM<Dual<T>> ssm{dual(A, tA), dual(B, tB), none, none};
    const T forward = inner(dY, tangents(ssm.scan(dual(h0, th0), dual(xs, txs))));
    const auto g = ssm_adjoint(A, B, h0, xs, dY);
    require_equal<T>(inner(g.dA, tA) + inner(g.dB, tB) + inner(g.dx, txs) + inner(g.dh0, th0), forward);
  }));
}

TYPED_TEST(AdjointIdentity, time_varying_coefficients) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto length = draw_length();
    const auto h0 = draw_vector<T>(channels), th0 = draw_vector<T>(channels);
    const auto A = draw_rows<T>(length, channels), tA = draw_rows<T>(length, channels);
    const auto B = draw_rows<T>(length, channels), tB = draw_rows<T>(length, channels);
    const auto xs = draw_rows<T>(length, channels), txs = draw_rows<T>(length, channels);
    const auto dY = draw_rows<T>(length, channels);
    const T forward =
        inner(dY, tangents(time_varying_ssm_scan(dual(h0, th0), dual(A, tA), dual(B, tB), dual(xs, txs))));
    const auto g = time_varying_ssm_adjoint(h0, A, B, xs, dY);
    require_equal<T>(inner(g.dA, tA) + inner(g.dB, tB) + inner(g.dx, txs) + inner(g.dh0, th0), forward);
  }));
}

// The step of one channel, that a streaming caller uses, is what the whole recurrence is made of.
TYPED_TEST(AdjointIdentity, one_step) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const T a = draw<T>(), b = draw<T>(), h = draw<T>(), x = draw<T>(), dy = draw<T>();
    const auto step = ssm_adjoint_step(a, b, h, x, dy, zero<T>());
    const std::vector<std::vector<T>> xs{{x}}, dY{{dy}};
    const auto g = ssm_adjoint<T>({a}, {b}, {h}, xs, dY);
    require_equal(step.dA, g.dA[0]);
    require_equal(step.dB, g.dB[0]);
    require_equal(step.dx, g.dx[0][0]);
    require_equal(step.carry, g.dh0[0]);
    require_equal(ssm_adjoint_step(a, b, h, x, zero<T>(), dy).carry, step.carry);
  }));
}

}  // namespace
}  // namespace exactscan::spec::test
