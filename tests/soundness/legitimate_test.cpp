// Legitimate kernels, of every operation, arithmetic and schedule, must be explained: at least ten million
// element checks, EXACTSCAN_EFFORT times as many where that variable is set.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/soundness/affine_scan_kernel.hpp"
#include "tests/soundness/attack.hpp"
#include "tests/soundness/diagonal_s4_kernel.hpp"
#include "tests/soundness/diagonal_ssm_kernel.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Schedule;

// Shapes by what a schedule costs: the quadratic ones are short.
ScanShape draw_shape(Random& random, Schedule schedule) {
  const auto pick = [&](std::size_t longest) { return 1 + random.below(random.coin() ? 8 : longest); };
  if (schedule == Schedule::quadratic) return {pick(16), 1 + random.below(12)};
  if (schedule == Schedule::bracketing) return {pick(40), 1 + random.below(16)};
  if (random.coin()) return {pick(64), 1 + random.below(12)};
  return {64 + random.below(448), 8 + random.below(25)};
}

ScanShape draw_small_shape(Random& random, Schedule) { return {1 + random.below(20), 1 + random.below(12)}; }

std::uint64_t seed_of(int setting, int schedule, int round) {
  const auto mixed = static_cast<std::uint64_t>(setting) << 40 | static_cast<std::uint64_t>(schedule) << 32;
  return Random(mixed | static_cast<std::uint64_t>(round)).next();
}

class Legitimate : public testing::TestWithParam<int> {
 protected:
  const Setting& setting() const { return settings()[static_cast<std::size_t>(GetParam())]; }

  // rounds(schedule) cases of each schedule.
  template <class MakeCase, class MakeShape>
  void attack(Totals& totals, int rounds, MakeCase&& make_case, MakeShape&& make_shape) const {
    for (int s = 0; s < emulation::schedule_count; ++s) {
      const auto schedule = static_cast<Schedule>(s);
      const bool slow = schedule == Schedule::quadratic || schedule == Schedule::bracketing;
      const int count = std::max(1, static_cast<int>((slow ? 2 * rounds : rounds) * effort()));
      for (int i = 0; i < count; ++i) {
        const std::uint64_t seed = seed_of(GetParam(), s, i);
        Random random(seed);
        const ScanShape shape = make_shape(random, schedule);
        int depth = -1;
        const Case value = make_case(random, setting(), schedule, shape, depth);
        const std::string declared = depth < 0 ? "" : fmt::format(",depth={}", depth);
        totals.judge(value, std::string(setting().contract) + declared, std::string(setting().name),
                     std::string(schedule_name(schedule)), seed);
      }
    }
  }
};

// Totals of one operation, printed when all its settings have run.
#define EXACTSCAN_ATTACK(Name, title)                          \
  class Name : public Legitimate {                             \
   protected:                                                  \
    static Totals& totals() {                                  \
      static Totals all;                                       \
      return all;                                              \
    }                                                          \
    static void TearDownTestSuite() { totals().print(title); } \
  };                                                           \
  INSTANTIATE_TEST_SUITE_P(Settings, Name, testing::Range(0, static_cast<int>(settings().size())))

EXACTSCAN_ATTACK(AffineScan, "affine_scan: legitimate kernels");
EXACTSCAN_ATTACK(DeclaredDepth, "affine_scan with its depth declared: legitimate kernels");
EXACTSCAN_ATTACK(DiagonalSsm, "diagonal_ssm: legitimate kernels");
EXACTSCAN_ATTACK(DiagonalS4, "diagonal_s4: legitimate kernels");

TEST_P(AffineScan, IsExplained) {
  attack(
      totals(), 24,
      [](Random& r, const Setting& s, Schedule k, ScanShape n, int&) {
        return affine_scan_case(r, s, k, draw_channels(r, s, n));
      },
      draw_shape);
}

TEST_P(DeclaredDepth, IsExplained) {
  attack(
      totals(), 8,
      [](Random& r, const Setting& s, Schedule k, ScanShape n, int& depth) {
        depth = 0;
        return affine_scan_case(r, s, k, draw_channels(r, s, n), &depth);
      },
      draw_shape);
}

TEST_P(DiagonalSsm, IsExplained) {
  attack(
      totals(), 10,
      [](Random& r, const Setting& s, Schedule k, ScanShape n, int&) {
        return diagonal_ssm_case(r, s, k, n);
      },
      draw_shape);
}

TEST_P(DiagonalS4, IsExplained) {
  attack(
      totals(), 20,
      [](Random& r, const Setting& s, Schedule k, ScanShape n, int&) { return diagonal_s4_case(r, s, k, n); },
      draw_small_shape);
}

// Where nothing can overflow, nothing may stay undecided. binary16's range is too small for that in general.
TEST(CalmData, LeavesNothingUndecided) {
  Totals totals;
  for (const std::string_view name :
       {"fp32", "fp32 ftz", "bf16 arithmetic", "bf16 storage", "fp64", "fp32 any"}) {
    const Setting& setting = setting_named(name);
    for (int i = 0; i < static_cast<int>(40 * effort()); ++i) {
      const std::uint64_t seed = seed_of(static_cast<int>(&setting - settings().data()), 99, i);
      Random random(seed);
      const auto schedule = static_cast<Schedule>(random.below(emulation::schedule_count));
      const ScanShape shape = draw_shape(random, schedule);
      std::vector<Sequence> channels;
      while (channels.size() < shape.channels) {
        const auto profile = static_cast<Profile>(random.below(profile_count));
        if (may_overflow(profile) || profile == Profile::subnormal || profile == Profile::window_blocks)
          continue;
        channels.push_back(draw_sequence(random, setting.in_format, profile, shape.steps));
      }
      totals.judge(affine_scan_case(random, setting, schedule, channels), std::string(setting.contract),
                   std::string(name), std::string(schedule_name(schedule)), seed);
    }
  }
  totals.print("affine_scan where nothing overflows");
  for (const auto& [arithmetic, by_schedule] : totals.rows()) {
    for (const auto& [schedule, row] : by_schedule)
      EXPECT_EQ(row.undecided, 0) << arithmetic << ", " << schedule;
  }
}

}  // namespace
}  // namespace exactscan::soundness
