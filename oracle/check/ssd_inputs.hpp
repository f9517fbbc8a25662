// What the SSD operations read alike: sizes, groups, sequences, and one head as the definitions of
// spec/ssd.hpp take it.
#pragma once

#include <string>
#include <vector>

#include "oracle/check/array.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/operation.hpp"
#include "oracle/check/step_sizes.hpp"
#include "spec/ssd.hpp"

namespace exactscan {

struct SsdInputs {
  SsdInputs(const Case& value, const Dimensions& dimensions, const ElementaryRules& rules);

  std::int64_t batch, heads, steps, width, states, groups, chunk, chunks;
  StepSizeRule rule;
  Array x, dt, A, B, C, D, z, bias, initial;
  Array dy, dfinal;                                 // gradients with respect to y and to the final states
  Array chunk_dt, sums, chunk_states;               // of the stages: dt, dA_cumsum, states
  std::vector<std::vector<std::int64_t>> sequence;  // by batch and step; empty: one sequence
  std::vector<std::int64_t> ends;                   // cu_seqlens, where the case has them

  // Consecutive heads share a group.
  std::int64_t group_of(std::int64_t h) const { return h / (heads / groups); }
  double skip(std::int64_t h, std::int64_t p) const {
    return !D.present() ? 0 : D.rank() == 1 ? D(h) : D(h, p);
  }
  bool fits() const;
  std::vector<ElementType> operand_types() const;
  // The last live step of a chunk, plus one.
  std::int64_t live(std::int64_t c) const { return std::min(chunk, steps - c * chunk); }

  // Head h of batch b with the columns p of `columns` alone; without x, B, C, D where the operation has none.
  template <class T>
  spec::SsdHead<T> head(std::int64_t b, std::int64_t h, const std::vector<std::int64_t>& columns) const;
  template <class T>
  std::vector<T> step_sizes(std::int64_t b, std::int64_t h) const;
  // Chunk c of the stages' dt and dA_cumsum.
  template <class T>
  spec::SsdCumsum<T> cumsums(std::int64_t b, std::int64_t h) const;

  std::vector<std::int64_t> all_columns() const;
};

template <class T>
std::vector<T> SsdInputs::step_sizes(std::int64_t b, std::int64_t h) const {
  std::vector<T> sizes;
  for (std::int64_t t = 0; t < steps; ++t)
    sizes.push_back(
        spec::step_size(FromDouble<T>::make(dt(b, t, h)), FromDouble<T>::make(bias(h)), rule.rule));
  return sizes;
}

template <class T>
spec::SsdHead<T> SsdInputs::head(std::int64_t b, std::int64_t h,
                                 const std::vector<std::int64_t>& columns) const {
  const auto number = [](double v) { return FromDouble<T>::make(v); };
  spec::SsdHead<T> out;
  out.A = number(A(h));
  if (!sequence.empty()) out.sequence = sequence[static_cast<std::size_t>(b)];
  out.dt =
      dt.present() ? step_sizes<T>(b, h) : std::vector<T>(static_cast<std::size_t>(steps), spec::zero<T>());
  for (std::int64_t t = 0; t < steps; ++t) {
    std::vector<T>&x_row = out.x.emplace_back(), &B_row = out.B.emplace_back(), &C_row = out.C.emplace_back();
    for (const std::int64_t p : columns) x_row.push_back(number(x(b, t, h, p)));
    for (std::int64_t n = 0; n < states && B.present(); ++n) B_row.push_back(number(B(b, t, group_of(h), n)));
    for (std::int64_t n = 0; n < states && C.present(); ++n) C_row.push_back(number(C(b, t, group_of(h), n)));
  }
  for (const std::int64_t p : columns) {
    out.D.push_back(number(skip(h, p)));
    std::vector<T>& row = out.initial.emplace_back();
    for (std::int64_t n = 0; n < states; ++n) row.push_back(number(initial(b, h, p, n)));
  }
  return out;
}

template <class T>
spec::SsdCumsum<T> SsdInputs::cumsums(std::int64_t b, std::int64_t h) const {
  spec::SsdCumsum<T> out;
  for (std::int64_t c = 0; c < chunks; ++c) {
    std::vector<T>&d = out.dt.emplace_back(), &L = out.L.emplace_back();
    for (std::int64_t l = 0; l < chunk; ++l) {
      d.push_back(FromDouble<T>::make(chunk_dt(b, h, c, l)));
      L.push_back(FromDouble<T>::make(sums(b, h, c, l)));
    }
  }
  return out;
}

}  // namespace exactscan
