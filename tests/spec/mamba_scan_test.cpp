// The selective scan: its laws over a ring with an exact exponential, and its gradients against dual numbers.
#include "spec/selective_scan_adjoint.hpp"
#include "tests/spec/exponential_ring.hpp"

namespace exactscan::spec::test {
namespace {

using T = ExpRing;

struct Sizes {
  std::size_t steps = static_cast<std::size_t>(draw_int(0, 5)),
              states = static_cast<std::size_t>(draw_int(1, 3));
  bool gate = draw_bool();
};

SelectiveChannel<T> draw_channel(const Sizes& s) {
  SelectiveChannel<T> c;
  c.A = draw_vector<T>(s.states), c.h0 = draw_vector<T>(s.states);
  c.delta = draw_vector<T>(s.steps), c.u = draw_vector<T>(s.steps);
  if (s.gate) c.z = draw_vector<T>(s.steps);
  c.B = draw_rows<T>(s.steps, s.states), c.C = draw_rows<T>(s.steps, s.states);
  c.D = draw<T>();
  return c;
}

// The first `steps` steps.
SelectiveChannel<T> prefix(SelectiveChannel<T> c, std::size_t steps) {
  c.delta.resize(steps), c.u.resize(steps), c.B.resize(steps), c.C.resize(steps);
  if (!c.z.empty()) c.z.resize(steps);
  return c;
}

TEST(ExponentialRing, ExpTurnsSumsIntoProducts) {
  EXPECT_TRUE(holds([] {
    const T x = draw<T>(), y = draw<T>();
    require_equal(exp(x + y), exp(x) * exp(y));
    require_equal(exp(T(0)), T(1));
    require_equal(exp(x - y) * exp(y), exp(x));
  }));
}

// The step, from its formula, and the readout.
TEST(MambaScan, IsItsFormula) {
  EXPECT_TRUE(holds([] {
    const SelectiveChannel<T> c = draw_channel({3, 2, true});
    const SelectiveRun<T> run = selective_scan(c);
    std::vector<T> h = c.h0;
    for (std::size_t t = 0; t < 3; ++t) {
      for (std::size_t n = 0; n < 2; ++n)
        h[n] = exp(c.delta[t] * c.A[n]) * h[n] + c.delta[t] * c.B[t][n] * c.u[t];
      const T y = c.C[t][0] * h[0] + c.C[t][1] * h[1] + c.D * c.u[t];
      require_equal(run.states[t], h);
      require_equal(run.readout[t], y);
      require_equal(run.y[t], y * c.z[t] * sigmoid(c.z[t]));
    }
  }));
}

// Each state is TorchLean's affine scan.
TEST(MambaScan, IsAnAffineScan) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const SelectiveChannel<T> c = draw_channel(s);
    const SelectiveRun<T> run = selective_scan(c);
    for (std::size_t n = 0; n < s.states; ++n) {
      std::vector<ScalarAffineTransition<T>> transitions;
      for (std::size_t t = 0; t < s.steps; ++t)
        transitions.push_back(selective_transition(c.delta[t], c.A[n], c.B[t][n], c.u[t]));
      const std::vector<T> states = scalar_affine_scan(c.h0[n], ScalarAffineList<T>(transitions));
      for (std::size_t t = 0; t < s.steps; ++t) require_equal(run.states[t][n], states[t]);
    }
  }));
}

// Later tokens never change earlier outputs.
TEST(MambaScan, IsCausal) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const SelectiveChannel<T> c = draw_channel(s);
    const auto steps = static_cast<std::size_t>(draw_int(0, static_cast<std::int64_t>(s.steps)));
    std::vector<T> all = selective_scan(c).y;
    all.resize(steps);
    require_equal(all, selective_scan(prefix(c, steps)).y);
  }));
}

TEST(MambaScan, StepSizeAppliesBiasBeforeSoftplusAndLimitsAfterIt) {
  EXPECT_TRUE(holds([] {
    const T raw = draw<T>(), bias = draw<T>();
    require_equal(step_size(raw, bias, {}), raw + bias);
    require_equal(step_size(raw, bias, {true}), softplus(raw + bias));
    require_equal(step_size(raw, bias, {true, 0, 1}), clamp(softplus(raw + bias), 0, 1));
    require_equal(step_size_slope(raw, bias, {true}), sigmoid(raw + bias));
    require_equal(step_size_slope(raw, bias, {}), T(1));
    require_equal(step_size_slope(raw, bias, {true, 0, 1}),
                  T(4) * softplus(raw + bias) * sigmoid(raw + bias));
  }));
}

// Every gradient at once: the derivative of sum of dy y along random directions, by duals and by the adjoint.
class Directional {
 public:
  explicit Directional(const Sizes& s)
      : s_(s),
        value_(draw_channel(s)),
        way_(draw_channel(s)),
        raw_(draw_vector<T>(s.steps)),
        raw_way_(draw_vector<T>(s.steps)),
        bias_(draw<T>()),
        bias_way_(draw<T>()),
        rule_{draw_bool()} {
    for (std::size_t t = 0; t < s.steps; ++t) value_.delta[t] = step_size(raw_[t], bias_, rule_);
  }

  T by_duals(const std::vector<T>& dy) const {
    SelectiveChannel<DualExp> c;
    const auto zip = [](const std::vector<T>& x, const std::vector<T>& d) {
      std::vector<DualExp> out;
      for (std::size_t i = 0; i < x.size(); ++i) out.emplace_back(x[i], d[i]);
      return out;
    };
    c.A = zip(value_.A, way_.A), c.h0 = zip(value_.h0, way_.h0), c.u = zip(value_.u, way_.u),
    c.z = zip(value_.z, way_.z);
    c.D = {value_.D, way_.D};
    for (std::size_t t = 0; t < s_.steps; ++t) {
      c.delta.push_back(step_size(DualExp(raw_[t], raw_way_[t]), DualExp(bias_, bias_way_), rule_));
      c.B.push_back(zip(value_.B[t], way_.B[t])), c.C.push_back(zip(value_.C[t], way_.C[t]));
    }
    const SelectiveRun<DualExp> run = selective_scan(c);
    T sum(0);
    for (std::size_t t = 0; t < s_.steps; ++t) sum = sum + dy[t] * run.y[t].tangent;
    return sum;
  }

  T by_adjoint(const std::vector<T>& dy) const {
    const SelectiveRun<T> run = selective_scan(value_);
    std::vector<T> carry(s_.states, T(0));
    T sum(0);
    for (std::size_t t = s_.steps; t-- > 0;) {
      SelectiveAdjointInput<T> in{value_.delta[t], step_size_slope(raw_[t], bias_, rule_),
                                  value_.u[t],     value_.D,
                                  dy[t],           run.readout[t]};
      in.z = value_.z.empty() ? nullptr : &value_.z[t];
      in.A = &value_.A, in.B = &value_.B[t], in.C = &value_.C[t];
      in.before = t == 0 ? &value_.h0 : &run.states[t - 1], in.after = &run.states[t];
      const SelectiveAdjointStep<T> step = selective_adjoint_step(in, carry);
      sum = sum + step.du * way_.u[t] + step.ddelta * (raw_way_[t] + bias_way_) + step.dD * way_.D;
      if (!value_.z.empty()) sum = sum + step.dz * way_.z[t];
      for (std::size_t n = 0; n < s_.states; ++n)
        sum = sum + step.dA[n] * way_.A[n] + step.dB[n] * way_.B[t][n] + step.dC[n] * way_.C[t][n];
      carry = step.carry;
    }
    for (std::size_t n = 0; n < s_.states; ++n) sum = sum + carry[n] * way_.h0[n];
    return sum;
  }

 private:
  Sizes s_;
  SelectiveChannel<T> value_, way_;
  std::vector<T> raw_, raw_way_;
  T bias_, bias_way_;
  StepRule rule_;
};

TEST(MambaScan, AdjointIsTheDerivative) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const Directional at(s);
    const std::vector<T> dy = draw_vector<T>(s.steps);
    require_equal(at.by_adjoint(dy), at.by_duals(dy));
  }));
}

}  // namespace
}  // namespace exactscan::spec::test
