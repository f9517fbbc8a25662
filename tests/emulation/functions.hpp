// exp, log1p, sigmoid and softplus as a legitimate kernel may have them: any value within so many ulps of the
// true one, always too large, always too small or at random, and in any of the usual forms.
#pragma once

#include <cmath>

#include "tests/emulation/kernel.hpp"

namespace exactscan::emulation {

struct FunctionQuality {
  BinaryFormat format = binary32;
  double exp_ulp = 2, log_ulp = 2, div_ulp = 0.5;
  bool flush = false;
  bool naive_softplus = false;
};

template <class K>
class Functions {
 public:
  using Value = typename K::Value;
  Functions(K& kernel, const FunctionQuality& quality)
      : kernel_(kernel),
        quality_(quality),
        bias_(static_cast<int>(kernel.random().below(4))),
        prescaled_(kernel.random().coin()),
        stable_(kernel.random().coin()),
        threshold_(kernel.random().coin()) {}

  // exp(x), or exp2(x log2 e).
  Value exp(const Value& x) {
    const double v = prescaled_ ? std::exp2(K::get(kernel_.mul(x, log2e()))) : std::exp(K::get(x));
    return within(v, quality_.exp_ulp);
  }
  // exp(x y): the factor y may have been multiplied by log2 e beforehand.
  Value exp_product(const Value& x, const Value& y) {
    if (prescaled_ && kernel_.random().coin())
      return within(std::exp2(K::get(kernel_.mul(x, kernel_.mul(y, log2e())))), quality_.exp_ulp);
    return exp(kernel_.mul(x, y));
  }
  Value softplus(const Value& x) {
    const double v = K::get(x);
    if ((threshold_ || v > 80) && v > 20) return x;
    if (stable_ && v > 0) return kernel_.add(x, log_of(negated(x)));
    return log_of(x);
  }
  Value sigmoid(const Value& z) {
    if (stable_ && K::get(z) < 0) {
      const Value e = exp(z);
      return divide(e, kernel_.add(kernel_.read(1), e));
    }
    return divide(kernel_.read(1), kernel_.add(kernel_.read(1), exp(negated(z))));
  }
  // z sigmoid(z) (1 - …) and the like start from here.
  Value negated(const Value& x) { return kernel_.mul(kernel_.read(-1), x); }

 private:
  Value log2e() { return kernel_.read(round_to(1.4426950408889634, quality_.format)); }

  // log(1 + e^x), in one of the two forms.
  Value log_of(const Value& x) {
    const Value e = exp(x);
    if (quality_.naive_softplus)
      return within(std::log(K::get(kernel_.add(kernel_.read(1), e))), quality_.log_ulp);
    return within(std::log1p(K::get(e)), quality_.log_ulp);
  }
  Value divide(const Value& x, const Value& y) {
    if (quality_.div_ulp > 0.5 && std::fabs(K::get(y)) > 0x1p126) return kernel_.read(0);
    return within(K::get(x) / K::get(y), quality_.div_ulp);
  }

  // The value of the format at most `ulps` ulps from v.
  Value within(double v, double ulps) {
    if (v == 0 || !std::isfinite(v)) return kernel_.read(v);
    const int low = quality_.format.min_exponent;
    const double ulp = std::ldexp(1.0, std::max(std::ilogb(v) - quality_.format.precision + 1, low));
    const double most = ulps > 0.5 ? ulps - 0.5 : 0;
    const double share = bias_ == 0 ? 1 : bias_ == 1 ? -1 : bias_ == 2 ? 0 : kernel_.random().uniform(-1, 1);
    double r = round_to(std::max(v + share * most * ulp, 0.0), quality_.format);
    if (v < 0) r = round_to(v + share * most * ulp, quality_.format);
    if (quality_.flush && std::fabs(r) < quality_.format.smallest_normal()) r = 0;
    return kernel_.read(r);
  }

  K& kernel_;
  FunctionQuality quality_;
  int bias_;
  bool prescaled_, stable_, threshold_;
};

}  // namespace exactscan::emulation
