#include "oracle/bounds/chunk_rules.hpp"

#include <algorithm>

namespace exactscan {
namespace {

bool is_short(ElementType type) { return type == ElementType::bf16 || type == ElementType::f16; }
Bound conversion(ElementType type) { return type == ElementType::bf16 ? 0x1p-8L : 0x1p-11L; }

}  // namespace

ChunkRules::ChunkRules(const ElementaryRules& rules, const Contract& contract,
                       const std::vector<ElementType>& types, bool fits)
    : rules_(rules),
      decay_(contract.decay),
      v_(rules.v()),
      prescale_(rules.prescale()),
      accumulate_(rules.v()),
      loss_(4 * std::max(contract.exp_ulp, 1.0)) {
  if (!fits) extra_ = 6;  // each operand may round when it is read
  if (contract.state != StateType::full)
    theta_state_ = contract.state == StateType::bf16 ? 0x1p-8L : 0x1p-11L;
  if (contract.operands == Operands::full) return;
  accumulate_ = std::max(v_, 0x1p-22L);
  const bool any_short = std::any_of(types.begin(), types.end(), is_short),
             alike =
                 std::all_of(types.begin(), types.end(), [&](ElementType t) { return t == types.front(); });
  if (!any_short) theta_ = contract.tf32 == Tf32::rn ? 0x1p-11L : 0x1p-10L;
  for (const ElementType type : types) {
    if (is_short(type)) theta_ = std::max(theta_, conversion(type));
  }
  // 16-bit operands are as they are; what is computed from them is converted once. tf32 converts every
  // operand: B scale, x | C, E | C, B, CB weight, x.
  const bool once = any_short && alike;
  conversions_[0] = once ? 1 : 2;
  conversions_[1] = once ? 1 : 2;
  conversions_[2] = once ? 1 : 4;
  // Of gradients: 16-bit operands: the gated dy, a state's gradient when it is stored, and what is computed
  // of them; tf32: dy, x | C, B, the weighted score, dy | C scale, dy; one more where the types are mixed.
  conversions_[3] = once ? 3 : any_short ? 5 : 4;
  if (any_short) stored_ = theta_;
}

Bound ChunkRules::factor(Way way, Bound additions, Bound exponent) const {
  const Bound k = conversions_[static_cast<int>(way)];
  Bound log = k * std::log1p(theta_) + (4 + extra_) * std::log1p(v_) + std::log1p(rules_.exp_error()) +
              additions * std::log1p(accumulate_) + exponent;
  if (way == Way::entering) log += std::log1p(theta_state_);
  return expm1_up(log * (1 + 0x1p-50L));
}

Bound ChunkRules::gradient(Bound additions, Bound exponent) const {
  const Bound k = conversions_[3];
  const Bound log = k * std::log1p(theta_) + (8 + 2 * extra_) * std::log1p(v_) +
                    2 * std::log1p(rules_.exp_error()) + additions * std::log1p(accumulate_) +
                    2 * std::log1p(theta_state_) + exponent;
  return expm1_up(log * (1 + 0x1p-50L));
}

ChunkRules::Steps ChunkRules::steps(const std::vector<Inexact>& x) const {
  Steps steps;
  const auto size = static_cast<Bound>(x.size());
  Bound common = 0, total = 0, product = 0, summed = 0;
  for (std::size_t l = 0; l < x.size(); ++l) {
    const Bound bound = x[l].bound();
    common = up(Bound(common + x[l].error));
    total = up(Bound(total + bound));
    const Bound additions = static_cast<Bound>(l),
                loss = additions * (rules_.arithmetic().flush ? rules_.arithmetic().smallest_normal : 0);
    const Bound g = up(Bound(growth_up(v_, additions) * total + loss));
    // Sums of a segment: each is a sum of its own, of at most all steps.
    const Bound spread = decay_ == Decay::segsum ? up(Bound(growth_up(v_, size))) : 0;
    Bound rho = up(Bound(x[l].error + (spread + v_ + prescale_) * bound));
    if (decay_ == Decay::product) {
      rho = up(Bound(x[l].error + prescale_ * bound + std::log1p(rules_.exp_error()) * (1 + 0x1p-50L) + v_));
    }
    product = up(Bound(product + rho));
    summed = decay_ == Decay::cumsum ? up(Bound(g * (1 + v_ + prescale_))) : 0;
    steps.rho.push_back(rho);
    steps.gamma.push_back(summed);
    const Bound own = decay_ == Decay::segsum ? g : 0;
    steps.row.push_back(decay_ == Decay::product
                            ? product
                            : up(Bound(common + summed + own + prescale_ * (total + summed + own))));
  }
  return steps;
}

Inexact ChunkRules::output(Bound value, Bound error, Bound skip) const {
  const Bound e = up(Bound(error + 2 * v_ * (1 + extra_) * skip));
  return {value, up(Bound(e + growth_up(v_, 3) * (value + skip + e)))};
}

Bound ChunkRules::underflow(Bound operations, Bound reach) const {
  const Arithmetic& a = rules_.arithmetic();
  // Of exp: an error of so many of the smallest numbers.
  const Bound each = a.flush ? Bound(a.smallest_normal) : loss_ * Bound(a.half_smallest);
  return up(Bound(2 * each * operations * reach));
}

bool ChunkRules::may_overflow(Bound operations, Bound reach) const {
  return !(up(Bound(2 * operations * reach)) < Bound(rules_.arithmetic().largest));
}

}  // namespace exactscan
