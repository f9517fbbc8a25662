// What a check is asked to do, beyond the case and its contract.
#pragma once

#include <cstddef>
#include <functional>

#include "oracle/check/screen.hpp"

namespace exactscan {

struct CheckerSettings {
  std::size_t keep = 1;  // remarkable elements a tensor
  int threads = 1;
  bool lanes = true;   // false where doubles are too narrow for the bounds (binary64 arithmetic)
  bool exact = false;  // the case claims a lattice: verified first, then the allowance is zero
  std::function<bool()> finite_inputs;  // whether every input is finite; asked only where it matters
  std::function<void(double)> progress;
  Screen screen;  // may be empty; operations judged unit by unit alone take one
};

}  // namespace exactscan
