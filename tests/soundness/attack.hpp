// Attack: judges cases that legitimate kernels made, and keeps the totals.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "oracle/check/check.hpp"

namespace exactscan::soundness {

// EXACTSCAN_EFFORT: 1 (default) to 1000 and beyond scales how much is drawn.
double effort();

// Totals of legitimate kernels, by arithmetic and schedule.
class Totals {
 public:
  struct Row {
    std::int64_t cases = 0, elements = 0, refuted = 0, undecided = 0, not_finite = 0;
    double max_ratio = 0;
  };

  // Judges a legitimate kernel's case; false, after a test failure that names a file and the seed, where an
  // element is refuted, or undecided though it is finite, or the case is called invalid.
  bool judge(const Case& value, const std::string& contract, const std::string& arithmetic,
             const std::string& schedule, std::uint64_t seed);

  const std::map<std::string, std::map<std::string, Row>>& rows() const { return rows_; }
  std::int64_t elements() const;
  std::int64_t violations() const { return violations_; }
  void print(const std::string& title) const;

 private:
  std::map<std::string, std::map<std::string, Row>> rows_;
  std::int64_t violations_ = 0;
};

// A tensor of what the function gives.
Tensor make_tensor(ElementType type, std::vector<std::int64_t> shape, const std::vector<double>& values);

// Writes the case beside the test's other files; returns its path.
std::string write_failure(const Case& value, const std::string& name);

}  // namespace exactscan::soundness
