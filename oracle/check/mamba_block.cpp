#include "oracle/check/mamba_block.hpp"

#include <fmt/format.h>

#include "oracle/bounds/scan_allowance.hpp"
#include "oracle/check/outputs.hpp"
#include "oracle/check/unit_judge.hpp"

namespace exactscan {
namespace {

using Number = Ball<double>;

Inexact with_magnitude(const Number& value, const Inexact& bound) {
  return {std::min(most(value), bound.magnitude), bound.error};
}

bool all_finite(const Array& m) {
  for (std::int64_t i = 0; i < m.shape()[0]; ++i) {
    for (std::int64_t j = 0; j < m.shape()[1]; ++j) {
      if (!std::isfinite(m(i, j))) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<Inexact> projected(const ElementaryRules& rules, const std::vector<Inexact>& x, const Array& m) {
  std::vector<Inexact> out;
  for (std::int64_t c = 0; c < m.shape()[1]; ++c) {
    Calculus<Bound>::Sum terms;
    for (std::size_t i = 0; i < x.size(); ++i)
      terms.add(
          rules.calculus().rounded_product(x[i], rules.input(m(static_cast<std::int64_t>(i), c), m.fits())));
    out.push_back(terms.result(rules.calculus()));
  }
  return out;
}

std::vector<Inexact> inputs_of(const ElementaryRules& rules, const Array& a, std::int64_t row) {
  std::vector<Inexact> out;
  const std::int64_t size = a.shape().back();
  for (std::int64_t i = 0; i < size; ++i)
    out.push_back(rules.input(a.rank() == 1 ? a(i) : a(row, i), a.fits()));
  return out;
}

bool any_overflow(const ElementaryRules& rules, const std::vector<Inexact>& values) {
  return std::any_of(values.begin(), values.end(), [&](const Inexact& v) { return rules.may_overflow(v); });
}

CompactMambaBlock::CompactMambaBlock(const Case& value, const Dimensions& dimensions,
                                     const Contract& contract)
    : BlockOperation(contract) {
  const auto array = [&](const char* name) { return Array(value, name, rules_.arithmetic()); };
  length_ = dimensions.at("L");
  x_ = array("x"), h0_ = array("h0"), out_proj_ = array("out_proj"), in_proj_ = array("in_proj"),
  gate_proj_ = array("gate_proj");
  A_ = array("A"), B_ = array("B"), C_ = array("C"), D_ = array("D");
  outputs_ = {make_output(value, contract, "y", {length_, dimensions.at("O")}),
              make_output(value, contract, "h_last", {dimensions.at("N")})};
}

void CompactMambaBlock::enclose(std::int64_t, CarefulSink& sink) const {
  const spec::MambaBlock<Number> layer = block<Number>();
  const Calculus<Bound>& calculus = rules_.calculus();
  std::vector<Number> h = start<Number>();
  std::vector<ScanAllowance<Bound>> bounds;
  for (std::size_t n = 0; n < h.size(); ++n) {
    const Inexact first =
        h0_.present() ? rules_.input(h0_(static_cast<std::int64_t>(n)), h0_.fits()) : Inexact{0, 0};
    bounds.emplace_back(rules_.arithmetic(), first.magnitude, first.error);
  }
  const std::vector<Inexact> A = inputs_of(rules_, A_, 0), B = inputs_of(rules_, B_, 0),
                             C = inputs_of(rules_, C_, 0), D = inputs_of(rules_, D_, 0);
  bool over = false;
  for (std::int64_t t = 0; t < length_; ++t) {
    const std::vector<Number> x = row_of<Number>(x_, t);
    const std::vector<Number> s = spec::multiply(x, layer.in_proj), gate = spec::multiply(x, layer.gate_proj);
    const std::vector<Inexact> xx = inputs_of(rules_, x_, t);
    std::vector<Inexact> sx = projected(rules_, xx, in_proj_), gx = projected(rules_, xx, gate_proj_), rx;
    auto next = layer.step(std::move(h), x);
    h = std::move(next.state);
    for (std::size_t n = 0; n < h.size(); ++n) {
      sx[n] = with_magnitude(s[n], sx[n]), gx[n] = with_magnitude(gate[n], gx[n]);
      const Inexact leaf = calculus.rounded_product(B[n], sx[n]);
      bounds[n].step<false>({A[n].magnitude, A[n].error, leaf.magnitude, leaf.error, false});
      const Inexact hx{std::min(most(h[n]), bounds[n].majorant()), bounds[n].allowance()};
      Calculus<Bound>::Sum parts;
      parts.add(calculus.rounded_product(C[n], hx));
      parts.add(calculus.rounded_product(D[n], sx[n]));
      const Inexact r = parts.result(calculus);
      rx.push_back(calculus.rounded_product(r, rules_.sigmoid(gate[n], gx[n])));
      over = over || bounds[n].overflow_possible() || rules_.may_overflow(r);
    }
    over = over || any_overflow(rules_, sx) || any_overflow(rules_, gx);
    const std::vector<Inexact> e = projected(rules_, rx, out_proj_);
    for (std::size_t o = 0; o < e.size() && sink.wants(y); ++o)
      sink.put(y, t, static_cast<std::int64_t>(o), next.output[o], e[o].error,
               over || rules_.may_overflow(e[o]));
  }
  for (std::size_t n = 0; n < h.size() && sink.wants(h_last); ++n)
    sink.put(h_last, 0, static_cast<std::int64_t>(n), h[n], bounds[n].allowance(), over);
}

FullMambaBlock::FullMambaBlock(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : BlockOperation(contract) {
  const auto array = [&](const char* name) { return Array(value, name, rules_.arithmetic()); };
  length_ = dimensions.at("L");
  x_ = array("x"), h0_ = array("h0"), out_proj_ = array("out_proj"), x_proj_ = array("x_proj"),
  z_proj_ = array("z_proj");
  conv_kernel_ = array("conv_kernel"), conv_bias_ = array("conv_bias"), dt_proj_ = array("dt_proj"),
  dt_bias_ = array("dt_bias");
  A_ = array("A"), b_proj_ = array("b_proj"), c_proj_ = array("c_proj"), d_skip_ = array("d_skip"),
  history_ = array("history");
  finite_rates_ = all_finite(A_), finite_taps_ = all_finite(conv_kernel_);
  if (history_.present() && history_.shape()[0] >= std::max<std::int64_t>(conv_kernel_.shape()[0], 1))
    throw CaseError(
        fmt::format("{}: in.history holds {} tokens; a convolution of {} taps looks back at {} at most",
                    value.file, history_.shape()[0], conv_kernel_.shape()[0],
                    std::max<std::int64_t>(conv_kernel_.shape()[0] - 1, 0)));
  outputs_ = {make_output(value, contract, "y", {length_, dimensions.at("O")}),
              make_output(value, contract, "h_last", {dimensions.at("E"), dimensions.at("N")})};
}

// What kernels may hold, beside the values of spec::SelectiveMambaBlock.
struct FullMambaBlock::Bounds {
  std::vector<std::vector<ScanAllowance<Bound>>> h;
  std::vector<std::vector<Inexact>> history;  // newest first
  std::vector<Inexact> y;
  bool overflow = false;
};

void FullMambaBlock::step(const spec::SelectiveMambaBlock<Number>::Inner& inner,
                          const spec::SelectiveMambaBlock<Number>::State& state, std::int64_t t,
                          Bounds& bounds) const {
  const Calculus<Bound>& calculus = rules_.calculus();
  const std::vector<Inexact> x = inputs_of(rules_, x_, t);
  bounds.history.insert(bounds.history.begin(), projected(rules_, x, x_proj_));
  const std::vector<Inexact> z = projected(rules_, x, z_proj_);
  std::vector<Inexact> u;
  for (std::size_t c = 0; c < inner.u.size(); ++c) {
    const auto column = static_cast<std::int64_t>(c);
    Calculus<Bound>::Sum terms;
    terms.add(rules_.input(conv_bias_(column), conv_bias_.fits()));
    for (std::size_t tap = 0;
         tap < bounds.history.size() && static_cast<std::int64_t>(tap) < conv_kernel_.shape()[0]; ++tap)
      terms.add(calculus.rounded_product(
          bounds.history[tap][c],
          rules_.input(conv_kernel_(static_cast<std::int64_t>(tap), column), conv_kernel_.fits())));
    const Inexact v = with_magnitude(inner.v[c], terms.result(calculus));
    bounds.overflow = bounds.overflow || rules_.may_overflow(v);
    u.push_back(
        with_magnitude(inner.u[c], rules_.rounded(Product(v).times(rules_.sigmoid(inner.v[c], v)), 2)));
  }
  const std::vector<Inexact> raw = projected(rules_, u, dt_proj_), B = projected(rules_, u, b_proj_),
                             C = projected(rules_, u, c_proj_);
  bounds.overflow =
      bounds.overflow || any_overflow(rules_, raw) || any_overflow(rules_, B) || any_overflow(rules_, C);
  bounds.y.clear();
  for (std::size_t d = 0; d < u.size(); ++d) {
    const auto row = static_cast<std::int64_t>(d);
    const Inexact bias = rules_.input(dt_bias_(row), dt_bias_.fits());
    const Inexact argument =
        calculus.rounded({most(inner.delta_argument[d]), up(Bound(raw[d].error + bias.error))});
    const Inexact delta = rules_.softplus(inner.delta_argument[d], argument, 20);
    Calculus<Bound>::Sum terms;
    for (std::size_t n = 0; n < B.size(); ++n) {
      const double A = A_(row, static_cast<std::int64_t>(n));
      const Inexact exponent = calculus.rounded_product(delta, rules_.input(A, A_.fits()));
      const Inexact a =
          rules_.exp(most(spec::exponential(Number(-(inner.delta[d] * Number::exactly(A))))), exponent);
      const Inexact b = rules_.rounded(Product(delta).times(with_magnitude(inner.B[n], B[n])).times(u[d]), 2);
      ScanAllowance<Bound>& h = bounds.h[d][n];
      h.step<false>({a.magnitude, a.error, b.magnitude, b.error, false});
      const Inexact hx{std::min(most(state.h[d][n]), h.majorant()), h.allowance()};
      terms.add(calculus.rounded_product(with_magnitude(inner.C[n], C[n]), hx));
      bounds.overflow = bounds.overflow || h.overflow_possible();
    }
    terms.add(calculus.rounded_product(rules_.input(d_skip_(row), d_skip_.fits()), u[d]));
    const Inexact readout = with_magnitude(inner.readout[d], terms.result(calculus)),
                  gate = with_magnitude(inner.z[d], z[d]);
    bounds.overflow = bounds.overflow || rules_.may_overflow(readout) || rules_.may_overflow(gate);
    bounds.y.push_back(
        with_magnitude(inner.y[d], rules_.gated(readout, gate, rules_.sigmoid(inner.z[d], gate))));
  }
  if (static_cast<std::int64_t>(bounds.history.size()) >= conv_kernel_.shape()[0])
    bounds.history.resize(static_cast<std::size_t>(std::max<std::int64_t>(conv_kernel_.shape()[0] - 1, 0)));
}

void FullMambaBlock::enclose(std::int64_t, CarefulSink& sink) const {
  const spec::SelectiveMambaBlock<Number> layer = block<Number>();
  auto state = start(layer);
  Bounds bounds;
  for (std::int64_t i = 0; history_.present() && i < history_.shape()[0]; ++i)
    bounds.history.push_back(inputs_of(rules_, history_, i));
  for (std::size_t d = 0; d < state.h.size(); ++d) {
    auto& row = bounds.h.emplace_back();
    for (std::size_t n = 0; n < state.h[d].size(); ++n) {
      const Inexact first =
          rules_.input(h0_(static_cast<std::int64_t>(d), static_cast<std::int64_t>(n)), h0_.fits());
      row.emplace_back(rules_.arithmetic(), first.magnitude, first.error);
    }
  }
  for (std::int64_t t = 0; t < length_; ++t) {
    const auto inner = layer.advance(state, row_of<Number>(x_, t));
    step(inner, state, t, bounds);
    const std::vector<Number> value = spec::multiply(inner.y, layer.out_proj);
    const std::vector<Inexact> e = projected(rules_, bounds.y, out_proj_);
    for (std::size_t o = 0; o < e.size() && sink.wants(y); ++o)
      sink.put(y, t, static_cast<std::int64_t>(o), value[o], e[o].error,
               bounds.overflow || rules_.may_overflow(e[o]));
  }
  for (std::size_t d = 0; d < state.h.size() && sink.wants(h_last); ++d) {
    for (std::size_t n = 0; n < state.h[d].size(); ++n)
      sink.put(h_last, static_cast<std::int64_t>(d), static_cast<std::int64_t>(n), state.h[d][n],
               bounds.h[d][n].allowance(), bounds.overflow);
  }
}

const OperationJudge mamba_block_judge = make_unit_judge<CompactMambaBlock>("mamba_block");
const OperationJudge selective_mamba_block_judge = make_unit_judge<FullMambaBlock>("selective_mamba_block");

}  // namespace exactscan
