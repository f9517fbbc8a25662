// What a kernel can hold of Abar, Bbar and their partial derivatives: rules of "S5" in
// proofs-notes/complex-bounds.md.
#pragma once

#include "oracle/bounds/complex_calculus.hpp"
#include "oracle/check/s5/problem.hpp"
#include "oracle/check/s5/values.hpp"

namespace exactscan::s5 {

using Value = Disc<double>;

struct StepBounds {
  Inexact multiplier, gain;
};

// The partials, and for those that kernels form as a sum of parts that can cancel, the parts' sizes together.
struct PartialBounds {
  Inexact multiplier_by_a, multiplier_by_step, gain_by_a, gain_by_step;
  long double parts_by_a = 0, parts_by_step = 0;
};

class CoefficientBounds {
 public:
  CoefficientBounds(const ComplexCalculus& calculus, const Contract& contract, spec::Discretization method)
      : calculus_(calculus), contract_(contract), method_(method) {}

  struct Inputs {
    std::complex<double> e, d, a;
    Inexact ex, dx, ax;  // as a kernel reads them
  };
  StepBounds step(const Inputs& in, const spec::DiscreteStep<Value>& exact) const;
  PartialBounds partials(const Inputs& in, const spec::DiscreteStep<Value>& exact,
                         const spec::DiscreteStepPartials<Value>& by) const;

 private:
  // 1/(1 - s a/2), with the error that its denominator brings.
  struct Reciprocal {
    Inexact half, denominator, value;
    long double least;
  };
  Reciprocal reciprocal(std::complex<double> s, const Inexact& sx, std::complex<double> a,
                        const Inexact& ax) const;
  // e^{s a}.
  Inexact exponential(std::complex<double> s, const Inexact& sx, std::complex<double> a,
                      const Inexact& ax) const;
  Inexact zoh_gain(const Inputs& in, const Value& exact) const;
  PartialBounds bilinear_partials(const Inputs& in, const spec::DiscreteStepPartials<Value>& by) const;
  PartialBounds exponential_partials(const Inputs& in, const spec::DiscreteStep<Value>& exact,
                                     const spec::DiscreteStepPartials<Value>& by) const;

  const ComplexCalculus& calculus_;
  const Contract& contract_;
  spec::Discretization method_;
};

}  // namespace exactscan::s5
