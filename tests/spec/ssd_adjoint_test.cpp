// The gradients of state space duality: against dual numbers through the recurrence and through the stages,
// and against the selective scan's adjoint.
#include "spec/ssd_adjoint.hpp"

#include "spec/selective_scan_adjoint.hpp"
#include "tests/spec/exponential_ring.hpp"

namespace exactscan::spec::test {
namespace {

using T = ExpRing;

// A head with a gate, raw step sizes and their rule.
struct Problem {
  SsdHead<T> head;
  Table<T> z;
  std::vector<T> raw;
  T bias;
};

struct Sizes {
  std::size_t steps = static_cast<std::size_t>(draw_int(0, 5)),
              width = static_cast<std::size_t>(draw_int(1, 2)),
              states = static_cast<std::size_t>(draw_int(1, 3));
  bool gate = draw_bool(), sequences = draw_bool();
  StepRule rule{draw_bool(), draw_bool() ? 0.0 : StepRule().low};
};

Problem draw_problem(const Sizes& s) {
  Problem p;
  p.head.A = draw<T>();
  p.head.x = draw_rows<T>(s.steps, s.width), p.head.B = draw_rows<T>(s.steps, s.states),
  p.head.C = draw_rows<T>(s.steps, s.states);
  p.head.D = draw_vector<T>(s.width);
  p.head.initial = draw_rows<T>(s.width, s.states);
  if (s.gate) p.z = draw_rows<T>(s.steps, s.width);
  p.raw = draw_vector<T>(s.steps), p.bias = draw<T>();
  for (const T& raw : p.raw) p.head.dt.push_back(step_size(raw, p.bias, s.rule));
  return p;
}

std::vector<DualExp> zip(const std::vector<T>& x, const std::vector<T>& way) {
  std::vector<DualExp> out;
  for (std::size_t i = 0; i < x.size(); ++i) out.emplace_back(x[i], way[i]);
  return out;
}
Table<DualExp> zip(const Table<T>& x, const Table<T>& way) {
  Table<DualExp> out;
  for (std::size_t i = 0; i < x.size(); ++i) out.push_back(zip(x[i], way[i]));
  return out;
}
T inner(const Table<T>& x, const Table<T>& y) {
  T sum(0);
  for (std::size_t i = 0; i < x.size(); ++i) sum = sum + ssd_dot(x[i], y[i]);
  return sum;
}

struct Direction {
  Sizes s;
  Problem at = draw_problem(s), way = draw_problem(s);
  Table<T> dy = draw_rows<T>(s.steps, s.width), dfinal = draw_rows<T>(s.width, s.states);

  Direction() {
    std::int64_t id = 0;
    for (std::size_t t = 0; t < s.steps && s.sequences; ++t) {
      at.head.sequence.push_back(id);
      if (draw_int(0, 2) == 0) ++id;
    }
  }

  // The derivative of sum of dy y + sum of F S along the way; Q = 0: by the recurrence, else in chunks of Q.
  T by_duals(std::size_t Q) const {
    SsdHead<DualExp> head;
    head.A = {at.head.A, way.head.A};
    for (std::size_t t = 0; t < s.steps; ++t)
      head.dt.push_back(step_size(DualExp(at.raw[t], way.raw[t]), DualExp(at.bias, way.bias), s.rule));
    head.x = zip(at.head.x, way.head.x), head.B = zip(at.head.B, way.head.B),
    head.C = zip(at.head.C, way.head.C), head.D = zip(at.head.D, way.head.D);
    head.initial = zip(at.head.initial, way.head.initial), head.sequence = at.head.sequence;
    const SsdRun<DualExp> run = Q == 0 ? ssd_recurrence(head) : ssd_chunked(head, Q);
    T sum(0);
    for (std::size_t t = 0; t < s.steps; ++t) {
      for (std::size_t p = 0; p < s.width; ++p) {
        DualExp y = run.y[t][p];
        if (s.gate) y = gated(y, DualExp(at.z[t][p], way.z[t][p]));
        sum = sum + dy[t][p] * y.tangent;
      }
    }
    for (std::size_t p = 0; p < s.width; ++p) {
      for (std::size_t n = 0; n < s.states; ++n) sum = sum + dfinal[p][n] * run.final[p][n].tangent;
    }
    return sum;
  }

  T by_adjoint() const {
    const SsdGradients<T> d = ssd_adjoint(at.head, at.z, dy, dfinal);
    T sum = d.dA * way.head.A + inner(d.dx, way.head.x) + inner(d.dB, way.head.B) + inner(d.dC, way.head.C) +
            ssd_dot(d.dD, way.head.D) + inner(d.dinitial, way.head.initial);
    if (s.gate) sum = sum + inner(d.dz, way.z);
    for (std::size_t t = 0; t < s.steps; ++t)
      sum = sum + d.ddt[t] * step_size_slope(at.raw[t], at.bias, s.rule) * (way.raw[t] + way.bias);
    return sum;
  }
};

TEST(SsdAdjoint, IsTheDerivativeOfTheRecurrence) {
  EXPECT_TRUE(holds([] {
    const Direction at;
    require_equal(at.by_adjoint(), at.by_duals(0));
  }));
}

TEST(SsdAdjoint, IsTheDerivativeOfTheStagesForEveryChunkSize) {
  EXPECT_TRUE(holds([] {
    const Direction at;
    const T truth = at.by_adjoint();
    for (std::size_t Q = 1; Q <= at.s.steps + 1; ++Q) require_equal(at.by_duals(Q), truth);
  }));
}

// A column of a head is a channel of the selective scan whose states all decay alike, so its gradients are
// that channel's: summed over the states for A, over the columns for dt, B and C.
TEST(SsdAdjoint, IsTheSelectiveScansAdjointColumnByColumn) {
  EXPECT_TRUE(holds([] {
    const Sizes s;
    const Problem at = draw_problem(s);
    const SsdHead<T>& head = at.head;
    const Table<T> dy = draw_rows<T>(s.steps, s.width), dfinal = draw_rows<T>(s.width, s.states);
    const SsdGradients<T> truth = ssd_adjoint(head, at.z, dy, dfinal);
    T dA(0);
    std::vector<T> ddt(s.steps, T(0));
    Table<T> dB(s.steps, std::vector<T>(s.states, T(0))), dC = dB;
    for (std::size_t p = 0; p < s.width; ++p) {
      SelectiveChannel<T> c;
      c.A.assign(s.states, head.A), c.h0 = head.initial[p], c.delta = head.dt, c.B = head.B, c.C = head.C,
                                    c.D = head.D[p];
      for (const auto& row : head.x) c.u.push_back(row[p]);
      for (const auto& row : at.z) c.z.push_back(row[p]);
      const SelectiveRun<T> run = selective_scan(c);
      std::vector<T> carry = dfinal[p];
      T dD(0);
      for (std::size_t t = s.steps; t-- > 0;) {
        SelectiveAdjointInput<T> in{c.delta[t], T(1), c.u[t], c.D, dy[t][p], run.readout[t]};
        in.z = c.z.empty() ? nullptr : &c.z[t];
        in.A = &c.A, in.B = &c.B[t], in.C = &c.C[t];
        in.before = t == 0 ? &c.h0 : &run.states[t - 1], in.after = &run.states[t];
        const SelectiveAdjointStep<T> step = selective_adjoint_step(in, carry);
        require_equal(step.du, truth.dx[t][p]);
        require_equal(step.dz, truth.dz[t][p]);
        ddt[t] = ddt[t] + step.ddelta, dD = dD + step.dD;
        for (std::size_t n = 0; n < s.states; ++n)
          dA = dA + step.dA[n], dB[t][n] = dB[t][n] + step.dB[n], dC[t][n] = dC[t][n] + step.dC[n];
        carry = step.carry;
      }
      require_equal(dD, truth.dD[p]);
      require_equal(carry, truth.dinitial[p]);
    }
    require_equal(dA, truth.dA), require_equal(ddt, truth.ddt);
    require_equal(dB, truth.dB), require_equal(dC, truth.dC);
  }));
}

}  // namespace
}  // namespace exactscan::spec::test
