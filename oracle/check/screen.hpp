// A screen: a filter in front of the judgement, for operations that are judged unit by unit. It accepts units
// whose every element is certainly explained, and refutes nothing: what it does not accept is judged in full.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace exactscan {

struct Problem;

struct Screened {
  // A unit each: whether it must be judged, and, where not, an upper bound of the largest ratio in it.
  std::vector<std::uint8_t> suspect;
  std::vector<float> ratio;
};

// Errors: CaseError for a case that the screen does not take; what else it throws is a fault of the machine.
using Screen = std::function<Screened(const Problem&)>;

// Of the accepted units, so many at most are judged all the same, those of the largest bounds, so that a
// report names the largest ratio as if all had been judged.
inline constexpr std::int64_t most_judged_again = 64;

}  // namespace exactscan
