#include "tests/mutants/gallery.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

namespace exactscan::mutants {
namespace {

GalleryRow tally(const kernels::Implementation& kernel) {
  GalleryRow row;
  std::map<std::string, int> tried, refuted;
  for (const Attack& attack : attacks()) {
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
  std::string text =
      fmt::format("| {} | {} | {} | {} | {} | {} of {} |", row.mutant->kernel.name, row.mutant->defect,
                  row.mutant->evidence, row.profile, row.cases, row.refuted, row.tried);
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
  const std::size_t total = mutants().size() + controls().size() + kernels::implementations().size();
  std::size_t done = 0;
  const auto report = [&] {
    if (progress) progress(static_cast<double>(++done) / static_cast<double>(total));
  };
  for (const Mutant& mutant : mutants()) {
    gallery.rows.push_back(tally(mutant.kernel));
    gallery.rows.back().mutant = &mutant;
    gallery.caught += gallery.rows.back().refuted > 0 ? 1 : 0;
    report();
  }
  for (const auto* list : {&controls(), &kernels::implementations()}) {
    for (const kernels::Implementation& kernel : *list) {
      const GalleryRow row = tally(kernel);
      gallery.false_alarms += row.refuted;
      gallery.judged += row.tried;
      report();
    }
  }
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
