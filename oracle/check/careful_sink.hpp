// CarefulSink: judges one element at a time: special values, overflow, and everything that binary64 can
// decide. What it cannot decide becomes a Pending element, which climbs the ladder.
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "oracle/check/findings.hpp"
#include "oracle/numbers/ball.hpp"
#include "oracle/numbers/value_class.hpp"
#include "oracle/numbers/wide.hpp"

namespace exactscan {

// An element that binary64 left open. The allowance is exact where a double could not hold it.
struct Pending {
  Request at;
  double candidate = 0;
  long double allowance = 0;
  std::optional<spec::Dyadic> wide_allowance;
  bool overflow_possible = false;

  spec::Dyadic exact_allowance() const;
};

// long double, Wide → an upper bound as a long double (infinite where it is beyond) and, there, the exact
// value.
long double as_long_double(long double x, std::optional<spec::Dyadic>& exact);
long double as_long_double(const Wide& x, std::optional<spec::Dyadic>& exact);
// An exact long double; rounded upward to a double, infinity beyond.
spec::Dyadic to_dyadic(long double x);
double upward_double(long double x);

class CarefulSink {
 public:
  using Missed = std::function<bool(const Request&)>;         // whether an element is to be judged here
  using Classes = std::function<ValueClass(const Request&)>;  // empty where all inputs are finite

  CarefulSink(const std::vector<Output>& outputs, std::vector<Findings>& findings, Missed missed,
              Classes classes, std::size_t keep, bool exact)
      : outputs_(outputs),
        findings_(findings),
        missed_(std::move(missed)),
        classes_(std::move(classes)),
        keep_(keep),
        exact_(exact) {}

  bool wants(int output) const { return outputs_[static_cast<std::size_t>(output)].candidate.present(); }

  template <class V>
  void put(int output, std::int64_t row, std::int64_t column, const Ball<double>& value, const V& allowance,
           bool overflow_possible) {
    const Request at{output, row, column};
    if (!missed_(at)) return;
    Pending element{at,
                    outputs_[static_cast<std::size_t>(output)].candidate.load<double>(row, column),
                    0,
                    {},
                    overflow_possible};
    if (!exact_) element.allowance = as_long_double(allowance, element.wide_allowance);
    judge(std::move(element), exact_ ? Ball<double>::exactly(value.mid) : value);
  }

  // True once a value has left the range of V: the caller starts again with a wider one. (Nothing was judged
  // wrongly by then: an allowance that is not finite decides nothing.)
  std::vector<Pending>& pending() { return pending_; }

 private:
  void judge(Pending element, const Ball<double>& value);
  bool judge_special(const Pending& element);
  void settle(const Pending& element, Verdict verdict, double ratio, double ulp, const char* note);

  const std::vector<Output>& outputs_;
  std::vector<Findings>& findings_;
  Missed missed_;
  Classes classes_;
  std::size_t keep_;
  bool exact_;
  std::vector<Pending> pending_;
};

}  // namespace exactscan
