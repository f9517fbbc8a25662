#include "oracle/check/findings.hpp"

#include <algorithm>
#include <tuple>

namespace exactscan {
namespace {

// Foremost first; ties go to the earlier element, so that a report does not depend on threads.
bool before(const Remarkable& a, const Remarkable& b) {
  const auto rank = [](Verdict v) { return v == Verdict::refuted ? 0 : v == Verdict::undecided ? 1 : 2; };
  return std::make_tuple(rank(a.verdict), -a.ratio, a.at.row, a.at.column) <
         std::make_tuple(rank(b.verdict), -b.ratio, b.at.row, b.at.column);
}

}  // namespace

void Findings::note(const Remarkable& element, std::size_t keep) {
  const auto place = std::upper_bound(remarkable.begin(), remarkable.end(), element, before);
  if (place == remarkable.end() && remarkable.size() >= keep) return;
  remarkable.insert(place, element);
  if (remarkable.size() > keep) remarkable.pop_back();
}

void Findings::count(Verdict verdict) {
  if (verdict == Verdict::explained) ++explained;
  if (verdict == Verdict::refuted) ++refuted;
  if (verdict == Verdict::undecided) ++undecided;
}

void Findings::merge(const Findings& other, std::size_t keep) {
  explained += other.explained;
  refuted += other.refuted;
  undecided += other.undecided;
  ladder.fp64 += other.ladder.fp64;
  ladder.double_double += other.ladder.double_double;
  ladder.interval += other.ladder.interval;
  ladder.exact += other.ladder.exact;
  max_ratio = std::max(max_ratio, other.max_ratio);
  max_ulp = std::max(max_ulp, other.max_ulp);
  for (const Remarkable& element : other.remarkable) note(element, keep);
}

}  // namespace exactscan
