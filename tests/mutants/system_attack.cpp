#include "tests/mutants/system_attack.hpp"

#include <set>
#include <utility>

#include "oracle/check/check.hpp"
#include "tests/kernels/system_trial.hpp"
#include "tests/kernels/trial.hpp"

namespace exactscan::mutants {
namespace {

// Two shapes: some steps of several channels in groups, and more steps of a batch of one.
Dimensions shape_of(const std::string& op, std::uint64_t round) {
  const bool longer = round % 2 == 1;
  const std::map<std::string_view, std::int64_t> sizes{{"L", longer ? 37 : 19},
                                                       {"T", longer ? 29 : 19},
                                                       {"B", longer ? 1 : 2},
                                                       {"D", op == "selective_scan" ? 4 : 2},
                                                       {"H", 4},
                                                       {"P", 2},
                                                       {"N", 3},
                                                       {"G", 2},
                                                       {"I", 3},
                                                       {"O", 3},
                                                       {"E", 4},
                                                       {"W", 4},
                                                       {"Q", longer ? 8 : 6}};
  Dimensions result;
  for (const GeneratorSpec& generator : generators()) {
    if (generator.op != op) continue;
    for (const DimensionDefault& d : generator.dimensions) result[std::string(d.name)] = sizes.at(d.name);
  }
  return result;
}

std::set<std::pair<std::string, bool>> all_forms() {
  std::set<std::pair<std::string, bool>> forms;
  const auto add = [&](const kernels::SystemKernel& kernel) {
    for (const kernels::SystemForm& form : kernel.forms) forms.emplace(form.op, form.backward);
  };
  for (const kernels::SystemKernel& kernel : kernels::system_kernels()) add(kernel);
  for (const SystemMutant& mutant : system_mutants()) add(mutant.kernel);
  return forms;
}

void add_form(std::vector<SystemAttack>& list, const kernels::SystemForm& form, std::uint64_t round) {
  for (const std::string& profile : kernels::profiles_of(form)) {
    for (const ElementType type : {ElementType::f32, ElementType::bf16}) {
      GenerateRequest request;
      request.op = form.op;
      request.backward = form.backward;
      request.profile = profile;
      request.seed = 2000 + round;
      request.type = type;
      // The first three rounds are as the operation is used most: all tensors, all options; S5's
      // discretizations in turn. Of ssd, the last one packs sequences by cu_seqlens.
      request.variant = round < 3 ? 0 : round == 5 && form.op == "ssd" ? 29 : round;
      request.shape = shape_of(form.op, round);
      try {
        list.push_back({profile, generate(request)});
      } catch (const GenerateError&) {  // complex operations have no bfloat16
      }
    }
  }
}

bool all_close(const Tensor& tensor, const Tensor& exact, const Tolerance& tolerance) {
  const bool narrow = tensor.type == ElementType::bf16;
  const double rtol = narrow ? tolerance.rtol_bf16 : tolerance.rtol_f32,
               atol = narrow ? tolerance.atol_bf16 : tolerance.atol_f32;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    if (!close(tensor.complex_at(i), exact.complex_at(i), rtol, atol)) return false;
  }
  return true;
}

// The exact outputs in the types of those that are there; computed once for each attack and types.
const Case& exact_of(const SystemAttack& attack, const Case& judged) {
  static std::map<std::pair<const SystemAttack*, std::string>, Case> known;
  std::string types;
  for (const auto& [name, tensor] : judged.outputs) types += element_name(tensor.type);
  const auto [place, fresh] = known.try_emplace({&attack, types});
  if (fresh) place->second = exact_outputs(judged);
  return place->second;
}

}  // namespace

const std::vector<SystemAttack>& system_attacks() {
  static const std::vector<SystemAttack> all = [] {
    std::vector<SystemAttack> list;
    for (std::uint64_t round = 0; round < 6; ++round) {
      for (const auto& [op, backward] : all_forms()) add_form(list, {op, backward}, round);
    }
    return list;
  }();
  return all;
}

Verdict judge(const kernels::SystemKernel& kernel, const SystemAttack& attack, Closeness* close) {
  const kernels::Outcome outcome = kernels::run(kernel, attack.inputs, {});
  if (!outcome.fault.empty()) return Verdict::refuted;
  const Verdict verdict = kernels::verdict_of(outcome.judged, kernel.contract);
  if (close == nullptr || verdict != Verdict::refuted) return verdict;
  const Case& exact = exact_of(attack, outcome.judged);
  for (std::size_t i = 0; i < tolerances.size(); ++i) {
    (*close)[i] = true;
    for (const auto& [name, tensor] : outcome.judged.outputs)
      (*close)[i] = (*close)[i] && all_close(tensor, exact.outputs.at(name), tolerances[i]);
  }
  return verdict;
}

}  // namespace exactscan::mutants
