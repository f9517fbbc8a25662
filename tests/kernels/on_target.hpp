// Restricts Highway to one instruction set.
#pragma once

#include <hwy/targets.h>

#include <cstdint>

namespace exactscan::kernels {

// While it lives; 0: no restriction.
class OnTarget {
 public:
  explicit OnTarget(std::int64_t target) { choose(target); }
  ~OnTarget() { choose(0); }
  OnTarget(const OnTarget&) = delete;
  OnTarget& operator=(const OnTarget&) = delete;

 private:
  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

}  // namespace exactscan::kernels
