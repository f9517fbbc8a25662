// The operations mamba_block and selective_mamba_block: TorchLean's two Mamba blocks. Their outputs mix
// channels, so the whole case is one unit.
//
// Theorems: the affine scan's for the states, with inexact leaves; everything around it by the rules of
// "Calculus" and of proofs-notes/elementary-rules.md.
#pragma once

#include <algorithm>
#include <span>
#include <type_traits>
#include <vector>

#include "oracle/bounds/elementary_rules.hpp"
#include "oracle/check/array.hpp"
#include "oracle/check/careful_sink.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/numbers/clamp.hpp"
#include "oracle/numbers/elementary.hpp"
#include "spec/mamba_block.hpp"
#include "spec/selective_mamba_block.hpp"

namespace exactscan {

template <class T>
spec::Matrix<T> matrix_of(const Array& a) {
  spec::Matrix<T> m{static_cast<std::size_t>(a.shape()[0]), static_cast<std::size_t>(a.shape()[1]), {}};
  for (std::int64_t r = 0; r < a.shape()[0]; ++r) {
    for (std::int64_t c = 0; c < a.shape()[1]; ++c) m.entries.push_back(FromDouble<T>::make(a(r, c)));
  }
  return m;
}
template <class T>
std::vector<T> vector_of(const Array& a) {
  std::vector<T> v;
  for (std::int64_t i = 0; i < a.shape()[0]; ++i) v.push_back(FromDouble<T>::make(a(i)));
  return v;
}
template <class T>
std::vector<T> row_of(const Array& a, std::int64_t row) {
  std::vector<T> v;
  for (std::int64_t i = 0; i < a.shape()[1]; ++i) v.push_back(FromDouble<T>::make(a(row, i)));
  return v;
}

// What a kernel may hold of x·M, entry by entry: sums of products in any order.
std::vector<Inexact> projected(const ElementaryRules& rules, const std::vector<Inexact>& x, const Array& m);
// A row or vector of inputs.
std::vector<Inexact> inputs_of(const ElementaryRules& rules, const Array& a, std::int64_t row);
bool any_overflow(const ElementaryRules& rules, const std::vector<Inexact>& values);

// One unit, outputs y [L, O] and h_last: what both blocks have in common.
class BlockOperation {
 public:
  static constexpr bool algebraic = false;
  enum : int { y, h_last, output_count };
  const std::vector<Output>& outputs() const { return outputs_; }
  bool exact_affordable() const { return false; }
  std::int64_t units() const { return 1; }

 protected:
  explicit BlockOperation(const Contract& contract) : rules_(contract) {}
  static std::int64_t steps_needed(std::span<const Request> requests, std::int64_t length) {
    std::int64_t steps = 0;
    for (const Request& r : requests) steps = std::max(steps, r.output == y ? r.row + 1 : length);
    return steps;
  }

  ElementaryRules rules_;
  std::int64_t length_ = 0;
  Array x_, out_proj_, h0_;
  std::vector<Output> outputs_;
};

class CompactMambaBlock : public BlockOperation {
 public:
  CompactMambaBlock(const Case& value, const Dimensions& dimensions, const Contract& contract);
  void enclose(std::int64_t unit, CarefulSink& sink) const;
  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  template <class T>
  spec::MambaBlock<T> block() const {
    return {matrix_of<T>(in_proj_),
            matrix_of<T>(gate_proj_),
            matrix_of<T>(out_proj_),
            {vector_of<T>(A_), vector_of<T>(B_), vector_of<T>(C_), vector_of<T>(D_)}};
  }
  template <class T>
  std::vector<T> start() const {
    return h0_.present() ? vector_of<T>(h0_)
                         : std::vector<T>(static_cast<std::size_t>(A_.shape()[0]), spec::zero<T>());
  }
  Array in_proj_, gate_proj_, A_, B_, C_, D_;
};

class FullMambaBlock : public BlockOperation {
 public:
  FullMambaBlock(const Case& value, const Dimensions& dimensions, const Contract& contract);
  void enclose(std::int64_t unit, CarefulSink& sink) const;
  template <class T, class Emit>
  void evaluate(std::span<const Request> requests, Emit&& emit) const;

 private:
  struct Bounds;
  void step(const spec::SelectiveMambaBlock<Ball<double>>::Inner& inner,
            const spec::SelectiveMambaBlock<Ball<double>>::State& state, std::int64_t t,
            Bounds& bounds) const;
  template <class T>
  spec::SelectiveMambaBlock<T> block() const {
    return {matrix_of<T>(x_proj_),    matrix_of<T>(z_proj_),  matrix_of<T>(conv_kernel_),
            vector_of<T>(conv_bias_), matrix_of<T>(dt_proj_), vector_of<T>(dt_bias_),
            matrix_of<T>(A_),         matrix_of<T>(b_proj_),  matrix_of<T>(c_proj_),
            vector_of<T>(d_skip_),    matrix_of<T>(out_proj_)};
  }
  template <class T>
  typename spec::SelectiveMambaBlock<T>::State start(const spec::SelectiveMambaBlock<T>& block) const {
    auto state = block.start();
    for (std::size_t d = 0; d < state.h.size() && h0_.present(); ++d)
      state.h[d] = row_of<T>(h0_, static_cast<std::int64_t>(d));
    for (std::int64_t i = 0; history_.present() && i < history_.shape()[0]; ++i)
      state.history.push_back(row_of<T>(history_, i));
    return state;
  }
  // What may come out. A rate that is not finite may or may not multiply the empty state, a tap that is not
  // finite the zeros before the first token.
  template <class T>
  T possible(const T& value) const {
    if constexpr (std::is_same_v<T, ValueClass>) {
      if (!finite_taps_) return ValueClass::any();
    }
    return !h0_.present() && !finite_rates_ ? left_open(value) : value;
  }
  bool finite_rates_, finite_taps_;
  Array x_proj_, z_proj_, conv_kernel_, conv_bias_, dt_proj_, dt_bias_, A_, b_proj_, c_proj_, d_skip_,
      history_;
};

template <class T, class Emit>
void CompactMambaBlock::evaluate(std::span<const Request> requests, Emit&& emit) const {
  const spec::MambaBlock<T> layer = block<T>();
  std::vector<T> h = start<T>();
  for (std::int64_t t = 0; t < steps_needed(requests, length_); ++t) {
    const std::vector<T> x = row_of<T>(x_, t);
    auto next = layer.step(h, x);
    if (std::is_same_v<T, ValueClass> && t == 0 && !h0_.present()) {
      // A kernel may begin with the first summand as it is: as if nothing decayed.
      spec::MambaBlock<T> without = layer;
      without.ssm.A.assign(h.size(), spec::zero<T>());
      const auto first = without.step(h, x);
      for (std::size_t n = 0; n < h.size(); ++n)
        next.state[n] = first_state(std::move(next.state[n]), first.state[n]);
      for (std::size_t o = 0; o < next.output.size(); ++o)
        next.output[o] = first_state(std::move(next.output[o]), first.output[o]);
    }
    h = std::move(next.state);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].output == y && requests[i].row == t)
        emit(i, next.output[static_cast<std::size_t>(requests[i].column)]);
    }
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].output == h_last) emit(i, h[static_cast<std::size_t>(requests[i].column)]);
  }
}

template <class T, class Emit>
void FullMambaBlock::evaluate(std::span<const Request> requests, Emit&& emit) const {
  const spec::SelectiveMambaBlock<T> layer = block<T>();
  auto state = start(layer);
  for (std::int64_t t = 0; t < steps_needed(requests, length_); ++t) {
    auto next = layer.step(std::move(state), row_of<T>(x_, t));
    state = std::move(next.state);
    for (std::size_t i = 0; i < requests.size(); ++i) {
      if (requests[i].output == y && requests[i].row == t)
        emit(i, possible(next.output[static_cast<std::size_t>(requests[i].column)]));
    }
  }
  for (std::size_t i = 0; i < requests.size(); ++i) {
    if (requests[i].output == h_last)
      emit(i, possible(state.h[static_cast<std::size_t>(requests[i].row)]
                              [static_cast<std::size_t>(requests[i].column)]));
  }
}

}  // namespace exactscan
