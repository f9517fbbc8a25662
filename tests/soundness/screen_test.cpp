// The quick look at float32 scans (AffineScreen) against the full judgement. The screen looks only where `h`
// is the sole output, so the same case with `h_last` beside it is judged in full: the two reports must agree.
// All elements are a legitimate kernel's but one, which is put at the edge of its allowance: otherwise the
// screen gives the block up and nothing is learned of it.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include "oracle/bounds/arithmetic.hpp"
#include "spec/rounding.hpp"
#include "tests/soundness/affine_scan_kernel.hpp"
#include "tests/soundness/attack.hpp"
#include "tests/soundness/exact_values.hpp"

namespace exactscan::soundness {
namespace {

using emulation::Schedule;
using spec::Dyadic;

constexpr Profile profiles[] = {Profile::smooth,        Profile::long_memory, Profile::decay,
                                Profile::resets,        Profile::exact,       Profile::cancellation,
                                Profile::absorption,    Profile::one_sided,   Profile::special,
                                Profile::window_blocks, Profile::growth};

Case draw_case(Random& random, const Setting& setting) {
  const std::size_t L = 1 + random.below(random.one_in(8) ? 700 : 60), N = 8 + random.below(20);
  const Profile profile = profiles[random.below(std::size(profiles))];
  std::vector<Sequence> channels;
  for (std::size_t n = 0; n < N; ++n)
    channels.push_back(draw_sequence(random, setting.in_format, profile, L));
  return affine_scan_case(random, setting, Schedule::sequential, channels);
}

// A float32 number at the edge of [exact - allowance, exact + allowance], or up to two further out or in.
double at_the_edge(Random& random, const Dyadic& exact, double allowance) {
  const Dyadic end = random.coin() ? exact + Dyadic(allowance) : exact - Dyadic(allowance);
  double c = spec::round_to_double(end, spec::binary32);
  for (int i = random.between(-2, 2); i != 0 && std::isfinite(c); i += i > 0 ? -1 : 1)
    c = std::nextafter(static_cast<float>(c), (i > 0) == (end > exact) ? INFINITY : -INFINITY);
  return c;
}

const TensorReport& h_of(const CaseReport& report) {
  for (const TensorReport& t : report.tensors)
    if (t.name == "h") return t;
  throw std::logic_error("no report of h");
}

// The screen's report (of h alone) against the full judgement's.
void expect_same(const Case& value, const Tensor& h_last, const std::string& where) {
  const CaseReport screened = check(value);
  Case both = value;
  both.outputs["h_last"] = h_last;
  const CaseReport judged = check(both);
  const TensorReport &s = h_of(screened), &j = h_of(judged);
  EXPECT_EQ(s.verdict, j.verdict) << where;
  EXPECT_EQ(s.refuted, j.refuted) << where;
  EXPECT_EQ(s.undecided, j.undecided) << where;
  EXPECT_EQ(s.elements, j.elements) << where;
  EXPECT_EQ(s.max_ratio, j.max_ratio) << where;
  EXPECT_NEAR(s.max_ulp, j.max_ulp, 1e-6 * j.max_ulp) << where;
  ASSERT_EQ(s.witnesses.size(), j.witnesses.size()) << where;
  for (std::size_t i = 0; i < s.witnesses.size(); ++i) {
    EXPECT_EQ(s.witnesses[i].ratio, j.witnesses[i].ratio) << where;
    EXPECT_EQ(s.witnesses[i].allowance, j.witnesses[i].allowance) << where;
  }
}

TEST(Screen, AgreesWithTheFullJudgement) {
  const Setting& setting = setting_named("fp32");
  const Contract contract = parse_contract("fp32");
  std::int64_t explained = 0, refuted = 0;
  const int cases = static_cast<int>(60 * std::max(0.2, effort()));
  for (int i = 0; i < cases && !HasFailure(); ++i) {
    const std::uint64_t seed = Random(static_cast<std::uint64_t>(77'000'000 + i)).next();
    Random random(seed);
    Case value = draw_case(random, setting);
    const Exact exact = exact_values(value);
    const Tensor h_last = value.outputs.at("h_last");
    value.outputs.erase("h_last"), value.outputs.erase("summary_a"), value.outputs.erase("summary_b");
    const std::vector<double> allowance = reported_allowances(value, "h", contract);
    expect_same(value, h_last, fmt::format("seed {}, as computed", seed));
    Tensor& h = value.outputs.at("h");
    std::vector<double> values;
    for (std::int64_t k = 0; k < h.size(); ++k) values.push_back(h.at(k));
    for (int k = 0; k < 12 && !HasFailure(); ++k) {
      const std::size_t at = random.below(values.size());
      if (!std::isfinite(allowance[at])) continue;
      std::vector<double> edged = values;
      edged[at] = at_the_edge(random, exact.at("h")[at], allowance[at]);
      if (!std::isfinite(edged[at])) continue;
      h = make_tensor(ElementType::f32, h.shape, edged);
      const std::string where = fmt::format("seed {}, element {}", seed, at);
      expect_same(value, h_last, where);
      const Expected e = expected(edged[at], exact.at("h")[at], allowance[at], setting);
      if (e == Expected::open) continue;
      ++(e == Expected::explained ? explained : refuted);
      EXPECT_EQ(check(value).verdict == Verdict::refuted, e == Expected::refuted) << where;
    }
    if (HasFailure()) ADD_FAILURE() << write_failure(value, fmt::format("screen-{}", seed));
  }
  fmt::print("one element at the edge: {} explained, {} refuted\n", explained, refuted);
  EXPECT_GT(explained, 20);
  EXPECT_GT(refuted, 20);
}

}  // namespace
}  // namespace exactscan::soundness
