// The operation diagonal_s4: projection, diagonal state space model, readout, projection. Its outputs mix
// channels, so the whole case is one unit of work.
#pragma once

#include <span>
#include <vector>

#include "oracle/bounds/approximate.hpp"
#include "oracle/bounds/scan_allowance.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/operation.hpp"
#include "spec/diagonal_s4.hpp"

namespace exactscan {

class DiagonalS4Layer {
 public:
  enum : int { y, h_last, output_count };
  static constexpr bool channelwise = false;

  DiagonalS4Layer(const Case& value, const Dimensions& dimensions, const Contract& contract);

  const std::vector<Output>& outputs() const { return outputs_; }
  std::int64_t channels() const { return 1; }
  bool exact_affordable() const {
    return static_cast<double>(l_) * static_cast<double>(l_) * static_cast<double>(n_ + 1) <= 1e10;
  }

  // See AffineScan::enclose; `first` is ignored. Theorem for h: the affine scan's, with leaves B s rounded
  // once from an inexact s; for projections and readout: "Calculus", sums in any order with or without fused
  // multiply-add.
  template <class B, class V, class Sink>
  void enclose(std::int64_t first, Sink& sink) const;

  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  // The state of width_of<B> channels, and their readout of the current step.
  template <class B, class V>
  struct alignas(alignment_for<V>) Block {
    Ball<B> state;
    ScanAllowance<V> bound;
    Ball<B> readout;
    Approximate<V> readout_bound;
    Mask<V> overflow{};
  };

  template <class B, class V>
  void step(const Calculus<V>& calculus, std::int64_t t, std::int64_t n, Block<B, V>& block) const;
  template <class B, class V, class Sink>
  void project(const Calculus<V>& calculus, std::int64_t t, const std::vector<Block<B, V>>& blocks,
               Sink& sink) const;
  template <class T>
  spec::DiagonalS4<T> layer() const;

  template <class V, class B>
  Approximate<V> read(const Calculus<V>& calculus, const TensorView& view, const B& x) const {
    return calculus.input(magnitude_as<V>(x), fits(view));
  }
  template <class V, class B>
  Mask<V> reading_may_overflow(const Calculus<V>& calculus, const TensorView& view, const B& x) const {
    return calculus.reading_may_overflow(magnitude_as<V>(x), fits(view));
  }
  bool fits(const TensorView& view) const { return contains(arithmetic_.format, format_of(view.type())); }

  std::int64_t l_, n_, i_, o_;
  TensorView in_, out_, a_, b_, c_, d_, x_, h0_;
  std::vector<Output> outputs_;
  Arithmetic arithmetic_;
};

template <class B, class V, class Sink>
void DiagonalS4Layer::enclose(std::int64_t, Sink& sink) const {
  const Calculus<V> calculus(arithmetic_);
  std::vector<Block<B, V>> blocks;
  for (std::int64_t n = 0; n < n_; n += width_of<B>) {
    const B first = h0_.load<B>(0, n);
    const Approximate<V> start = read<V>(calculus, h0_, first);
    blocks.push_back(Block<B, V>{Ball<B>::exactly(first),
                                 ScanAllowance<V>(arithmetic_, start.magnitude, start.error), Ball<B>(0),
                                 start, Mask<V>{}});
  }
  for (std::int64_t t = 0; t < l_; ++t) {
    for (std::size_t k = 0; k < blocks.size(); ++k)
      step(calculus, t, static_cast<std::int64_t>(k) * width_of<B>, blocks[k]);
    if (sink.wants(y)) project(calculus, t, blocks, sink);
  }
  if (!sink.wants(h_last)) return;
  for (std::size_t k = 0; k < blocks.size(); ++k) {
    const Block<B, V>& block = blocks[k];
    sink.put(h_last, 0, static_cast<std::int64_t>(k) * width_of<B>, block.state, block.bound.allowance(),
             Mask<V>(block.overflow | block.bound.overflow_possible()));
  }
}

template <class B, class V>
void DiagonalS4Layer::step(const Calculus<V>& calculus, std::int64_t t, std::int64_t n,
                           Block<B, V>& block) const {
  using Number = Ball<B>;
  typename Calculus<V>::Sum terms;
  const auto input = [&](std::size_t i) {
    const double x = x_.load<double>(t, static_cast<std::int64_t>(i));
    return Number::exactly(broadcast<B>(x));
  };
  const auto weight = [&](std::size_t i) {
    const double x = x_.load<double>(t, static_cast<std::int64_t>(i));
    const B w = in_.load<B>(static_cast<std::int64_t>(i), n);
    block.overflow = block.overflow | reading_may_overflow<V>(calculus, x_, broadcast<B>(x)) |
                     reading_may_overflow<V>(calculus, in_, w);
    terms.add(calculus.rounded_product(read<V>(calculus, x_, broadcast<B>(x)), read<V>(calculus, in_, w)));
    return Number::exactly(w);
  };
  const Number s = spec::dot<Number>(static_cast<std::size_t>(i_), input, weight);
  const Approximate<V> summed = terms.result(calculus);
  const Approximate<V> sx{magnitude_of<V>(s, summed.magnitude), summed.error};
  const B a = a_.load<B>(0, n), b = b_.load<B>(0, n), c = c_.load<B>(0, n), d = d_.load<B>(0, n);
  const Approximate<V> ax = read<V>(calculus, a_, a);
  const Approximate<V> leaf = calculus.rounded_product(read<V>(calculus, b_, b), sx);
  block.bound.template step<false>(
      make_leaf(a, ax, leaf, contains(arithmetic_.format, format_of(a_.type()))));
  block.state = spec::ssm_step(Number::exactly(a), Number::exactly(b), block.state, s);
  const Approximate<V> hx{magnitude_of<V>(block.state, block.bound.majorant()), block.bound.allowance()};
  typename Calculus<V>::Sum parts;
  parts.add(calculus.rounded_product(read<V>(calculus, c_, c), hx));
  parts.add(calculus.rounded_product(read<V>(calculus, d_, d), sx));
  block.readout = spec::ssm_readout(Number::exactly(c), Number::exactly(d), block.state, s);
  const Approximate<V> r = parts.result(calculus);
  block.readout_bound = {magnitude_of<V>(block.readout, r.magnitude), r.error};
  block.overflow = block.overflow | block.bound.overflow_possible() | calculus.may_overflow(summed) |
                   calculus.may_overflow(r) | reading_may_overflow<V>(calculus, b_, b) |
                   reading_may_overflow<V>(calculus, c_, c) | reading_may_overflow<V>(calculus, d_, d);
}

template <class B, class V, class Sink>
void DiagonalS4Layer::project(const Calculus<V>& calculus, std::int64_t t,
                              const std::vector<Block<B, V>>& blocks, Sink& sink) const {
  using Number = Ball<B>;
  const auto block_of = [&](std::size_t n) -> const Block<B, V>& { return blocks[n / width_of<B>]; };
  const auto lane_of = [](std::size_t n) { return static_cast<int>(n % width_of<B>); };
  Mask<V> upstream{};
  for (const Block<B, V>& block : blocks) {
    if (any(block.overflow)) upstream = negation(Mask<V>{});
  }
  for (std::int64_t o = 0; o < o_; o += width_of<B>) {
    typename Calculus<V>::Sum terms;
    Mask<V> reading{};
    const auto readout = [&](std::size_t n) {
      const Number& r = block_of(n).readout;
      return Number(broadcast<B>(lane(r.mid, lane_of(n))), broadcast<B>(lane(r.rad, lane_of(n))));
    };
    const auto weight = [&](std::size_t n) {
      const B w = out_.load<B>(static_cast<std::int64_t>(n), o);
      reading = reading | reading_may_overflow<V>(calculus, out_, w);
      const Approximate<V>& r = block_of(n).readout_bound;
      const Approximate<V> rx{spread<V>(lane(r.magnitude, lane_of(n))), spread<V>(lane(r.error, lane_of(n)))};
      terms.add(calculus.rounded_product(rx, read<V>(calculus, out_, w)));
      return Number::exactly(w);
    };
    const Number value = spec::dot<Number>(static_cast<std::size_t>(n_), readout, weight);
    const Approximate<V> e = terms.result(calculus);
    sink.put(y, t, o, value, e.error, Mask<V>(upstream | reading | calculus.may_overflow(e)));
  }
}

template <class T>
spec::DiagonalS4<T> DiagonalS4Layer::layer() const {
  const auto matrix = [](const TensorView& view, std::int64_t rows, std::int64_t columns) {
    spec::Matrix<T> m{static_cast<std::size_t>(rows), static_cast<std::size_t>(columns), {}};
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c)
        m.entries.push_back(FromDouble<T>::make(view.load<double>(r, c)));
    }
    return m;
  };
  const auto row = [&](const TensorView& view) { return matrix(view, 1, n_).entries; };
  return {matrix(in_, i_, n_), matrix(out_, n_, o_), {row(a_), row(b_), row(c_), row(d_)}};
}

template <class T, class Emit>
void DiagonalS4Layer::evaluate(std::span<const Request> requests, Emit&& emit) const {
  std::vector<std::vector<std::size_t>> by_row(static_cast<std::size_t>(l_));
  std::int64_t steps = 0;
  for (std::size_t i = 0; i < requests.size(); ++i) {
    steps = std::max(steps, requests[i].output == y ? requests[i].row + 1 : l_);
    if (requests[i].output == y) by_row[static_cast<std::size_t>(requests[i].row)].push_back(i);
  }
  const spec::DiagonalS4<T> s4 = layer<T>();
  std::vector<T> h;
  for (std::int64_t n = 0; n < n_; ++n) h.push_back(FromDouble<T>::make(h0_.load<double>(0, n)));
  for (std::int64_t t = 0; t < steps; ++t) {
    std::vector<T> x;
    for (std::int64_t i = 0; i < i_; ++i) x.push_back(FromDouble<T>::make(x_.load<double>(t, i)));
    const std::vector<T> s = s4.project_input(x);
    h = s4.ssm.step(std::move(h), s);
    for (std::size_t n = 0; t == 0 && !h0_.present() && n < h.size(); ++n)
      h[n] = first_state(std::move(h[n]), T(s4.ssm.B[n] * s[n]));
    const auto& wanted = by_row[static_cast<std::size_t>(t)];
    if (wanted.empty()) continue;
    const std::vector<T> out = s4.project_output(s4.ssm.readout(h, s));
    for (const std::size_t i : wanted) emit(i, out[static_cast<std::size_t>(requests[i].column)]);
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].output == h_last) emit(i, h[static_cast<std::size_t>(requests[i].column)]);
  }
}

}  // namespace exactscan
