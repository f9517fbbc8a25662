// S5's simplified scan: its gradients against dual numbers over the same definition, and the identities that
// kernels are tested by. Bilinear over exact fields, zoh and dirac over intervals of 256 bits.
#include "spec/dual.hpp"
#include "spec/interval.hpp"
#include "spec/simplified_scan_adjoint.hpp"
#include "tests/spec/support.hpp"

namespace exactscan::spec::test {

// Numbers of moderate size, so that no exponential leaves the range.
template <>
struct Draw<Interval<256>> {
  Interval<256> operator()() const { return Interval<256>(Dyadic(Integer(draw_int(-4000, 4000)), -10)); }
};

namespace {

using I = Interval<256>;

// The same number: exactly, or as far as an enclosure can say, with at least 160 bits.
template <class T>
void require_same(const T& actual, const T& expected) {
  require_equal(actual, expected);
}
void require_same(const I& actual, const I& expected) {
  require(overlap(actual, expected), "intervals apart");
  require(actual.is_bounded() && expected.is_bounded(), "no bounded enclosure");
  const Dyadic size = abs(actual.lower()) + abs(actual.upper()) + Dyadic(1);
  require((actual.width() + expected.width()) <= size.scaled(-100), "enclosure too wide");
}
template <class T>
void require_same(const Complex<T>& actual, const Complex<T>& expected) {
  require_same(actual.re, expected.re);
  require_same(actual.im, expected.im);
}

constexpr std::size_t P = 3, H = 2;

template <class T>
using Z = Complex<T>;
template <class T>
using ZRows = std::vector<std::vector<Z<T>>>;

template <class T>
Z<T> draw_complex() {
  return {draw<T>(), draw<T>()};
}
template <class T>
Z<T> draw_real() {
  return {draw<T>(), T(0)};
}
template <class T, class Make>
auto rows(std::size_t length, std::size_t size, Make make) {
  ZRows<T> result(length);
  for (auto& row : result) {
    for (std::size_t i = 0; i < size; ++i) row.push_back(make());
  }
  return result;
}

// Everything that a run depends on; the same type holds tangents and gradients.
template <class T>
struct Data {
  std::vector<Z<T>> A, x0;
  Matrix<Z<T>> B, C;
  std::vector<T> D;
  ZRows<T> u, delta, deltaA;
};

template <class T>
Data<T> draw_data(std::size_t length) {
  const auto list = [](std::size_t n) { return rows<T>(1, n, draw_complex<T>).front(); };
  return {list(P),
          list(P),
          {P, H, list(P * H)},
          {H, P, list(H * P)},
          draw_vector<T>(H),
          rows<T>(length, H, draw_complex<T>),
          rows<T>(length, P, draw_real<T>),
          rows<T>(length, P, draw_real<T>)};
}

template <class T>
SimplifiedScan<Z<T>> scan_of(const Data<T>& d, Discretization method) {
  return {method, d.A, d.B, d.C};
}

template <class T>
typename SimplifiedScan<Z<T>>::Run run(const Data<T>& d, Discretization method) {
  return scan_of(d, method).run(d.x0, d.u, d.delta, d.deltaA);
}

// Re(conj(x) y), summed.
template <class T>
T inner(const std::vector<Z<T>>& x, const std::vector<Z<T>>& y) {
  T sum(0);
  for (std::size_t i = 0; i < x.size(); ++i) sum = sum + x[i].re * y[i].re + x[i].im * y[i].im;
  return sum;
}
template <class T>
T inner(const ZRows<T>& x, const ZRows<T>& y) {
  T sum(0);
  for (std::size_t t = 0; t < x.size(); ++t) sum = sum + inner(x[t], y[t]);
  return sum;
}
template <class T>
T inner(const std::vector<std::vector<T>>& x, const ZRows<T>& y) {
  T sum(0);
  for (std::size_t t = 0; t < x.size(); ++t) {
    for (std::size_t i = 0; i < x[t].size(); ++i) sum = sum + x[t][i] * y[t][i].re;
  }
  return sum;
}

template <class T>
Z<Dual<T>> dual(const Z<T>& value, const Z<T>& tangent) {
  return {{value.re, tangent.re}, {value.im, tangent.im}};
}
template <class T>
std::vector<Z<Dual<T>>> dual(const std::vector<Z<T>>& value, const std::vector<Z<T>>& tangent) {
  std::vector<Z<Dual<T>>> result;
  for (std::size_t i = 0; i < value.size(); ++i) result.push_back(dual(value[i], tangent[i]));
  return result;
}
template <class T>
ZRows<Dual<T>> dual(const ZRows<T>& value, const ZRows<T>& tangent) {
  ZRows<Dual<T>> result;
  for (std::size_t t = 0; t < value.size(); ++t) result.push_back(dual(value[t], tangent[t]));
  return result;
}
template <class T>
Data<Dual<T>> dual(const Data<T>& v, const Data<T>& d) {
  Data<Dual<T>> result{dual(v.A, d.A),
                       dual(v.x0, d.x0),
                       {P, H, dual(v.B.entries, d.B.entries)},
                       {H, P, dual(v.C.entries, d.C.entries)},
                       {},
                       dual(v.u, d.u),
                       dual(v.delta, d.delta),
                       dual(v.deltaA, d.deltaA)};
  for (std::size_t h = 0; h < H; ++h) result.D.push_back({v.D[h], d.D[h]});
  return result;
}
template <class T>
std::vector<Z<T>> tangent(const std::vector<Z<Dual<T>>>& x) {
  std::vector<Z<T>> result;
  for (const auto& z : x) result.push_back({z.re.tangent, z.im.tangent});
  return result;
}

// Bilinear over exact fields; the others over intervals.
template <class T>
Discretization draw_method() {
  if constexpr (std::is_same_v<T, I>) {
    return static_cast<Discretization>(draw_int(0, 2));
  } else {
    return Discretization::bilinear;
  }
}
// Rational arithmetic grows fast; a pole has no value.
template <class Body>
void away_from_poles(Body body) {
  try {
    body();
  } catch (const std::domain_error&) {
  }
}

template <class T>
class SimplifiedScanTest : public testing::Test {};
using Numbers = testing::Types<Rational, Residue<>, I>;
struct SimplifiedName {
  template <class T>
  static std::string GetName(int) {
    return std::is_same_v<T, I> ? "Interval" : std::is_same_v<T, Rational> ? "Rational" : "Residue";
  }
};
TYPED_TEST_SUITE(SimplifiedScanTest, Numbers, SimplifiedName);

template <class T>
std::size_t draw_length() {
  return static_cast<std::size_t>(draw_int(0, std::is_same_v<T, Rational> ? 2 : 4));
}

// <G, dy> + <gx, dx_last> = <gradients, tangents>, for y itself: every gradient at once, in any direction.
TYPED_TEST(SimplifiedScanTest, gradients_are_the_adjoint_of_the_derivative) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    away_from_poles([] {
      const std::size_t length = draw_length<T>() + 1;
      const Discretization method = draw_method<T>();
      const Data<T> v = draw_data<T>(length), d = draw_data<T>(length);
      const auto G = rows<T>(length, H, draw_complex<T>);
      const auto gx = rows<T>(1, P, draw_complex<T>).front();
      const auto forward = run(dual(v, d), method);
      T expected = inner(gx, tangent(forward.x.back()));
      for (std::size_t t = 0; t < length; ++t) expected = expected + inner(G[t], tangent(forward.y[t]));
      const auto g = simplified_scan_adjoint<Z<T>>(scan_of(v, method), v.x0, v.u, v.delta, v.deltaA, G, gx);
      const T actual = inner(g.dA, d.A) + inner(g.dx0, d.x0) + inner(g.dB.entries, d.B.entries) +
                       inner(g.dC.entries, d.C.entries) + inner(g.du, d.u) + inner(g.E, d.deltaA) +
                       inner(g.F, d.delta);
      require_same(actual, expected);
    });
  }));
}

// The real output of the inner function: G = s g, and D's and u's further gradients.
TYPED_TEST(SimplifiedScanTest, inner_gradients) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    away_from_poles([] {
      const std::size_t length = draw_length<T>() + 1;
      const Discretization method = draw_method<T>();
      const bool conj_sym = draw_bool();
      const Data<T> v = draw_data<T>(length), d = draw_data<T>(length);
      const Data<Dual<T>> both = dual(v, d);
      const auto forward = run(both, method);
      T expected(0), skip(0);
      auto G = rows<T>(length, H, [] { return Z<T>(0); });
      for (std::size_t t = 0; t < length; ++t) {
        for (std::size_t h = 0; h < H; ++h) {
          const T g = draw<T>();
          G[t][h] = {conj_sym ? g + g : g, T(0)};
          const Dual<T> out = s5_output(forward.y[t][h], both.D[h] * real(both.u[t][h]), conj_sym);
          expected = expected + g * out.tangent;
          skip = skip + g * (v.u[t][h].re * d.D[h] + v.D[h] * d.u[t][h].re);  // dD and the skip's part of du
        }
      }
      const auto g = simplified_scan_adjoint<Z<T>>(scan_of(v, method), v.x0, v.u, v.delta, v.deltaA, G,
                                                   std::vector<Z<T>>(P, Z<T>(0)));
      const T actual = inner(g.dA, d.A) + inner(g.dx0, d.x0) + inner(g.dB.entries, d.B.entries) +
                       inner(g.dC.entries, d.C.entries) + inner(g.du, d.u) + inner(g.E, d.deltaA) +
                       inner(g.F, d.delta);
      require_same(T(actual + skip), expected);
    });
  }));
}

TYPED_TEST(SimplifiedScanTest, chunks_and_steps_give_the_scan) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    away_from_poles([] {
      const std::size_t length = draw_length<T>() + 1;
      const Discretization method = draw_method<T>();
      const Data<T> v = draw_data<T>(length);
      const auto whole = run(v, method);
      const auto scan = scan_of(v, method);
      std::vector<Z<T>> x = v.x0;
      for (std::size_t t = 0; t < length; ++t) {
        const auto part = scan.run(x, std::span(v.u).subspan(t, 1), std::span(v.delta).subspan(t, 1),
                                   std::span(v.deltaA).subspan(t, 1));
        x = part.x.front();
        for (std::size_t p = 0; p < P; ++p) require_same(x[p], whole.x[t][p]);
        for (std::size_t h = 0; h < H; ++h) require_same(part.y.front()[h], whole.y[t][h]);
      }
    });
  }));
}

// The single step with D = diag(D) is the inner function's last output.
TYPED_TEST(SimplifiedScanTest, update_is_a_step_of_the_inner_function) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    away_from_poles([] {
      const Discretization method = draw_method<T>();
      const bool conj_sym = draw_bool();
      Data<T> v = draw_data<T>(1);
      for (Z<T>& u : v.u.front()) u.im = T(0);
      Matrix<T> D{H, H, std::vector<T>(H * H, T(0))};
      for (std::size_t h = 0; h < H; ++h) D.entries[h * H + h] = v.D[h];
      const auto whole = run(v, method);
      std::vector<Z<T>> x = v.x0;
      const auto out =
          scan_of(v, method).update(x, v.u.front(), v.delta.front(), v.deltaA.front(), D, conj_sym);
      for (std::size_t p = 0; p < P; ++p) require_same(x[p], whole.x.front()[p]);
      for (std::size_t h = 0; h < H; ++h) {
        require_same(out[h], s5_output(whole.y.front()[h], v.D[h] * real(v.u.front()[h]), conj_sym));
      }
    });
  }));
}

// Twice the real part of half the system is the whole system: each eigenvalue with its conjugate, real input.
TYPED_TEST(SimplifiedScanTest, conj_sym_is_the_doubled_conjugate_system) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    away_from_poles([] {
      const std::size_t length = draw_length<T>() + 1;
      const Discretization method = draw_method<T>();
      Data<T> v = draw_data<T>(length);
      for (auto& row : v.u) {
        for (Z<T>& u : row) u.im = T(0);
      }
      Data<T> doubled = v;
      for (std::size_t p = 0; p < P; ++p) {
        doubled.A.push_back(conj(v.A[p])), doubled.x0.push_back(conj(v.x0[p]));
        for (std::size_t h = 0; h < H; ++h) doubled.B.entries.push_back(conj(v.B(p, h)));
      }
      doubled.C = {H, 2 * P, {}};
      for (std::size_t h = 0; h < H; ++h) {
        for (std::size_t p = 0; p < 2 * P; ++p)
          doubled.C.entries.push_back(p < P ? v.C(h, p) : conj(v.C(h, p - P)));
      }
      doubled.B.rows = 2 * P;
      for (auto* steps : {&doubled.delta, &doubled.deltaA}) {
        for (auto& row : *steps) {
          for (std::size_t p = 0; p < P; ++p) row.push_back(row[p]);
        }
      }
      const auto half = run(v, method), full = run(doubled, method);
      for (std::size_t t = 0; t < length; ++t) {
        for (std::size_t h = 0; h < H; ++h)
          require_same(s5_output(half.y[t][h], T(0), true), s5_output(full.y[t][h], T(0), false));
      }
    });
  }));
}

// A later input reaches no earlier output, and dirac knows no delta.
TYPED_TEST(SimplifiedScanTest, causality) {
  using T = TypeParam;
  EXPECT_TRUE(holds([] {
    away_from_poles([] {
      const std::size_t length = draw_length<T>() + 2;
      const Discretization method = draw_method<T>();
      const Data<T> v = draw_data<T>(length);
      Data<T> other = v;
      other.u.back() = rows<T>(1, H, draw_complex<T>).front();
      other.delta.back() = rows<T>(1, P, draw_real<T>).front();
      other.deltaA.back() = rows<T>(1, P, draw_real<T>).front();
      const auto a = run(v, method), b = run(other, method);
      for (std::size_t t = 0; t + 1 < length; ++t) {
        for (std::size_t h = 0; h < H; ++h) require_same(a.y[t][h], b.y[t][h]);
      }
    });
  }));
}

TEST(SimplifiedScan, worked_example) {
  // One state, A = i, one step of size 1: Abar = (2 + i)/(2 - i) = (3 + 4i)/5, Bbar = 2/(2 - i) = (4 + 2i)/5.
  using Q = Complex<Rational>;
  const auto q = [](int re, int im, int d = 5) {
    return Q(Rational(re) / Rational(d), Rational(im) / Rational(d));
  };
  const SimplifiedScan<Q> scan{Discretization::bilinear, {q(0, 5)}, {1, 1, {Q(1)}}, {1, 1, {Q(2)}}};
  const std::vector<std::vector<Q>> u{{Q(1)}, {Q(5)}}, delta{{Q(1)}, {Q(1)}};
  const auto run = scan.run({Q(0)}, u, delta, delta);
  EXPECT_EQ(run.x[0][0], q(4, 2));
  EXPECT_EQ(run.x[1][0], q(3, 4) * q(4, 2) + q(20, 10));
  EXPECT_EQ(run.y[1][0], Q(2) * run.x[1][0]);
  EXPECT_EQ(s5_output(run.y[0][0], Rational(3), true), Rational(31, 1) / Rational(5));
  EXPECT_THROW(bilinear(Q(1), Q(1), Q(2)), std::domain_error);  // the pole
  EXPECT_EQ(bilinear(Q(1), Q(0), Q(-2)).multiplier, Q(0));
}

// zoh is continuous at a = 0, in value and in its partial by a.
TEST(SimplifiedScan, zoh_at_eigenvalue_zero) {
  using C = Complex<I>;
  const C d(I(Dyadic(0.75)), I(0)), tiny(I(Dyadic::power_of_two(-60)), I(Dyadic::power_of_two(-61)));
  const auto close = [](const C& x, const C& y) {
    for (const I& part : {x.re - y.re, x.im - y.im}) {
      EXPECT_LE(abs(part.lower()), Dyadic::power_of_two(-58));
      EXPECT_LE(abs(part.upper()), Dyadic::power_of_two(-58));
    }
  };
  EXPECT_TRUE(certainly_equal(zoh(d, d, C(0)).gain.re, d.re));
  close(zoh(d, d, tiny).gain, zoh(d, d, C(0)).gain);
  close(zoh_partials(d, d, tiny).gain_by_a, zoh_partials(d, d, C(0)).gain_by_a);
}

}  // namespace
}  // namespace exactscan::spec::test
