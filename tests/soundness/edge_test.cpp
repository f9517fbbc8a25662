// The edge of the allowance, from both sides: an element just inside is explained, just outside refuted, for
// every operation, output and arithmetic.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "oracle/bounds/arithmetic.hpp"
#include "spec/rounding.hpp"
#include "tests/soundness/affine_scan_kernel.hpp"
#include "tests/soundness/attack.hpp"
#include "tests/soundness/diagonal_s4_kernel.hpp"
#include "tests/soundness/diagonal_ssm_kernel.hpp"
#include "tests/soundness/exact_values.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Schedule;
using spec::Dyadic;

struct Counts {
  std::int64_t explained = 0, refuted = 0, open = 0;
};

// A candidate near an end of [exact - allowance, exact + allowance]: the numbers of the output's format on
// either side of that end, a neighbour of them, some allowances away, or the exact value rounded.
double edge_candidate(Random& random, const Dyadic& exact, double allowance, const Setting& setting) {
  const spec::FloatFormat& format = format_of(setting.out);
  Dyadic e(std::isfinite(allowance) ? allowance : 0);
  if (random.one_in(4)) e = e.scaled(random.between(-1, 3));
  if (random.one_in(8)) e = Dyadic();
  const Dyadic end = random.coin() ? exact + e : exact - e;
  const auto mode = random.coin() ? spec::RoundingMode::down : spec::RoundingMode::up;
  double c = spec::round_to_double(end, format, mode);
  if (!std::isfinite(c)) return 0;
  if (random.one_in(3)) {
    // One number further, in the output's format.
    const Dyadic unit = spec::ulp(Dyadic(c), format);
    c = spec::round_to_double(random.coin() ? Dyadic(c) + unit : Dyadic(c) - unit, format);
  }
  return std::isfinite(c) ? c : 0;
}

void judge_edges(Random& random, Case value, const Setting& setting, Counts& counts, std::uint64_t seed) {
  const Contract contract = parse_contract(setting.contract);
  Exact exact = exact_values(value);
  for (auto& [name, tensor] : value.outputs) {
    const std::vector<double> allowance = reported_allowances(value, name, contract);
    std::vector<double> candidates;
    for (std::size_t i = 0; i < allowance.size(); ++i)
      candidates.push_back(edge_candidate(random, exact.at(name)[i], allowance[i], setting));
    tensor = make_tensor(setting.out, tensor.shape, candidates);
    const std::vector<bool> refuted = refuted_elements(value, name, contract);
    for (std::size_t i = 0; i < allowance.size(); ++i) {
      const double c = candidates[i];
      // Flushing lets zero stand for any tiny result, and a saturating overflow for anything.
      if (c == 0 && setting.flush && !setting.stores_exactly()) continue;
      const Expected e = expected(c, exact.at(name)[i], allowance[i], setting);
      if (e == Expected::explained) ++counts.explained;
      if (e == Expected::refuted) ++counts.refuted;
      if (e == Expected::open) ++counts.open;
      const bool wrong = e == Expected::open || (e == Expected::refuted && setting.any_rounding)
                             ? false
                             : refuted[i] != (e == Expected::refuted);
      if (!wrong) continue;
      ADD_FAILURE() << setting.name << ", " << value.op << " out." << name << "[" << i << "]: candidate "
                    << fmt::format("{:a}", c) << (refuted[i] ? " is refuted" : " is not refuted")
                    << ", allowance " << fmt::format("{:a}", allowance[i]) << ", exact "
                    << to_string(exact.at(name)[i]) << ", seed " << seed << ", case "
                    << write_failure(value, fmt::format("edge-{}-{}-{}", value.op, name, seed));
      return;
    }
  }
}

class Edge : public testing::TestWithParam<int> {};

TEST_P(Edge, SeparatesExplainedFromRefuted) {
  const Setting& setting = settings()[static_cast<std::size_t>(GetParam())];
  Counts counts;
  const int rounds = static_cast<int>(60 * std::max(1.0, effort()));
  for (int i = 0; i < rounds && !HasFailure(); ++i) {
    const std::uint64_t seed = Random(static_cast<std::uint64_t>(GetParam() * 1'000'000 + i)).next();
    Random random(seed);
    const ScanShape shape{1 + random.below(24), 1 + random.below(11)};
    const Schedule schedule = Schedule::sequential;
    Case value = i % 3 == 0
                     ? affine_scan_case(random, setting, schedule, draw_channels(random, setting, shape))
                 : i % 3 == 1 ? diagonal_ssm_case(random, setting, schedule, shape)
                              : diagonal_s4_case(random, setting, schedule, shape);
    judge_edges(random, std::move(value), setting, counts, seed);
  }
  fmt::print("{:<28} at the edge: {} explained, {} refuted, {} not told apart\n", setting.name,
             counts.explained, counts.refuted, counts.open);
  EXPECT_GT(counts.explained, 100);
  EXPECT_GT(counts.refuted, 100);
}

INSTANTIATE_TEST_SUITE_P(Settings, Edge, testing::Range(0, finite_setting_count()));

}  // namespace
}  // namespace exactscan::soundness
