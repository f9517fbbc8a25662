// Kernels with one defect planted: refuted at every element whose deviation exceeds twice the allowance and
// the rounding of the store; and nowhere where the deviation lies within the allowance.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "oracle/bounds/arithmetic.hpp"
#include "spec/rounding.hpp"
#include "tests/soundness/affine_scan_kernel.hpp"
#include "tests/soundness/attack.hpp"
#include "tests/soundness/exact_values.hpp"

namespace exactscan::soundness {
namespace {

using spec::Dyadic;

enum class Defect : std::uint8_t {
  carry_dropped,
  carry_added_twice,
  carry_in_half,
  step_lost,
  step_repeated,
  steps_swapped,
  initial_state_missing,
  ragged_tail,
  state_in_bf16,
  operands_in_tf32,
  neighbour_channel,
  late_summand,
  sign_lost,
  reset_ignored,
  stale_output
};
constexpr std::array<std::string_view, 15> defect_names{
    "carry dropped",     "carry added twice", "carry in fp16", "step lost",     "step repeated",
    "steps swapped",     "h0 missing",        "ragged tail",   "state in bf16", "operands in tf32",
    "neighbour channel", "late summand",      "sign lost",     "reset ignored", "stale output"};

// The recurrence of channel n in binary32, one step after the other, with the defect at step `at`.
class DefectiveKernel {
 public:
  DefectiveKernel(const std::vector<Sequence>& channels, Defect defect, std::size_t at)
      : channels_(channels), defect_(defect), at_(at), steps_(channels[0].a.size()) {}

  std::vector<double> run(std::size_t n) const {
    float h = has(Defect::initial_state_missing) ? 0.0F : static_cast<float>(channels_[n].h0);
    std::vector<double> states;
    for (std::size_t t = 0; t < steps_; ++t) {
      const float before = h;
      h = step(n, t, boundary(t, h));
      states.push_back(has(Defect::stale_output) && t == at_ ? before : h);
    }
    return states;
  }

 private:
  bool has(Defect d) const { return defect_ == d; }

  // What becomes of the state where a chunk ends.
  float boundary(std::size_t t, float h) const {
    if (t != at_) return h;
    if (has(Defect::carry_dropped)) return 0;
    if (has(Defect::carry_added_twice)) return h + h;
    if (has(Defect::carry_in_half))
      return static_cast<float>(emulation::round_to(static_cast<double>(h), emulation::binary16));
    return h;
  }

  float step(std::size_t n, std::size_t t, float h) const {
    if (has(Defect::step_lost) && t == at_) return h;
    if (has(Defect::steps_swapped) && t + 1 == at_) return apply(n, at_, h);
    if (has(Defect::steps_swapped) && t == at_ && t > 0) return apply(n, t - 1, h);
    h = apply(n, t, h);
    if (has(Defect::step_repeated) && t == at_) h = apply(n, t, h);
    if (has(Defect::state_in_bf16))
      h = static_cast<float>(emulation::round_to(static_cast<double>(h), emulation::bfloat16));
    return h;
  }

  float apply(std::size_t n, std::size_t t, float h) const {
    std::size_t row = t;
    if (has(Defect::ragged_tail) && t >= steps_ - steps_ % 8 && t >= 8) row = t - 8;
    const bool astray = has(Defect::neighbour_channel) && t == at_;
    const Sequence& s = channels_[astray ? (n + 1) % channels_.size() : n];
    double a = s.a[row], b = s.b[row];
    if (t == at_) {
      if (has(Defect::late_summand)) b = s.b[std::min(t + 1, steps_ - 1)];
      if (has(Defect::sign_lost)) a = std::fabs(a);
    }
    if (has(Defect::reset_ignored) && a == 0) a = 1;
    if (has(Defect::operands_in_tf32)) a = tf32(a), b = tf32(b);
    return static_cast<float>(a) * h + static_cast<float>(b);
  }

  // Cut to eleven bits, as tensor cores read binary32.
  static double tf32(double x) {
    const auto bits = std::bit_cast<std::uint32_t>(static_cast<float>(x)) & 0xffffe000;
    return static_cast<double>(std::bit_cast<float>(bits));
  }

  const std::vector<Sequence>& channels_;
  Defect defect_;
  std::size_t at_, steps_;
};

struct Caught {
  std::int64_t cases = 0, caught = 0, elements = 0, beyond = 0, refuted = 0;
};

Case defective_case(Random& random, const Setting& setting, const std::vector<Sequence>& channels,
                    Defect defect) {
  const std::size_t steps = channels[0].a.size(), n = channels.size(), at = random.below(steps);
  const DefectiveKernel kernel(channels, defect, at);
  std::vector<double> h(steps * n);
  for (std::size_t i = 0; i < n; ++i) {
    const std::vector<double> states = kernel.run(i);
    for (std::size_t t = 0; t < steps; ++t) h[t * n + i] = stored(states[t], setting, random);
  }
  Case value = affine_scan_inputs(setting, channels, true);
  value.outputs["h"] =
      make_tensor(setting.out, {static_cast<std::int64_t>(steps), static_cast<std::int64_t>(n)}, h);
  return value;
}

void judge_defect(const Case& value, const Setting& setting, Caught& total, std::uint64_t seed) {
  const Contract contract = parse_contract(setting.contract);
  const std::vector<Dyadic> exact = exact_values(value).at("h");
  const std::vector<double> allowance = reported_allowances(value, "h", contract);
  const std::vector<bool> refuted = refuted_elements(value, "h", contract);
  std::int64_t beyond = 0, found = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const double c = value.outputs.at("h").at(static_cast<std::int64_t>(i));
    found += refuted[i];
    if (!std::isfinite(c) || !std::isfinite(allowance[i])) continue;
    const Dyadic off = abs(Dyadic(c) - exact[i]), e(allowance[i]);
    Dyadic threshold = e + e;
    if (!setting.stores_exactly()) threshold += spec::ulp(exact[i] + e, format_of(setting.out));
    const bool far = off > threshold;
    beyond += far;
    const bool flushed = c == 0 && setting.flush && !setting.stores_exactly();
    const Expected says = flushed ? Expected::open : expected(c, exact[i], allowance[i], setting);
    const bool wrong =
        says == Expected::open ? far && !flushed && !refuted[i] : refuted[i] != (says == Expected::refuted);
    if (wrong) {
      ADD_FAILURE() << "element " << i << (refuted[i] ? " is refuted" : " is not refuted") << ", seed "
                    << seed << ", case " << write_failure(value, fmt::format("defect-{}", seed));
      return;
    }
  }
  ++total.cases, total.caught += found > 0, total.refuted += found, total.beyond += beyond;
  total.elements += static_cast<std::int64_t>(exact.size());
}

TEST(PlantedDefect, IsRefutedWhereItExceedsTheAllowance) {
  fmt::print("{:<18} {:<16} {:>6} {:>7} {:>9} {:>9} {:>9}\n", "defect", "arithmetic", "cases", "caught",
             "elements", "beyond 2E", "refuted");
  constexpr std::array<Profile, 6> profiles{Profile::special, Profile::smooth,       Profile::long_memory,
                                            Profile::decay,   Profile::cancellation, Profile::resets};
  for (std::size_t d = 0; d < defect_names.size(); ++d) {
    for (const std::string_view name : {"fp32", "fp32 ftz", "bf16 storage"}) {
      const Setting& setting = setting_named(name);
      Caught total;
      for (int i = 0; i < static_cast<int>(24 * std::max(1.0, effort())); ++i) {
        const std::uint64_t seed = Random(d << 32 | static_cast<std::uint64_t>(i)).next();
        Random random(seed);
        const std::size_t steps = 9 + random.below(32), channels = 2 + random.below(9);
        std::vector<Sequence> data;
        for (std::size_t n = 0; n < channels; ++n)
          data.push_back(
              draw_sequence(random, setting.in_format, profiles[random.below(profiles.size())], steps));
        judge_defect(defective_case(random, setting, data, static_cast<Defect>(d)), setting, total, seed);
      }
      fmt::print("{:<18} {:<16} {:>6} {:>7} {:>9} {:>9} {:>9}\n", defect_names[d], name, total.cases,
                 total.caught, total.elements, total.beyond, total.refuted);
      // Control: a bfloat16 operand is a number of tf32 as it is.
      const bool harmless =
          static_cast<Defect>(d) == Defect::operands_in_tf32 && setting.in == ElementType::bf16;
      EXPECT_EQ(total.caught > 0, !harmless) << defect_names[d] << ", " << name;
      EXPECT_GE(total.refuted, total.beyond);
    }
  }
}

}  // namespace
}  // namespace exactscan::soundness
