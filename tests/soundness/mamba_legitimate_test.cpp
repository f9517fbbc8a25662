// Legitimate kernels of the Mamba systems, with every schedule, quality of exp and contract, must be
// explained.
#include <gtest/gtest.h>

#include "tests/soundness/attack.hpp"
#include "tests/soundness/selective_scan_kernel.hpp"
#include "tests/soundness/ssd_gradient_kernel.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Schedule;

MambaShape draw_shape(Random& random, Schedule schedule) {
  const std::size_t groups = 1 + random.below(2);
  const std::size_t longest = schedule == Schedule::quadratic    ? 10
                              : schedule == Schedule::bracketing ? 24
                                                                 : 60;
  return {1 + random.below(2), groups * (1 + random.below(2)), 1 + random.below(random.coin() ? 6 : longest),
          1 + random.below(4), groups};
}

void attack(bool backward, int rounds, const char* title) {
  Totals totals;
  for (std::size_t s = 0; s < mamba_settings().size(); ++s) {
    const MambaSetting& setting = mamba_settings()[s];
    for (int k = 0; k < emulation::schedule_count; ++k) {
      const auto schedule = static_cast<Schedule>(k);
      // The quadratic form is out of the bounds' scope where a product may underflow.
      if (schedule == Schedule::quadratic) continue;
      for (int i = 0; i < static_cast<int>(rounds * effort()); ++i) {
        const std::uint64_t seed =
            Random(s << 40 | static_cast<std::uint64_t>(k) << 32 | static_cast<std::uint64_t>(i)).next() +
            backward;
        Random random(seed);
        const Case value =
            selective_scan_case(random, setting, schedule, draw_shape(random, schedule), backward);
        totals.judge(value, std::string(setting.base.contract), std::string(setting.base.name),
                     std::string(schedule_name(schedule)), seed);
      }
    }
  }
  totals.print(title);
  EXPECT_EQ(totals.violations(), 0);
}

TEST(SelectiveScan, LegitimateForwardKernelsAreExplained) {
  attack(false, 40, "selective_scan, forward: legitimate kernels");
}
TEST(SelectiveScan, LegitimateBackwardKernelsAreExplained) {
  attack(true, 12, "selective_scan, backward: legitimate kernels");
}

void attack_ssd(Case (*draw)(Random&, const SsdSetting&), int rounds, std::uint64_t salt, const char* title) {
  Totals totals;
  for (std::size_t s = 0; s < ssd_settings().size(); ++s) {
    const SsdSetting& setting = ssd_settings()[s];
    for (int i = 0; i < static_cast<int>(rounds * effort()); ++i) {
      const std::uint64_t seed = Random(s << 40 | static_cast<std::uint64_t>(i)).next() + salt;
      Random random(seed);
      const MambaSetting& base = setting.base;
      totals.judge(draw(random, setting), std::string(base.base.contract), std::string(base.base.name),
                   setting.recurrent ? "recurrent" : "chunked", seed);
    }
  }
  totals.print(title);
  EXPECT_EQ(totals.violations(), 0);
}

TEST(Ssd, LegitimateKernelsAreExplained) { attack_ssd(&ssd_case, 200, 0, "ssd: legitimate kernels"); }
TEST(Ssd, LegitimateGradientsAreExplained) {
  attack_ssd(&ssd_gradient_case, 25, 1, "ssd, gradients: legitimate kernels");
}

}  // namespace
}  // namespace exactscan::soundness
