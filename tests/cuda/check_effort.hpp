// EXACTSCAN_EFFORT: 1 (default) to 1000 and beyond scales how much is drawn.
#pragma once

#include <cstdlib>

namespace exactscan {

inline double test_effort() {
  const char* text = std::getenv("EXACTSCAN_EFFORT");
  const double x = text == nullptr ? 1 : std::atof(text);
  return x > 0 ? x : 1;
}

}  // namespace exactscan
