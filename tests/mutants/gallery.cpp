// Prints the table of mutants as Markdown: which profile catches each, and what allclose says of the same
// cases.
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "tests/mutants/attack.hpp"
#include "tests/mutants/mutant.hpp"

namespace exactscan::mutants {
namespace {

struct Tally {
  std::string first_profile;
  int cases_of_profile = 0;  // of that profile, until refuted
  int refuted = 0;
  std::array<int, tolerances.size()> passed{};         // of the refuted cases
  std::array<int, tolerances.size()> passed_normal{};  // of those, without the profile of tiny values
  std::map<std::string, int> by_profile;
};

// "Quickest": the profile that needs the fewest of its own cases.
Tally tally(const kernels::Implementation& kernel) {
  Tally result;
  std::map<std::string, int> tried;
  for (const Attack& attack : attacks()) {
    const Trial trial = judge(kernel, attack);
    const int cases = ++tried[attack.profile];
    if (trial.verdict != Verdict::refuted) continue;
    if (++result.by_profile[attack.profile] == 1 &&
        (result.first_profile.empty() || cases < result.cases_of_profile)) {
      result.first_profile = attack.profile;
      result.cases_of_profile = cases;
    }
    ++result.refuted;
    for (std::size_t i = 0; i < tolerances.size(); ++i) {
      if (!trial.close[i]) continue;
      ++result.passed[i];
      if (attack.profile != "subnormal") ++result.passed_normal[i];
    }
  }
  return result;
}

int print_gallery() {
  fmt::print("| mutant | defect | seen in | caught by | after | refuted |");
  for (const Tolerance& t : tolerances) fmt::print(" {} passes |", t.name);
  fmt::print("\n|---|---|---|---|---|---|---|---|---|\n");
  int caught = 0;
  std::array<int, tolerances.size()> missed_all{}, missed_some{};
  for (const Mutant& mutant : mutants()) {
    const Tally t = tally(mutant.kernel);
    caught += t.refuted > 0 ? 1 : 0;
    fmt::print("| {} | {} | {} | {} | {} | {} of {} |", mutant.kernel.name, mutant.defect, mutant.evidence,
               t.first_profile, t.cases_of_profile, t.refuted, attacks().size());
    for (std::size_t i = 0; i < tolerances.size(); ++i) {
      fmt::print(" {} |", t.passed[i]);
      missed_all[i] += t.refuted > 0 && t.passed[i] == t.refuted ? 1 : 0;
      missed_some[i] += t.passed_normal[i] > 0 ? 1 : 0;
    }
    fmt::print("\n");
  }
  int alarms = 0, judged = 0;
  for (const auto* list : {&controls(), &kernels::implementations()}) {
    for (const kernels::Implementation& kernel : *list) {
      alarms += tally(kernel).refuted;
      judged += static_cast<int>(attacks().size());
    }
  }
  fmt::print("\n{} of {} mutants caught; {} false alarms in {} cases of clean kernels.\n", caught,
             mutants().size(), alarms, judged);
  for (std::size_t i = 0; i < tolerances.size(); ++i) {
    fmt::print(
        "allclose at {}: {} mutants pass every case that refutes them, {} pass at least one that is "
        "not of the profile subnormal.\n",
        tolerances[i].name, missed_all[i], missed_some[i]);
  }
  return caught == static_cast<int>(mutants().size()) && alarms == 0 ? 0 : 1;
}

}  // namespace
}  // namespace exactscan::mutants

int main() { return exactscan::mutants::print_gallery(); }
