#include "tests/soundness/diagonal_ssm_kernel.hpp"

#include "tests/soundness/attack.hpp"

namespace exactscan::soundness {
namespace {

using namespace emulation;

// One channel's inputs; A and B hold one number where they are constant.
struct Channel {
  std::vector<double> A, B, x, dh;
  double h0 = 0;

  double a(std::size_t t) const { return A.size() == 1 ? A[0] : A[t]; }
  double b(std::size_t t) const { return B.size() == 1 ? B[0] : B[t]; }

  // The two scans, nearly: what within_scope asks for.
  Sequence forward() const {
    Sequence s{h0, {}, {}};
    for (std::size_t t = 0; t < x.size(); ++t) s.a.push_back(a(t)), s.b.push_back(b(t) * x[t]);
    return s;
  }
  Sequence adjoint() const {
    Sequence s{0, {}, dh};
    for (std::size_t t = 0; t < x.size(); ++t) s.a.push_back(a(t));
    return s;
  }
};

struct Results {
  std::vector<double> h, dA, dB, dx;
  double dh0 = 0;
};

Channel draw_channel(Random& random, const Setting& setting, std::size_t steps, bool vary_a, bool vary_b) {
  const auto profile = [&] { return static_cast<Profile>(random.below(profile_count)); };
  const Sequence data = draw_sequence(random, setting.in_format, profile(), steps);
  const Sequence gradient = draw_sequence(random, setting.in_format, profile(), steps);
  const int spread = random.one_in(6) ? 40 : 2;  // seldom B of another size than x
  Channel c{
      vary_a ? data.a : std::vector<double>{data.a[random.below(steps)]}, {}, data.b, gradient.b, data.h0};
  for (std::size_t t = 0; t < (vary_b ? steps : 1); ++t)
    c.B.push_back(special_number(random, setting.in_format, -spread, spread));
  for (auto* values : {&c.A, &c.B, &c.x, &c.dh}) sprinkle(random, setting, *values);
  return c;
}

// h_t = A_t h_{t-1} + B_t x_t: the leaves' products formed first, or (one after the other) fused into the
// step.
template <class K>
std::vector<typename K::Value> run_states(K& kernel, const Channel& c, const typename K::Value* h0,
                                          Schedule schedule, const BinaryFormat& format) {
  Windows<K> leaves;
  for (std::size_t t = 0; t < c.x.size(); ++t)
    leaves.push_back({kernel.read(c.a(t)), kernel.mul(kernel.read(c.b(t)), kernel.read(c.x[t]))});
  if (schedule != Schedule::sequential || h0 == nullptr || kernel.random().coin())
    return scan_states(kernel, leaves, h0, within_scope(schedule, c.forward(), format));
  std::vector<typename K::Value> states;
  auto h = *h0;
  for (std::size_t t = 0; t < c.x.size(); ++t) {
    const auto a = kernel.read(c.a(t)), b = kernel.read(c.b(t)), x = kernel.read(c.x[t]);
    h = kernel.random().coin() ? kernel.multiply_add(a, h, kernel.mul(b, x))
                               : kernel.multiply_add(b, x, kernel.mul(a, h));
    states.push_back(h);
  }
  return states;
}

// g_t = dh_t + A_{t+1} g_{t+1}.
template <class K>
std::vector<typename K::Value> run_adjoint(K& kernel, const Channel& c, Schedule schedule,
                                           const BinaryFormat& format) {
  const std::size_t steps = c.x.size();
  Windows<K> leaves;
  for (std::size_t t = steps - 1; t-- > 0;) leaves.push_back({kernel.read(c.a(t + 1)), kernel.read(c.dh[t])});
  const auto last = kernel.read(c.dh[steps - 1]);
  std::vector<typename K::Value> g =
      scan_states(kernel, leaves, &last, within_scope(schedule, c.adjoint(), format));
  g.insert(g.begin(), last);
  std::reverse(g.begin(), g.end());
  return g;
}

// Products of g with another factor, one a step: each on its own, or their sum.
template <class K, class Store>
std::vector<double> gradient(K& kernel, const std::vector<typename K::Value>& g,
                             const std::vector<typename K::Value>& factor, bool summed, Store&& give) {
  std::vector<double> out;
  std::vector<Addend<typename K::Value>> terms;
  for (std::size_t t = 0; t < g.size(); ++t) {
    terms.push_back({g[t], factor[t], true});
    if (!summed) out.push_back(give(kernel.mul(g[t], factor[t])));
  }
  if (summed) out.push_back(give(sum(kernel, std::move(terms))));
  return out;
}

template <class A>
Results run_channel(const A& arithmetic, Random& random, const Setting& setting, Schedule schedule,
                    const Channel& c, bool with_h0, bool backward) {
  using K = Kernel<A>;
  K kernel(arithmetic, static_cast<Fma>(random.below(3)), random);
  const auto give = [&](const auto& x) { return stored(kernel.get(x), setting, random); };
  const auto h0 = kernel.read(with_h0 ? c.h0 : 0);
  // A missing initial state may as well be one that is zero; an infinity times it is NaN.
  const auto* start = with_h0 || setting.not_finite || random.coin() ? &h0 : nullptr;
  auto h = run_states(kernel, c, start, schedule, setting.accumulate);
  Results out;
  for (const auto& x : h) out.h.push_back(give(x));
  if (!backward) return out;
  if (random.coin())
    h = run_states(kernel, c, start, Schedule::sequential, setting.accumulate);  // computed again
  const auto g = run_adjoint(kernel, c, schedule, setting.accumulate);
  std::vector<typename K::Value> before{h0}, x;
  for (std::size_t t = 0; t < g.size(); ++t) {
    before.push_back(h[t]);
    x.push_back(kernel.read(c.x[t]));
    out.dx.push_back(give(kernel.mul(g[t], kernel.read(c.b(t)))));
  }
  before.pop_back();
  out.dA = gradient(kernel, g, before, c.A.size() == 1, give);
  out.dB = gradient(kernel, g, x, c.B.size() == 1, give);
  out.dh0 = give(kernel.mul(g[0], kernel.read(c.a(0))));
  return out;
}

// Column n of a tensor of one row a step, or of one row.
class Columns {
 public:
  Columns(std::size_t rows, std::size_t columns) : rows_(rows), columns_(columns), values_(rows * columns) {}
  void set(std::size_t column, const std::vector<double>& values) {
    for (std::size_t t = 0; t < rows_; ++t) values_[t * columns_ + column] = values[t];
  }
  Tensor tensor(ElementType type, bool vector) const {
    const auto n = static_cast<std::int64_t>(columns_);
    return make_tensor(type,
                       vector ? std::vector<std::int64_t>{n}
                              : std::vector<std::int64_t>{static_cast<std::int64_t>(rows_), n},
                       values_);
  }

 private:
  std::size_t rows_, columns_;
  std::vector<double> values_;
};

}  // namespace

Case diagonal_ssm_case(Random& random, const Setting& setting, Schedule schedule, ScanShape shape) {
  const std::size_t steps = shape.steps, n = shape.channels;
  // Constant multipliers bring out-of-order products of their own; the quadratic form keeps to the order
  // here.
  const bool vary_a = random.coin(), vary_b = random.coin(), with_h0 = !random.one_in(4),
             backward = !random.one_in(4);
  Columns A(vary_a ? steps : 1, n), B(vary_b ? steps : 1, n), x(steps, n), dh(steps, n), h0(1, n),
      h(steps, n), dA(vary_a ? steps : 1, n), dB(vary_b ? steps : 1, n), dx(steps, n), dh0(1, n);
  for (std::size_t i = 0; i < n; ++i) {
    const Channel c = draw_channel(random, setting, steps, vary_a, vary_b);
    const Results r = with_arithmetic(setting, random, [&](const auto& arithmetic) {
      return run_channel(arithmetic, random, setting, schedule, c, with_h0, backward);
    });
    A.set(i, c.A), B.set(i, c.B), x.set(i, c.x), h0.set(i, {c.h0}), h.set(i, r.h);
    if (backward) dh.set(i, c.dh), dA.set(i, r.dA), dB.set(i, r.dB), dx.set(i, r.dx), dh0.set(i, {r.dh0});
  }
  Case value;
  value.op = "diagonal_ssm";
  value.inputs["A"] = A.tensor(setting.in, !vary_a);
  value.inputs["B"] = B.tensor(setting.in, !vary_b);
  value.inputs["x"] = x.tensor(setting.in, false);
  if (with_h0) value.inputs["h0"] = h0.tensor(setting.in, true);
  value.outputs["h"] = h.tensor(setting.out, false);
  if (!backward) return value;
  value.inputs["dh"] = dh.tensor(setting.in, false);
  value.outputs["dA"] = dA.tensor(setting.out, !vary_a);
  value.outputs["dB"] = dB.tensor(setting.out, !vary_b);
  value.outputs["dx"] = dx.tensor(setting.out, false);
  value.outputs["dh0"] = dh0.tensor(setting.out, true);
  return value;
}

}  // namespace exactscan::soundness
