#include "oracle/check/ssd_steps.hpp"

#include <algorithm>

namespace exactscan {
namespace {

using Number = Ball<double>;

// What the whole chunk says of its steps: the last x.size() of `steps`.
void end_chunk(const ElementaryRules& rules, const ChunkRules& chunks, const SsdInputs& in,
               const std::vector<Inexact>& x, std::vector<SsdStep>& steps) {
  const auto additions = static_cast<Bound>(in.states), Q = static_cast<Bound>(in.chunk);
  const ChunkRules::Steps chunk = chunks.steps(x);
  const Bound flushed = rules.arithmetic().flush ? Q * Bound(rules.arithmetic().smallest_normal) : 0;
  for (std::size_t l = 0; l < x.size(); ++l) {
    SsdStep& s = steps[steps.size() - x.size() + l];
    const Bound gamma = chunk.gamma[l], position = static_cast<Bound>(l);
    s.across = expm1_up(chunk.rho[l]), s.end = expm1_up(gamma);
    s.intra = chunks.factor(ChunkRules::Way::intra, additions + position + 3, gamma);
    s.state = chunks.factor(ChunkRules::Way::state, Q, gamma);
    s.passing = up(Bound(expm1_up(chunk.row[l]) * (1 + rules.exp_error()) + rules.exp_error()));
    s.row = chunks.factor(ChunkRules::Way::entering, additions + Q + 3, chunk.row[l]);
    s.reach = up(Bound(gamma * (1 + rules.prescale()) + flushed));
  }
}

}  // namespace

std::vector<SsdStep> ssd_steps(const ElementaryRules& rules, const ChunkRules& chunks, const SsdInputs& in,
                               std::int64_t b, std::int64_t h) {
  const auto sequence_of = [&](std::int64_t t) {
    return in.sequence.empty() ? 0 : in.sequence[static_cast<std::size_t>(b)][static_cast<std::size_t>(t)];
  };
  const Inexact A = rules.input(in.A(h), in.A.fits());
  std::vector<SsdStep> steps;
  std::vector<Inexact> x;
  Number L(0);
  Bound rising = 0;
  for (std::int64_t t = 0; t < in.steps; ++t) {
    SsdStep step{};
    step.size = enclose_step_size(rules, in.rule, in.dt(b, t, h), in.dt.fits(), in.bias(h), in.bias.fits(),
                                  in.bias.present());
    const Number exponent = step.size.value * Number::exactly(in.A(h));
    const Inexact z = rules.calculus().rounded_product(step.size.bound, A);
    if (t % in.chunk == 0) x.clear(), L = Number(0), rising = 0;
    x.push_back(z);
    L = L + exponent;
    rising = up(Bound(rising + std::max<Bound>(0, Bound(exponent.mid) + exponent.rad)));
    step.starts = t > 0 && sequence_of(t) != sequence_of(t - 1);
    step.entered = sequence_of(t) == sequence_of(std::max<std::int64_t>(t - t % in.chunk - 1, 0));
    step.last = t + 1 == in.steps || (t + 1) % in.chunk == 0;
    const Number decay = spec::exponential(exponent);
    step.decay = step.starts ? Number(0) : decay;
    step.decay_bound = step.starts ? Inexact{0, 0} : rules.exp(most(decay), z);
    step.so_far = most(spec::exponential(L));
    step.growth = exp_up(rising);
    step.overflow = step.size.overflow || rules.may_overflow(z) || rules.may_overflow(step.decay_bound);
    steps.push_back(step);
    if (step.last) end_chunk(rules, chunks, in, x, steps);
  }
  return steps;
}

}  // namespace exactscan
