#include "oracle/check/s5/allowances.hpp"

#include <algorithm>

namespace exactscan::s5 {

AllowanceBuilder::AllowanceBuilder(const Problem& problem, const Contract& contract,
                                   const Selection& selection)
    : s_(problem),
      pick_(selection),
      calculus_(contract),
      coefficients_(calculus_, contract, problem.method),
      previous_(contract.previous) {
  for (int r = 0; r < result_count; ++r) {
    const auto i = static_cast<std::size_t>(r);
    if (pick_.results[i]) allowed_[i].resize(static_cast<std::size_t>(s_.outputs[i].size()));
  }
  const auto dots = [&](Result r, std::int64_t count, bool is_real) {
    return std::vector<Dot>(want(r) ? static_cast<std::size_t>(count) : 0, Dot(calculus_, is_real));
  };
  y_ = dots(y, s_.H * s_.L, false), du_ = dots(du, s_.H * s_.L, false);
  dB_ = dots(dB, s_.P * s_.H, false), dC_ = dots(dC, s_.H * s_.P, false), dD_ = dots(dD, s_.H, true);
  dA_.resize(static_cast<std::size_t>(s_.P));
}

// s is 1 or 2: exact.
InexactParts AllowanceBuilder::gradient_parts(std::int64_t n, std::int64_t h, std::int64_t t) const {
  if (!s_.dy.present) return {};
  InexactParts g = read_parts(s_.dy, s_.at_u(n, h, t));
  const auto scale = static_cast<long double>(s_.scale());
  return {g.re * scale, g.im * scale, g.error * scale, g.over};
}

AllowanceBuilder::Forward AllowanceBuilder::forward(std::int64_t n, std::int64_t p,
                                                    const Channel<Value>& c) const {
  Forward f;
  f.start = s_.x0.present ? read(s_.x0, n * s_.P + p) : Inexact{};
  ComplexScanAllowance scan(calculus_, f.start);
  const Inexact ax = read(s_.A, p);
  for (std::size_t t = 0; t < c.x.size(); ++t) {
    const auto time = static_cast<std::int64_t>(t);
    const std::int64_t place = s_.at_step(n, p, time);
    const Numbers& steps_a = s_.deltaA.present ? s_.deltaA : s_.delta;
    f.inputs.push_back(
        {steps_a[place], s_.delta[place], s_.A[p], read(steps_a, place), read(s_.delta, place), ax});
    f.step.push_back(coefficients_.step(f.inputs.back(), c.step[t]));
    Dot sum(calculus_, false);
    for (std::int64_t h = 0; h < s_.H; ++h)
      sum.add(read_parts(s_.B, p * s_.H + h), read_parts(s_.u, s_.at_u(n, h, time)));
    f.b.push_back(sum.result(c.b[t].size()));
    // Two roundings more: d b may be formed first.
    f.leaf.push_back(calculus_.times(f.step.back().gain, f.b.back(), 2));
    scan.step(f.step.back().multiplier, f.leaf.back());
    f.x.push_back(scan.state(c.x[t].size()));
  }
  return f;
}

std::vector<Inexact> AllowanceBuilder::adjoint_states(std::int64_t n, std::int64_t p, const Channel<Value>& c,
                                                      const Forward& f) const {
  std::vector<Inexact> lambda(c.lambda.size());
  std::optional<ComplexScanAllowance> scan;
  for (std::size_t t = lambda.size(); t-- > 0;) {
    Dot sum(calculus_, false);
    for (std::int64_t h = 0; h < s_.H; ++h)
      sum.add(read_parts(s_.C, h * s_.P + p), gradient_parts(n, h, static_cast<std::int64_t>(t)));
    Inexact source = sum.result(sum.majorant());
    if (!scan) {
      if (s_.dlast_state.present) {
        const Inexact last = read(s_.dlast_state, n * s_.P + p);
        source = calculus_.sum(source, last, up(source.size + last.size));
      }
      scan.emplace(calculus_, source);
    } else {
      scan->step(f.step[t + 1].multiplier, source);
    }
    lambda[t] = scan->state(c.lambda[t].size());
  }
  return lambda;
}

Inexact AllowanceBuilder::before(const Channel<Value>& c, const Forward& f, std::size_t t) const {
  const Inexact stored = t == 0 ? f.start : f.x[t - 1];
  if (previous_ == Previous::stored) return stored;
  const Inexact a = f.step[t].multiplier;
  const Inexact numerator = calculus_.sum(f.x[t], f.leaf[t], up(a.size * stored.size));
  Inexact recovered = calculus_.quotient(numerator, a, c.step[t].multiplier.least_modulus(), stored.size);
  recovered.error = std::max(recovered.error, stored.error);
  recovered.over = recovered.over || stored.over;
  return recovered;
}

Inexact AllowanceBuilder::chained(const Inexact& lambda, const Inexact& v, const Inexact& partial,
                                  long double T, long double scale) const {
  Inexact r = ComplexCalculus::exact_product(ComplexCalculus::exact_product(lambda, v), partial);
  const long double q = calculus_.product_units(),
                    bound = up(lambda.bound() * v.bound() * up(T + partial.error));
  const long double formed = up((2 * q + q * q) + calculus_.growth(3) * (1 + q) * (1 + q));
  const auto at_least_one = [](long double x) { return std::max(1.0L, x); };
  // What a product on the way loses to underflow meets the factors that follow, at most all of those above 1;
  // and where these come first, what is moderate as a whole can overflow.
  const long double rest = up((T + partial.error) / scale);
  const long double reach = up(at_least_one(lambda.bound()) * at_least_one(v.bound()) *
                               up(at_least_one(scale) * at_least_one(rest)));
  r.error = up(r.error + formed * bound + (bound > 0 ? 4 * calculus_.product_loss() * reach : 0));
  r.over = r.over || calculus_.checked({reach, 0, false}).over;
  return calculus_.checked(r);
}

void AllowanceBuilder::gradients_of_step(std::int64_t n, std::int64_t p, const Channel<Value>& c,
                                         const Forward& f, std::size_t t, const Inexact& lambda) {
  const auto time = static_cast<std::int64_t>(t);
  const PartialBounds by = coefficients_.partials(f.inputs[t], c.step[t], c.by[t]);
  const Inexact previous = before(c, f, t);
  const CoefficientBounds::Inputs& in = f.inputs[t];
  const auto nonzero = [](long double x) { return x > 0 ? x : 1; };
  const long double a_size = nonzero(in.ax.size), d_size = in.dx.size;
  const Inexact e = chained(lambda, previous, by.multiplier_by_step, by.multiplier_by_step.size, a_size);
  const Inexact d = chained(lambda, f.b[t], by.gain_by_step, by.parts_by_step, 1);
  const long double d_parts =
      up(lambda.bound() * f.b[t].bound() * up(by.parts_by_step + by.gain_by_step.error));
  const std::int64_t place = s_.at_step(n, p, time);
  const bool constant_gain = s_.method == spec::Discretization::dirac;
  if (want(ddeltaA)) allow(ddeltaA, place, e);
  if (want(ddelta) && s_.deltaA.present) allow(ddelta, place, constant_gain ? Inexact{} : d);
  if (want(ddelta) && !s_.deltaA.present) {
    const long double all = up(e.bound() + d_parts + d.error);
    allow(ddelta, place, {0, up(e.error + d.error + calculus_.growth(4) * all), e.over || d.over});
  }
  if (want(dA)) {
    const Inexact first =
        chained(lambda, previous, by.multiplier_by_a, by.multiplier_by_a.size, nonzero(in.ex.size));
    const bool bilinear = s_.method == spec::Discretization::bilinear;
    const Inexact second = chained(lambda, f.b[t], by.gain_by_a, by.parts_by_a,
                                   bilinear ? nonzero(d_size * d_size / 2) : 1 / a_size);
    const long double parts_of_second =
        up(lambda.bound() * f.b[t].bound() * up(by.parts_by_a + by.gain_by_a.error));
    const long double all = up(first.bound() + parts_of_second + second.error);
    SumOfTerms& sum = dA_[static_cast<std::size_t>(p)];
    sum.error =
        up(sum.error + first.error + second.error + calculus_.growth(3) * all + 2 * calculus_.sum_loss());
    sum.size = up(sum.size + all);
    sum.terms += 2;
    sum.over = sum.over || first.over || second.over;
  }
  const Inexact gb = calculus_.times(f.step[t].gain, lambda, 2);
  const InexactParts gb_parts = parts(c.back[t].gb, gb);
  for (std::int64_t h = 0; h < s_.H; ++h) {
    if (want(du))
      du_[static_cast<std::size_t>(h * s_.L + time)].add(read_parts(s_.B, p * s_.H + h), gb_parts);
    if (want(dB))
      dB_[static_cast<std::size_t>(p * s_.H + h)].add(gb_parts, read_parts(s_.u, s_.at_u(n, h, time)));
    if (want(dC))
      dC_[static_cast<std::size_t>(h * s_.P + p)].add(gradient_parts(n, h, time), parts(c.x[t], f.x[t]));
  }
}

void AllowanceBuilder::backward(std::int64_t n, std::int64_t p, const Channel<Value>& c, const Forward& f) {
  const std::vector<Inexact> lambda = adjoint_states(n, p, c, f);
  for (std::size_t t = 0; t < lambda.size(); ++t) gradients_of_step(n, p, c, f, t, lambda[t]);
  if (!want(dx0)) return;
  if (lambda.empty()) {
    if (s_.dlast_state.present) allow(dx0, n * s_.P + p, read(s_.dlast_state, n * s_.P + p));
    return;
  }
  allow(dx0, n * s_.P + p, calculus_.times(f.step[0].multiplier, lambda[0]));
}

void AllowanceBuilder::channel_done(std::int64_t n, std::int64_t p, const Channel<Value>& c) {
  const Forward f = forward(n, p, c);
  if (want(last_state)) allow(last_state, n * s_.P + p, f.x.empty() ? f.start : f.x.back());
  if (want(y)) {
    for (std::int64_t h = 0; h < s_.H; ++h) {
      const InexactParts weight = read_parts(s_.C, h * s_.P + p);
      for (std::size_t t = 0; t < f.x.size(); ++t)
        y_[static_cast<std::size_t>(h * s_.L) + t].add(weight, parts(c.x[t], f.x[t]));
    }
  }
  if (pick_.backward()) backward(n, p, c, f);
}

// s Re(y) + D Re(u), or + (D u)_h: the terms of both may be summed in any order.
void AllowanceBuilder::finish_outputs(std::int64_t n, const Values<Value>&) {
  for (std::int64_t h = 0; h < s_.H; ++h) {
    for (std::int64_t t = 0; t < pick_.steps; ++t) {
      Dot& dot = y_[static_cast<std::size_t>(h * s_.L + t)];
      Inexact out = dot.result(dot.majorant());
      dot = Dot(calculus_, false);
      if (s_.kind != Kind::scan) {
        const auto scale = static_cast<long double>(s_.scale());
        out = {out.size * scale, out.error * scale, out.over};
        Dot skip(calculus_, true);
        for (std::int64_t j = 0; j < s_.H && s_.D.present; ++j) {
          if (s_.kind == Kind::inner && j != h) continue;
          InexactParts weight = read_parts(s_.D, s_.kind == Kind::inner ? h : h * s_.H + j);
          skip.add(weight, read_parts(s_.u, s_.at_u(n, j, t)));
        }
        const Inexact skipped = skip.result(skip.majorant());
        const double additions = s_.kind == Kind::inner ? 2 : static_cast<double>(s_.H) + 1;
        const long double all = up(out.bound() + skipped.bound());
        out = calculus_.checked({all,
                                 up(out.error + skipped.error + calculus_.growth(additions) * all +
                                    static_cast<long double>(additions) * calculus_.sum_loss()),
                                 out.over || skipped.over});
      }
      allow(y, s_.at_u(n, h, t), out);
    }
  }
}

void AllowanceBuilder::finish_inputs_gradient(std::int64_t n) {
  for (std::int64_t h = 0; h < s_.H; ++h) {
    for (std::int64_t t = 0; t < s_.L; ++t) {
      Dot& dot = du_[static_cast<std::size_t>(h * s_.L + t)];
      Inexact g = dot.result(dot.majorant());
      dot = Dot(calculus_, false);
      if (s_.kind == Kind::inner && s_.D.present && s_.dy.present) {
        const Inexact skip = calculus_.scaled(read(s_.D, h), read(s_.dy, s_.at_u(n, h, t)));
        g = calculus_.sum(g, skip, up(g.size + skip.size));
      }
      allow(du, s_.at_u(n, h, t), g);
    }
  }
}

void AllowanceBuilder::batch_done(std::int64_t n, const Values<Value>& values) {
  if (want(y)) finish_outputs(n, values);
  if (want(du)) finish_inputs_gradient(n);
  for (std::int64_t h = 0; h < s_.H && want(dD); ++h) {
    for (std::int64_t t = 0; t < s_.L; ++t) {
      const std::int64_t i = s_.at_u(n, h, t);
      InexactParts input = read_parts(s_.u, i);
      input.im = 0;
      dD_[static_cast<std::size_t>(h)].add(read_parts(s_.dy, i), input);
    }
  }
}

Allowances AllowanceBuilder::take(const Values<Value>&) {
  const auto sums = [&](Result r, const std::vector<Dot>& dots) {
    for (std::size_t i = 0; i < dots.size(); ++i)
      allow(r, static_cast<std::int64_t>(i), dots[i].result(dots[i].majorant()));
  };
  sums(dB, dB_), sums(dC, dC_), sums(dD, dD_);
  for (std::size_t p = 0; p < dA_.size() && want(dA); ++p) {
    const SumOfTerms& sum = dA_[p];
    const long double e = up(sum.error + calculus_.growth(sum.terms) * sum.size);
    allow(dA, static_cast<std::int64_t>(p), calculus_.checked({sum.size, e, sum.over}));
  }
  return std::move(allowed_);
}

}  // namespace exactscan::s5
