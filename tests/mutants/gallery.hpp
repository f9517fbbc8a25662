// The gallery of mutants: which profile catches each, and what allclose says of the same cases.
#pragma once

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "tests/mutants/attack.hpp"
#include "tests/mutants/mutant.hpp"
#include "tests/mutants/system_attack.hpp"

namespace exactscan::mutants {

struct GalleryRow {
  std::string name, defect, evidence;
  std::string profile;  // the one that needs the fewest of its own cases; empty: never caught
  int cases = 0;        // of that profile, until refuted
  int refuted = 0, tried = 0;
  std::array<int, tolerances.size()> passed{};          // refuted cases that allclose passes
  std::array<int, tolerances.size()> passed_visibly{};  // of those, without the profile of tiny values
};

struct Gallery {
  std::vector<GalleryRow> rows;
  int caught = 0;
  int false_alarms = 0, judged = 0;  // cases of clean kernels refuted, and tried
  bool as_it_should_be() const { return caught == static_cast<int>(rows.size()) && false_alarms == 0; }
};

// Runs every mutant and every clean kernel over attacks(), or, of systems, over system_attacks(); `progress`
// is told the share done.
Gallery make_gallery(const std::function<void(double)>& progress = {});

// The table and its summary.
std::string to_markdown(const Gallery& gallery);

}  // namespace exactscan::mutants
