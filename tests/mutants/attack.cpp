#include "tests/mutants/attack.hpp"

#include <cmath>

#include "oracle/check/check.hpp"
#include "oracle/generate/generate.hpp"

namespace exactscan::mutants {
namespace {

bool close(double value, double exact, double rtol, double atol) {
  if (std::isnan(value) || std::isnan(exact)) return std::isnan(value) && std::isnan(exact);
  return value == exact || std::fabs(value - exact) <= atol + rtol * std::fabs(exact);
}

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

Attack make_attack(std::string_view profile, ElementType type, std::uint64_t round) {
  static constexpr std::int64_t lengths[] = {75, 131}, channels[] = {1, 20};
  GenerateRequest request;
  request.op = "affine_scan";
  request.profile = profile;
  request.seed = 1000 + round;
  request.type = type;
  const std::int64_t n = channels[(round + 1) % 2];
  request.shape = {{"L", lengths[round / 2 % 2]}, {"N", n}};
  Attack attack;
  attack.profile = profile;
  attack.inputs = generate(request);
  attack.placement.padding = round % 2 == 0 ? 3 : 0;
  attack.placement.output = round == 2 ? kernels::Placement::over_a : kernels::Placement::apart;
  Case wanted = attack.inputs;
  const Tensor& a = attack.inputs.inputs.at("a");
  wanted.outputs["h"] = a;
  wanted.outputs["h_last"] =
      Tensor::of(ElementType::f32, {n}, std::vector<double>(static_cast<std::size_t>(n)));
  attack.exact = exact_outputs(wanted);
  return attack;
}

}  // namespace

const std::vector<Attack>& attacks() {
  static const std::vector<Attack> all = [] {
    std::vector<Attack> list;
    for (const ProfileSpec& profile : profiles()) {
      for (std::uint64_t round = 0; round < 4; ++round) {
        for (const ElementType type : {ElementType::f32, ElementType::bf16})
          list.push_back(make_attack(profile.name, type, round));
      }
    }
    return list;
  }();
  return all;
}

Trial judge(const kernels::Implementation& kernel, const Attack& attack) {
  const kernels::Outcome outcome = kernels::run(kernel, attack.inputs, attack.placement);
  Trial trial;
  trial.attack = &attack;
  trial.verdict = outcome.fault.empty() ? check(outcome.judged).verdict : Verdict::refuted;
  for (std::size_t i = 0; i < tolerances.size(); ++i)
    trial.close[i] = all_close(outcome.judged, attack.exact, tolerances[i]);
  return trial;
}

}  // namespace exactscan::mutants
