#include "tests/mutants/gallery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace exactscan::mutants {
namespace {

// Of either kind of kernel, and the attacks on it.
template <class Kernel, class Attacks>
GalleryRow tally(const Kernel& kernel, const Attacks& attacks) {
  GalleryRow row;
  row.name = kernel.name;
  std::map<std::string, int> tried, refuted;
  for (const auto& attack : attacks) {
    if (!kernels::can_run(kernel, attack.inputs)) continue;
    Closeness close{};
    const Verdict verdict = judge(kernel, attack, &close);
    ++row.tried;
    const int cases = ++tried[attack.profile];
    if (verdict != Verdict::refuted) continue;
    ++row.refuted;
    if (++refuted[attack.profile] == 1 && (row.profile.empty() || cases < row.cases)) {
      row.profile = attack.profile;
      row.cases = cases;
    }
    for (std::size_t i = 0; i < tolerances.size(); ++i) {
      if (!close[i]) continue;
      ++row.passed[i];
      if (attack.profile != "subnormal") ++row.passed_visibly[i];
    }
  }
  return row;
}

std::string to_text(const GalleryRow& row) {
  std::string text = fmt::format("| {} | {} | {} | {} | {} | {} of {} |", row.name, row.defect, row.evidence,
                                 row.profile, row.cases, row.refuted, row.tried);
  for (const int passed : row.passed) text += fmt::format(" {} |", passed);
  return text + "\n";
}

template <class Predicate>
auto count(const Gallery& gallery, const Predicate& predicate) {
  return std::count_if(gallery.rows.begin(), gallery.rows.end(), predicate);
}

}  // namespace

Gallery make_gallery(const std::function<void(double)>& progress) {
  Gallery gallery;
  const std::size_t total = mutants().size() + controls().size() + kernels::implementations().size() +
                            system_mutants().size() + kernels::system_kernels().size();
  std::size_t done = 0;
  const auto report = [&] {
    if (progress) progress(static_cast<double>(++done) / static_cast<double>(total));
  };
  const auto attack_mutants = [&](const auto& list, const auto& attacks) {
    for (const auto& mutant : list) {
      GalleryRow& row = gallery.rows.emplace_back(tally(mutant.kernel, attacks));
      row.defect = mutant.defect;
      row.evidence = mutant.evidence;
      gallery.caught += row.refuted > 0 ? 1 : 0;
      report();
    }
  };
  const auto attack_clean = [&](const auto& list, const auto& attacks) {
    for (const auto& kernel : list) {
      const GalleryRow row = tally(kernel, attacks);
      gallery.false_alarms += row.refuted;
      gallery.judged += row.tried;
      report();
    }
  };
  attack_mutants(mutants(), attacks());
  attack_mutants(system_mutants(), system_attacks());
  attack_clean(controls(), attacks());
  attack_clean(kernels::implementations(), attacks());
  attack_clean(kernels::system_kernels(), system_attacks());
  return gallery;
}

std::string to_markdown(const Gallery& gallery) {
  std::string text =
      "Each mutant is a kernel with one planted defect. \"After\": cases of that profile until it is "
      "refuted.\n"
      "The last columns: how many of the refuted cases allclose passes, against the exact outputs.\n\n"
      "| mutant | defect | seen in | caught by | after | refuted |";
  for (const Tolerance& t : tolerances) text += fmt::format(" {} passes |", t.name);
  text += "\n|---|---|---|---|---|---|---|---|---|\n";
  for (const GalleryRow& row : gallery.rows) text += to_text(row);
  text += fmt::format("\n{} of {} mutants caught; {} false alarms in {} cases of clean kernels.\n",
                      gallery.caught, gallery.rows.size(), gallery.false_alarms, gallery.judged);
  for (std::size_t i = 0; i < tolerances.size(); ++i) {
    const Tolerance& t = tolerances[i];
    text += fmt::format(
        "allclose({}: rtol {:g}, atol {:g}; bfloat16 {:g}, {:g}) passes {} mutants on every case that "
        "refutes "
        "them, and {} on some case that is not of the profile subnormal.\n",
        t.name, t.rtol_f32, t.atol_f32, t.rtol_bf16, t.atol_bf16,
        count(gallery, [i](const GalleryRow& r) { return r.refuted > 0 && r.passed[i] == r.refuted; }),
        count(gallery, [i](const GalleryRow& r) { return r.passed_visibly[i] > 0; }));
  }
  return text;
}

}  // namespace exactscan::mutants
