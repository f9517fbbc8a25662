// evaluate(): the definition of spec/ over any number, for every output that is wanted.
#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "oracle/check/s5/problem.hpp"
#include "oracle/numbers/dependence.hpp"
#include "oracle/numbers/disc.hpp"
#include "spec/simplified_scan_adjoint.hpp"

namespace exactscan::s5 {

// An input as a number. NaN and infinity become 0 where Z has none: see FromDouble.
template <class Z>
struct Lift {
  static Z make(std::complex<double> x) {
    return Z::exactly(std::isfinite(x.real()) ? x.real() : 0, std::isfinite(x.imag()) ? x.imag() : 0);
  }
};
template <>
struct Lift<Dependence> {
  static Dependence make(std::complex<double> x) {
    return Dependence::of(!std::isfinite(x.real()) || !std::isfinite(x.imag()));
  }
};
template <class Z>
Z lift(std::complex<double> x) {
  return Lift<Z>::make(x);
}

// What of the results is computed.
struct Selection {
  std::array<bool, result_count> results{};
  std::int64_t first_batch = 0, last_batch = 0;  // [first, last); sums over the batch need all
  std::int64_t steps = 0;                        // of the forward pass; the backward pass needs all
  bool backward() const {
    return std::any_of(results.begin() + du, results.end(), [](bool b) { return b; });
  }
};
inline Selection all_of(const Problem& problem) {
  Selection s;
  for (int r = 0; r < result_count; ++r)
    s.results[static_cast<std::size_t>(r)] = problem.wants(static_cast<Result>(r));
  s.last_batch = problem.N;
  s.steps = problem.L;
  return s;
}

// One state of one sequence over time.
template <class Z>
struct Channel {
  std::vector<spec::DiscreteStep<Z>> step;
  std::vector<spec::DiscreteStepPartials<Z>> by;
  std::vector<Z> b, x, lambda;  // x: after each step
  std::vector<spec::S5AdjointStep<Z>> back;
  Z start, dx0;  // the state before the first step, and its gradient
  const Z& before(std::size_t t) const { return t == 0 ? start : x[t - 1]; }
};

template <class Z>
using Values = std::array<std::vector<Z>, result_count>;

template <class Z>
class Evaluation {
 public:
  Evaluation(const Problem& problem, const Selection& selection) : s_(problem), pick_(selection) {
    for (const Output& output : s_.outputs) {
      const auto r = static_cast<std::size_t>(&output - s_.outputs.data());
      if (pick_.results[r]) values_[r].assign(static_cast<std::size_t>(output.size()), Z(0));
    }
  }

  // Calls channel_done(n, p, channel) after each state of each sequence and batch_done(n, values) after each
  // sequence.
  template <class ChannelDone, class BatchDone>
  Values<Z> run(ChannelDone&& channel_done, BatchDone&& batch_done) {
    for (std::int64_t n = pick_.first_batch; n < pick_.last_batch; ++n) {
      for (std::int64_t p = 0; p < s_.P; ++p) {
        Channel<Z> channel = forward(n, p);
        if (pick_.backward()) backward(n, p, channel);
        collect(n, p, channel);
        channel_done(n, p, channel);
      }
      finish(n);
      batch_done(n, values_);
    }
    return std::move(values_);
  }
  Values<Z> run() {
    return run([](auto&&...) {}, [](auto&&...) {});
  }

 private:
  bool want(Result r) const { return pick_.results[r]; }
  Z& at(Result r, std::int64_t i) { return values_[r][static_cast<std::size_t>(i)]; }
  void add(Result r, std::int64_t i, const Z& x) { at(r, i) = at(r, i) + x; }

  Channel<Z> forward(std::int64_t n, std::int64_t p) const {
    Channel<Z> c;
    c.start = lift<Z>(s_.start(n, p));
    Z x = c.start;
    const Z a = lift<Z>(s_.A[p]);
    for (std::int64_t t = 0; t < pick_.steps; ++t) {
      const Z b = spec::dot<Z>(
          static_cast<std::size_t>(s_.H),
          [&](std::size_t h) { return lift<Z>(s_.B[p * s_.H + static_cast<std::int64_t>(h)]); },
          [&](std::size_t h) { return lift<Z>(s_.u[s_.at_u(n, static_cast<std::int64_t>(h), t)]); });
      c.step.push_back(
          spec::discretize(s_.method, lift<Z>(s_.step_a(n, p, t)), lift<Z>(s_.step(n, p, t)), a));
      x = spec::s5_step(c.step.back(), x, b);
      c.b.push_back(b);
      c.x.push_back(x);
    }
    return c;
  }

  void backward(std::int64_t n, std::int64_t p, Channel<Z>& c) const {
    const auto length = static_cast<std::size_t>(s_.L);
    const Z a = lift<Z>(s_.A[p]);
    c.by.resize(length), c.lambda.resize(length), c.back.resize(length);
    Z carry = s_.dlast_state.present ? lift<Z>(s_.dlast_state[n * s_.P + p]) : Z(0);
    for (std::size_t t = length; t-- > 0;) {
      const auto step = static_cast<std::int64_t>(t);
      const Z source = spec::dot<Z>(
          static_cast<std::size_t>(s_.H),
          [&](std::size_t h) { return conj(lift<Z>(s_.C[static_cast<std::int64_t>(h) * s_.P + p])); },
          [&](std::size_t h) { return lift<Z>(s_.gradient(n, static_cast<std::int64_t>(h), step)); });
      c.lambda[t] = source + carry;
      c.by[t] = spec::discretize_partials(s_.method, lift<Z>(s_.step_a(n, p, step)),
                                          lift<Z>(s_.step(n, p, step)), a);
      c.back[t] = spec::s5_adjoint_step(c.step[t], c.by[t], c.lambda[t], c.before(t), c.b[t]);
      carry = c.back[t].carry;
    }
    c.dx0 = carry;
  }

  void collect(std::int64_t n, std::int64_t p, const Channel<Z>& c) {
    if (want(last_state)) at(last_state, n * s_.P + p) = c.x.empty() ? c.start : c.x.back();
    for (std::int64_t h = 0; h < s_.H && want(y); ++h) {
      const Z weight = lift<Z>(s_.C[h * s_.P + p]);
      for (std::int64_t t = 0; t < pick_.steps; ++t)
        add(y, s_.at_u(n, h, t), weight * c.x[static_cast<std::size_t>(t)]);
    }
    if (!pick_.backward()) return;
    if (want(dx0)) at(dx0, n * s_.P + p) = c.dx0;
    for (std::int64_t t = 0; t < s_.L; ++t) {
      const auto& back = c.back[static_cast<std::size_t>(t)];
      const std::int64_t place = s_.at_step(n, p, t);
      const Z E = Z(real(back.E)), F = Z(real(back.F));
      if (want(dA)) add(dA, p, back.dA);
      if (want(ddelta)) at(ddelta, place) = s_.deltaA.present ? F : E + F;
      if (want(ddeltaA)) at(ddeltaA, place) = E;
      for (std::int64_t h = 0; h < s_.H; ++h) {
        const std::int64_t i = s_.at_u(n, h, t);
        if (want(du)) add(du, i, conj(lift<Z>(s_.B[p * s_.H + h])) * back.gb);
        if (want(dB)) add(dB, p * s_.H + h, back.gb * conj(lift<Z>(s_.u[i])));
        if (want(dC))
          add(dC, h * s_.P + p, lift<Z>(s_.gradient(n, h, t)) * conj(c.x[static_cast<std::size_t>(t)]));
      }
    }
  }

  // What does not belong to a state: the skip connection and its gradients.
  void finish(std::int64_t n) {
    if (s_.kind == Kind::scan) return;
    for (std::int64_t h = 0; h < s_.H; ++h) {
      for (std::int64_t t = 0; t < s_.L; ++t) {
        const std::int64_t i = s_.at_u(n, h, t);
        if (want(y) && t < pick_.steps) at(y, i) = Z(spec::s5_output(at(y, i), skip(n, h, t), s_.conj_sym));
        if (s_.kind != Kind::inner || !s_.dy.present) continue;
        const Z g = lift<Z>(s_.dy[i]);
        if (want(du) && s_.D.present) add(du, i, lift<Z>(s_.D[h]) * g);
        if (want(dD)) add(dD, h, product_of_real_parts(g, lift<Z>(s_.u[i])));
      }
    }
  }

  // As complex numbers, which keep an exact 0 exact.
  static Z product_of_real_parts(const Z& x, const Z& y) { return Z(real(x)) * Z(real(y)); }

  typename Z::Real skip(std::int64_t n, std::int64_t h, std::int64_t t) const {
    Z sum(0);
    for (std::int64_t j = 0; j < s_.H && s_.D.present; ++j) {
      if (s_.kind == Kind::inner && j != h) continue;
      const std::int64_t place = s_.kind == Kind::inner ? h : h * s_.H + j;
      sum = sum + product_of_real_parts(lift<Z>(s_.D[place]), lift<Z>(s_.u[s_.at_u(n, j, t)]));
    }
    return real(sum);
  }

  const Problem& s_;
  Selection pick_;
  Values<Z> values_;
};

}  // namespace exactscan::s5
