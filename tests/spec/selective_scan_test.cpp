// The theorems of TorchLean's NN.Spec.Layers.SelectiveScan, one test each, under their Lean names.
#include "spec/diagonal.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {
namespace {

template <class T>
using Affine = ScalarAffineTransition<T>;

template <class T>
Affine<T> draw_affine() {
  return {draw<T>(), draw<T>()};
}

template <class T>
std::vector<Affine<T>> draw_affines() {
  std::vector<Affine<T>> list;
  for (auto count = draw_int(0, 6); count > 0; --count) list.push_back(draw_affine<T>());
  return list;
}

constexpr std::size_t channels = 3;

template <class T>
DiagonalTransition<T> draw_diagonal() {
  return {draw_vector<T>(channels), draw_vector<T>(channels)};
}

template <class T>
std::vector<DiagonalTransition<T>> draw_diagonals() {
  std::vector<DiagonalTransition<T>> list;
  for (auto count = draw_int(0, 4); count > 0; --count) list.push_back(draw_diagonal<T>());
  return list;
}

template <class T>
class SelectiveScan : public testing::Test {};
TYPED_TEST_SUITE(SelectiveScan, AllSemirings, NumberName);

TYPED_TEST(SelectiveScan, compose_apply) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto t1 = draw_affine<T>(), t2 = draw_affine<T>();
    const T h = draw<T>();
    require_equal(apply(compose(t2, t1), h), apply(t2, apply(t1, h)));
  }));
}

TYPED_TEST(SelectiveScan, compose_id_left) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto t = draw_affine<T>();
    require(compose(Affine<T>::identity(), t) == t, "id after t is not t");
  }));
}

TYPED_TEST(SelectiveScan, compose_id_right) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto t = draw_affine<T>();
    require(compose(t, Affine<T>::identity()) == t, "t after id is not t");
  }));
}

TYPED_TEST(SelectiveScan, compose_assoc) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto t1 = draw_affine<T>(), t2 = draw_affine<T>(), t3 = draw_affine<T>();
    const auto left = compose(compose(t3, t2), t1), right = compose(t3, compose(t2, t1));
    require_equal(left.a, right.a);
    require_equal(left.b, right.b);
  }));
}

TYPED_TEST(SelectiveScan, homogeneous_zero_fixed) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] { require_equal(apply(Affine<T>{draw<T>(), zero<T>()}, zero<T>()), zero<T>()); }));
}

TYPED_TEST(SelectiveScan, runScalarAffine_append) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_affines<T>(), ys = draw_affines<T>();
    const T h0 = draw<T>();
    require_equal(run_scalar_affine(h0, concatenate(xs, ys)),
                  run_scalar_affine(run_scalar_affine(h0, xs), ys));
  }));
}

TYPED_TEST(SelectiveScan, runScalarAffine_singleton) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const std::vector<Affine<T>> list{draw_affine<T>()};
    const T h0 = draw<T>();
    require_equal(run_scalar_affine(h0, list), apply(list.front(), h0));
    require_equal(run_scalar_affine(h0, {}), h0);
  }));
}

TYPED_TEST(SelectiveScan, summarizeScalarAffine_apply_eq_run) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_affines<T>();
    const T h0 = draw<T>();
    require_equal(apply(summarize_scalar_affine<T>(xs), h0), run_scalar_affine(h0, xs));
  }));
}

TYPED_TEST(SelectiveScan, summarizeScalarAffine_append) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_affines<T>(), ys = draw_affines<T>();
    const auto whole = summarize_scalar_affine<T>(concatenate(xs, ys));
    require(whole == compose(summarize_scalar_affine<T>(ys), summarize_scalar_affine<T>(xs)),
            "the summary of xs ++ ys is not that of ys after that of xs");
  }));
}

TYPED_TEST(SelectiveScan, summarizeScalarAffine_append_apply) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_affines<T>(), ys = draw_affines<T>();
    const T h0 = draw<T>();
    require_equal(apply(summarize_scalar_affine<T>(concatenate(xs, ys)), h0),
                  apply(summarize_scalar_affine<T>(ys), apply(summarize_scalar_affine<T>(xs), h0)));
  }));
}

TYPED_TEST(SelectiveScan, scalarAffineScan_length) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_affines<T>();
    require_equal(scalar_affine_scan(draw<T>(), xs).size(), xs.size());
  }));
  EXPECT_TRUE(scalar_affine_scan(one<T>(), {}).empty());
}

TYPED_TEST(SelectiveScan, scalarAffineScan_append) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_affines<T>(), ys = draw_affines<T>();
    const T h0 = draw<T>();
    require_equal(scalar_affine_scan(h0, concatenate(xs, ys)),
                  concatenate(scalar_affine_scan(h0, xs), scalar_affine_scan(run_scalar_affine(h0, xs), ys)));
  }));
}

// Not in TorchLean's list, and what the scan means: state t is the recurrence over the first t+1 transitions.
TYPED_TEST(SelectiveScan, every_state_is_the_recurrence_over_a_prefix) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_affines<T>();
    const T h0 = draw<T>();
    const auto states = scalar_affine_scan(h0, xs);
    T h = h0;
    for (std::size_t t = 0; t < xs.size(); ++t) {
      h = xs[t].a * h + xs[t].b;
      require_equal(states[t], h);
    }
  }));
}

TYPED_TEST(SelectiveScan, diagonalSelectiveScan_length) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_diagonals<T>();
    require_equal(diagonal_selective_scan(draw_vector<T>(channels), xs).size(), xs.size());
  }));
  EXPECT_TRUE(diagonal_selective_scan(std::vector<T>(channels), {}).empty());
}

TYPED_TEST(SelectiveScan, diagonalSelectiveScan_append) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_diagonals<T>(), ys = draw_diagonals<T>();
    const auto h0 = draw_vector<T>(channels);
    require_equal(diagonal_selective_scan(h0, concatenate(xs, ys)),
                  concatenate(diagonal_selective_scan(h0, xs),
                              diagonal_selective_scan(run_diagonal_transitions(h0, xs), ys)));
  }));
}

TYPED_TEST(SelectiveScan, runDiagonalTransitions_append) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto xs = draw_diagonals<T>(), ys = draw_diagonals<T>();
    const auto h0 = draw_vector<T>(channels);
    require_equal(run_diagonal_transitions(h0, concatenate(xs, ys)),
                  run_diagonal_transitions(run_diagonal_transitions(h0, xs), ys));
  }));
}

TYPED_TEST(SelectiveScan, apply_vecGet) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto t = draw_diagonal<T>();
    const auto h = draw_vector<T>(channels);
    const auto next = t.apply(h);
    for (std::size_t n = 0; n < channels; ++n) require_equal(next[n], t.a[n] * h[n] + t.b[n]);
  }));
}

TYPED_TEST(SelectiveScan, compose_apply_vecGet) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const auto t1 = draw_diagonal<T>(), t2 = draw_diagonal<T>();
    const auto h = draw_vector<T>(channels);
    const auto composed = compose(t2, t1).apply(h);
    require_equal(composed, t2.apply(t1.apply(h)));
    for (std::size_t n = 0; n < channels; ++n) {
      require_equal(composed[n], apply(compose(t2.channel(n), t1.channel(n)), h[n]));
    }
  }));
}

template <class T>
class HomogeneousMap : public testing::Test {};
TYPED_TEST_SUITE(HomogeneousMap, OrderedRings, NumberName);

TYPED_TEST(HomogeneousMap, abs_homogeneous_apply_le) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    const T a = draw<T>(), x = draw<T>(), y = draw<T>();
    const T rho = abs(a) + abs(draw<T>());
    const auto map = [&](const T& h) { return apply(Affine<T>{a, zero<T>()}, h); };
    require(abs(map(x)) <= rho * abs(x), "|a*x| > rho*|x|");
    require(abs(map(x) - map(y)) <= rho * abs(x - y), "not Lipschitz with constant rho");
  }));
}

TYPED_TEST(HomogeneousMap, abs_homogeneous_apply_le_self) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    T a = draw<T>();
    while (abs(a) > one<T>()) a = a * T(0.5);
    const T x = draw<T>();
    require(abs(apply(Affine<T>{a, zero<T>()}, x)) <= abs(x), "expands although |a| <= 1");
  }));
}

TEST(Diagonal, refuses_different_sizes) {
  const DiagonalTransition<Dyadic> two{{Dyadic(1), Dyadic(2)}, {Dyadic(1), Dyadic(2)}};
  const DiagonalTransition<Dyadic> torn{{Dyadic(1), Dyadic(2)}, {Dyadic(1)}};
  const std::vector<Dyadic> three(3), pair(2);
  EXPECT_THROW(two.apply(three), std::invalid_argument);
  EXPECT_THROW(torn.apply(pair), std::invalid_argument);
  EXPECT_THROW(compose(two, {{Dyadic(1)}, {Dyadic(1)}}), std::invalid_argument);
}

}  // namespace
}  // namespace exactscan::spec::test
