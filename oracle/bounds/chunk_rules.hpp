// The allowances of chunked kernels: cumulative sums, decays as exponentials of their differences, and dots
// whose operands a tensor core converts. Theorems: [proof: decay_cumsum], [proof: decay_segsum], [proof:
// decay_product], [proof: chunk_majorant]; how they go together: proofs-notes/elementary-rules.md, "Chunks".
//
// Within a chunk, with x_r = delta_r A and L_l their inclusive sum: eps_r bounds the error of the computed
// x_r, which is the same in every sum and so cancels in a difference; g_l bounds what the summation itself
// adds. A decay between two steps is off by a factor of at most
//   exp(sum of rho_r over the steps between + gamma of both ends) (1 + eps_e).
#pragma once

#include <vector>

#include "oracle/bounds/elementary_rules.hpp"
#include "oracle/casefile/element_type.hpp"

namespace exactscan {

class ChunkRules {
 public:
  // `types`: of x, B, C, as far as they are there. `fits`: whether all inputs are numbers of the working
  // format.
  ChunkRules(const ElementaryRules& rules, const Contract& contract, const std::vector<ElementType>& types,
             bool fits);

  Decay decay() const { return decay_; }

  // Conversions of operands on the way of one term, by where it goes.
  enum class Way : std::uint8_t { state, entering, intra };
  // (1+theta)^k (1+v)^4 (1+eps_e) (1+u_acc)^additions e^exponent - 1, k the conversions on that way.
  Bound factor(Way way, Bound additions, Bound exponent) const;

  // The same of a term of a gradient, which may pass through a state and the gradient of one: both ends of a
  // decay, two exponentials, the stored gate's product, and up to eight roundings.
  Bound gradient(Bound additions, Bound exponent) const;
  // Whether operands are 16-bit numbers that a tensor core takes as they are; what is stored on the way is
  // then stored in 16 bits, with this relative error (0 where not).
  Bound stored_between() const { return stored_; }

  // exp of a given difference or sum of size |d|: by how much the exponent may be off.
  Bound difference(Bound d) const { return up(Bound((v_ + prescale_) * d)); }
  Bound single(Bound d) const { return up(Bound(prescale_ * d)); }

  // What each step of a chunk contributes: x_r = delta_r A with its error.
  struct Steps {
    std::vector<Bound> rho;    // log of the factor a step puts on decays across it
    std::vector<Bound> gamma;  // log of the factor on a decay's end at this step
    std::vector<Bound> row;    // by how much L_l itself may be off, as an exponent
  };
  Steps steps(const std::vector<Inexact>& x) const;

  // The output of a dot: the accumulator, the skip term and up to three roundings; `value` bounds |y|.
  Inexact output(Bound value, Bound error, Bound skip) const;

  // What all underflows of `operations` operations can add, each multiplied by at most `reach` afterwards.
  Bound underflow(Bound operations, Bound reach) const;
  bool may_overflow(Bound operations, Bound reach) const;

 private:
  const ElementaryRules& rules_;
  Decay decay_;
  Bound v_, prescale_, theta_ = 0, theta_state_ = 0, accumulate_, loss_;
  Bound stored_ = 0;
  int conversions_[4] = {0, 0, 0, 0};
  int extra_ = 0;
};

}  // namespace exactscan
