// Allowances of every output: how far a legitimate kernel's result may lie from the exact value, in modulus.
// Fed with the exact values' enclosures, one state of one sequence after another.
#pragma once

#include <optional>
#include <vector>

#include "oracle/bounds/complex_scan_allowance.hpp"
#include "oracle/check/s5/coefficients.hpp"

namespace exactscan::s5 {

struct Allowance {
  long double error = 0;
  bool overflow_possible = false;
};
using Allowances = std::array<std::vector<Allowance>, result_count>;

class AllowanceBuilder {
 public:
  AllowanceBuilder(const Problem& problem, const Contract& contract, const Selection& selection);

  void channel_done(std::int64_t n, std::int64_t p, const Channel<Value>& channel);
  void batch_done(std::int64_t n, const Values<Value>& values);
  // After all batches.
  Allowances take(const Values<Value>& values);

 private:
  using Dot = ComplexCalculus::Dot;
  struct Forward {
    std::vector<CoefficientBounds::Inputs> inputs;
    std::vector<StepBounds> step;
    std::vector<Inexact> b, leaf, x;  // x: after each step
    Inexact start;
  };

  bool want(Result r) const { return pick_.results[r]; }
  void allow(Result r, std::int64_t i, const Inexact& x) {
    allowed_[r][static_cast<std::size_t>(i)] = {x.error, x.over || !std::isfinite(x.error)};
  }
  Inexact read(const Numbers& tensor, std::int64_t i) const {
    return calculus_.input(tensor[i], tensor.fits);
  }
  InexactParts read_parts(const Numbers& tensor, std::int64_t i) const {
    return parts(lift<Value>(tensor[i]), read(tensor, i));
  }
  InexactParts gradient_parts(std::int64_t n, std::int64_t h, std::int64_t t) const;
  Forward forward(std::int64_t n, std::int64_t p, const Channel<Value>& c) const;
  std::vector<Inexact> adjoint_states(std::int64_t n, std::int64_t p, const Channel<Value>& c,
                                      const Forward& f) const;
  // The state before step t, kept or recovered from the one after it.
  Inexact before(const Channel<Value>& c, const Forward& f, std::size_t t) const;
  void backward(std::int64_t n, std::int64_t p, const Channel<Value>& c, const Forward& f);
  void gradients_of_step(std::int64_t n, std::int64_t p, const Channel<Value>& c, const Forward& f,
                         std::size_t t, const Inexact& lambda);
  // lambda conj(v) conj(partial) in any association, the partial formed of parts of size T, each a product of
  // a factor of size `scale` > 0 and a rest.
  Inexact chained(const Inexact& lambda, const Inexact& v, const Inexact& partial, long double T,
                  long double scale) const;
  void finish_outputs(std::int64_t n, const Values<Value>& values);
  void finish_inputs_gradient(std::int64_t n);

  const Problem& s_;
  Selection pick_;
  ComplexCalculus calculus_;
  CoefficientBounds coefficients_;
  Previous previous_;
  Allowances allowed_;
  std::vector<Dot> y_, du_, dB_, dC_, dD_;
  struct SumOfTerms {
    long double size = 0, error = 0;
    double terms = 0;
    bool over = false;
  };
  std::vector<SumOfTerms> dA_;
};

}  // namespace exactscan::s5
