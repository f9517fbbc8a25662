#include "tests/mutants/attack.hpp"

#include <cmath>
#include <map>

#include "oracle/check/check.hpp"
#include "tests/kernels/trial.hpp"
#include "tests/mutants/mutant.hpp"

namespace exactscan::mutants {
namespace {

bool all_close(const Case& outputs, const Case& exact, const Tolerance& tolerance) {
  for (const auto& [name, tensor] : outputs.outputs) {
    const Tensor& wanted = exact.outputs.at(name);
    const bool narrow = tensor.type == ElementType::bf16;
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      if (!close(tensor.at(i), wanted.at(i), narrow ? tolerance.rtol_bf16 : tolerance.rtol_f32,
                 narrow ? tolerance.atol_bf16 : tolerance.atol_f32)) {
        return false;
      }
    }
  }
  return true;
}

// The exact outputs, in the types that kernels give: those of a clean kernel, corrected. Computed once.
const Case& exact_of(const Attack& attack) {
  static std::map<const Attack*, Case> known;
  const auto found = known.find(&attack);
  if (found != known.end()) return found->second;
  for (const kernels::Implementation& control : controls()) {
    if (kernels::can_run(control, attack.inputs))
      return known[&attack] = exact_outputs(kernels::run(control, attack.inputs, {}).judged);
  }
  return known[&attack];
}

kernels::Placement placement_of(std::uint64_t round) {
  kernels::Placement placement;
  placement.padding = round % 2 == 0 ? 3 : 0;
  placement.output = round == 2 ? kernels::Placement::over_a : kernels::Placement::apart;
  return placement;
}

// Of steps and channels, those of the round.
Dimensions shape_of(std::uint64_t round) {
  static constexpr std::int64_t lengths[] = {75, 131}, channels[] = {20, 1};
  return {{"L", lengths[round / 2 % 2]}, {"N", channels[round % 2]}};
}

GenerateRequest request(const char* op, std::string_view profile, ElementType type, std::uint64_t round) {
  GenerateRequest result;
  result.op = op;
  result.profile = profile;
  result.seed = 1000 + round;
  result.type = type;
  result.shape = shape_of(round);
  return result;
}

void add_scans(std::vector<Attack>& list, ElementType type, std::uint64_t round) {
  for (const ProfileSpec& profile : profiles()) {
    const GenerateRequest wanted = request("affine_scan", profile.name, type, round);
    if (!kernels::exists(wanted, profile.name)) continue;
    list.push_back({std::string(profile.name), generate(wanted), placement_of(round)});
  }
}

void add_gradients(std::vector<Attack>& list, ElementType type, std::uint64_t round) {
  for (const ProfileSpec& profile : profiles()) {
    GenerateRequest wanted = request("diagonal_ssm", profile.name, type, round);
    wanted.backward = true;
    wanted.time_varying = round / 2 % 2 != 0;
    if (!kernels::exists(wanted, profile.name)) continue;
    list.push_back({std::string(profile.name), generate(wanted), placement_of(round)});
  }
}

void add_layers(std::vector<Attack>& list, ElementType type, std::uint64_t round) {
  for (const ProfileSpec& profile : profiles()) {
    GenerateRequest wanted = request("diagonal_s4", profile.name, type, round);
    if (!kernels::exists(wanted, profile.name)) continue;
    wanted.shape = {{"L", 41 + 6 * static_cast<std::int64_t>(round)}, {"N", 18}, {"I", 6}, {"O", 5}};
    list.push_back({std::string(profile.name), generate(wanted), placement_of(round)});
  }
}

}  // namespace

bool close(std::complex<double> value, std::complex<double> exact, double rtol, double atol) {
  const auto is_nan = [](std::complex<double> z) { return std::isnan(z.real()) || std::isnan(z.imag()); };
  if (is_nan(value) || is_nan(exact)) return is_nan(value) && is_nan(exact);
  return value == exact || std::abs(value - exact) <= atol + rtol * std::abs(exact);
}

const std::vector<Attack>& attacks() {
  static const std::vector<Attack> all = [] {
    std::vector<Attack> list;
    for (std::uint64_t round = 0; round < 4; ++round) {
      for (const ElementType type : {ElementType::f32, ElementType::bf16}) {
        add_scans(list, type, round);
        add_gradients(list, type, round);
        if (round < 2) add_layers(list, type, round);
      }
    }
    return list;
  }();
  return all;
}

Verdict judge(const kernels::Implementation& kernel, const Attack& attack, Closeness* close) {
  const kernels::Outcome outcome = kernels::run(kernel, attack.inputs, attack.placement);
  for (std::size_t i = 0; close != nullptr && i < tolerances.size(); ++i)
    (*close)[i] = all_close(outcome.judged, exact_of(attack), tolerances[i]);
  return outcome.fault.empty() ? kernels::verdict_of(outcome.judged) : Verdict::refuted;
}

}  // namespace exactscan::mutants
