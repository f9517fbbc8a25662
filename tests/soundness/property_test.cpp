// Small cases whose every number RapidCheck draws, so that a failure shrinks to a case one can read.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cstdlib>

#include "tests/soundness/affine_scan_kernel.hpp"
#include "tests/soundness/attack.hpp"
#include "tests/soundness/float_generator.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Schedule;

// RapidCheck reads its configuration, RC_PARAMS, when the first property runs: as many cases as the effort
// asks for.
const bool configured = [] {
  const char* given = std::getenv("RC_PARAMS");
  const std::string params =
      fmt::format("{} max_success={:.0f}", given == nullptr ? "" : given, 2000 * effort());
  return setenv("RC_PARAMS", params.c_str(), 1) == 0;
}();

RC_GTEST_PROP(SmallAffineScan, IsExplained, ()) {
  RC_ASSERT(configured);
  const Setting& setting = settings()[static_cast<std::size_t>(*rc::gen::inRange(0, finite_setting_count()))];
  const auto schedule = static_cast<Schedule>(*rc::gen::inRange(0, emulation::schedule_count));
  const auto steps = *rc::gen::inRange<std::size_t>(1, 13);
  const auto channels = *rc::gen::container<std::vector<Sequence>>(*rc::gen::inRange<std::size_t>(1, 10),
                                                                   sequences(setting.in_format, steps));
  Random random(*rc::gen::arbitrary<std::uint64_t>());
  const Case value = affine_scan_case(random, setting, schedule, channels);
  const CaseReport report = check(value, parse_contract(setting.contract));
  if (report.verdict == Verdict::refuted || report.verdict == Verdict::invalid) {
    RC_LOG() << "setting " << setting.name << ", schedule " << schedule_name(schedule) << ", case "
             << write_failure(value, "shrunk-affine_scan") << "\n";
    RC_FAIL("a legitimate kernel was refuted");
  }
}

}  // namespace
}  // namespace exactscan::soundness
