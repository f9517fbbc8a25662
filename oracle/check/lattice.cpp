#include "oracle/check/lattice.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "spec/dyadic.hpp"

namespace exactscan {
namespace {

using spec::Dyadic;

bool power_of_two(double x) {
  int e = 0;
  return std::fabs(std::frexp(x, &e)) == 0.5;
}

// What is known of the leaves since the last zero multiplier.
class Segment {
 public:
  explicit Segment(const spec::FloatFormat& format) : format_(format) {}

  void multiply(double a) {
    if (!power_of_two(a)) ++odd_multipliers_;
    c_ += std::ilogb(a);
    low_ = std::min(low_, c_);
    high_ = std::max(high_, c_);
  }

  void add(double b) {
    if (b == 0) return;
    ++leaves_;
    if (!power_of_two(b)) ++odd_leaves_;
    const Dyadic k = abs(Dyadic(b)).scaled(-c_).canonical();
    grain_ = grain_ ? std::min(*grain_, k.exponent()) : k.exponent();
    total_ += k;
  }

  // "" if every schedule is exact on what was added.
  std::string fault() const {
    const std::int64_t margin = odd_multipliers_ > 0 ? 2 : 0;  // a full mantissa lies within its binade
    if (low_ - high_ - margin < format_.min_normal_exponent() ||
        high_ - low_ + margin > format_.max_exponent) {
      return "products of multipliers leave the normal range";
    }
    if (leaves_ == 0) return odd_multipliers_ > 1 ? "two multipliers are no powers of two" : "";
    const bool gauge = odd_multipliers_ == 0 && total_ <= Dyadic::power_of_two(*grain_ + format_.precision);
    const bool mantissa = odd_multipliers_ == 1 && leaves_ == 1 && odd_leaves_ == 0;
    if (!gauge && !mantissa) {
      return odd_multipliers_ == 0 ? "the summands exceed the significand"
                                   : "neither a gauge nor a mantissa segment (more than one full mantissa)";
    }
    const std::int64_t smallest = *grain_ + low_ - margin,
                       largest = total_.leading_exponent() + high_ + margin;
    if (smallest < format_.min_normal_exponent() || largest > format_.max_exponent)
      return "values leave the normal range";
    return "";
  }

 private:
  spec::FloatFormat format_;
  std::int64_t c_ = 0, low_ = 0, high_ = 0;  // running exponent of the multipliers, and its range
  std::optional<std::int64_t> grain_;        // all summands, in the running gauge, are multiples of 2^grain
  Dyadic total_;
  int leaves_ = 0, odd_leaves_ = 0, odd_multipliers_ = 0;
};

}  // namespace

bool zero_or_normal(double x, const spec::FloatFormat& format) {
  if (x == 0) return true;
  if (!std::isfinite(x)) return false;
  const Dyadic d = Dyadic(x).canonical();
  const std::int64_t top = d.leading_exponent();
  return top - d.exponent() < format.precision && top >= format.min_normal_exponent() &&
         top <= format.max_exponent;
}

std::string lattice_fault(double h0, std::int64_t steps, const std::function<AffineLeaf(std::int64_t)>& leaf,
                          const spec::FloatFormat& format) {
  if (!zero_or_normal(h0, format)) return "the initial state is no normal number of the arithmetic";
  Segment segment(format);
  segment.add(h0);
  for (std::int64_t t = 0; t < steps; ++t) {
    const AffineLeaf x = leaf(t);
    const auto at = [&](const std::string& problem) { return fmt::format("step {}: {}", t, problem); };
    if (!zero_or_normal(x.a, format) || !zero_or_normal(x.b, format)) {
      return at("not a normal number of the arithmetic");
    }
    if (x.a == 0) {
      if (const std::string fault = segment.fault(); !fault.empty())
        return at("in the segment before it, " + fault);
      segment = Segment(format);
    } else {
      segment.multiply(x.a);
    }
    segment.add(x.b);
  }
  const std::string fault = segment.fault();
  return fault.empty() ? "" : fmt::format("in the segment that ends at step {}, {}", steps - 1, fault);
}

}  // namespace exactscan
