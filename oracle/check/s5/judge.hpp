// How an element is judged: by the distance, in the complex plane, of the stored candidate to the exact
// value.
#pragma once

#include <complex>
#include <vector>

#include "oracle/check/findings.hpp"
#include "oracle/check/output_rule.hpp"
#include "oracle/check/s5/allowances.hpp"
#include "oracle/numbers/precise.hpp"

namespace exactscan::s5 {

// A disc as exact numbers; nothing where it is unbounded.
struct ExactDisc {
  spec::Dyadic re, im, radius;
};
std::optional<ExactDisc> exact_disc(const Disc<DoubleDouble>& x);
template <unsigned Bits>
std::optional<ExactDisc> exact_disc(const Disc<Precise<Bits>>& x);
extern template std::optional<ExactDisc> exact_disc(const Disc<Precise<256>>& x);
extern template std::optional<ExactDisc> exact_disc(const Disc<Precise<1024>>& x);

// An element that an enclosure could not decide.
struct Undecided {
  Result result;
  std::int64_t index;
  Allowance allowance;
};

class Judge {
 public:
  Judge(const Problem& problem, std::size_t keep) : s_(problem), keep_(keep) {}

  // Judges by an enclosure in binary64; what that leaves open is kept. `depends`: on an input that is NaN or
  // infinite.
  void put(Result result, std::int64_t index, const Value& value, const Allowance& allowance, bool depends);
  // Judges what was left open by a finer enclosure; true if that decided it.
  bool decide(const Undecided& element, const std::optional<ExactDisc>& around, std::int64_t Ladder::*rung);
  void give_up(const Undecided& element);

  std::vector<Undecided>& open() { return open_; }
  const Findings& findings(Result result) const { return findings_[result]; }
  std::complex<double> candidate(Result result, std::int64_t index) const;

 private:
  void settle(const Undecided& at, Verdict verdict, double ratio, double ulp, std::int64_t Ladder::*rung,
              const char* note);

  const Problem& s_;
  std::size_t keep_;
  std::array<Findings, result_count> findings_;
  std::vector<Undecided> open_;
};

}  // namespace exactscan::s5
