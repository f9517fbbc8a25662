#include "tests/soundness/attack.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace exactscan::soundness {
namespace {

std::int64_t count_not_finite(const Tensor& tensor) {
  std::int64_t n = 0;
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    const std::complex<double> x = tensor.complex_at(i);
    n += std::isfinite(x.real()) && std::isfinite(x.imag()) ? 0 : 1;
  }
  return n;
}

std::string describe(const CaseReport& report) {
  std::string text = fmt::format("verdict {} {}", verdict_name(report.verdict), report.reason);
  for (const TensorReport& t : report.tensors) {
    text += fmt::format("\n  out.{}: refuted {}, undecided {}, max ratio {:.6g}", t.name, t.refuted,
                        t.undecided, t.max_ratio);
    for (const Witness& w : t.witnesses)
      text += fmt::format("\n    [{}] candidate {} exact {} allowance {:.6g} ratio {:.6g} {}",
                          fmt::join(w.index, ","), w.candidate_hex, w.exact, w.allowance, w.ratio, w.note);
  }
  return text;
}

}  // namespace

double effort() {
  static const double value = [] {
    const char* text = std::getenv("EXACTSCAN_EFFORT");
    const double x = text == nullptr ? 1 : std::atof(text);
    return x > 0 ? x : 1;
  }();
  return value;
}

std::string write_failure(const Case& value, const std::string& name) {
  std::filesystem::create_directories("failures");
  const auto path = std::filesystem::absolute(std::filesystem::path("failures") / (name + ".npz"));
  write_case(value, path);
  return path.string();
}

Tensor make_tensor(ElementType type, std::vector<std::int64_t> shape, const std::vector<double>& values) {
  return Tensor::of(type, std::move(shape), values);
}

bool Totals::judge(const Case& value, const std::string& contract, const std::string& arithmetic,
                   const std::string& schedule, std::uint64_t seed) {
  const Contract kept = parse_contract(contract);
  const CaseReport report = check(value, kept);
  // Rounded toward zero, an overflow gives the largest finite number: then finite values are undecided too.
  const bool saturates = kept.rounding == Rounding::any;
  Row& row = rows_[arithmetic][schedule];
  ++row.cases;
  bool good = report.verdict != Verdict::invalid;
  for (const TensorReport& t : report.tensors) {
    const std::int64_t special = count_not_finite(value.outputs.at(t.name));
    row.elements += t.elements;
    row.refuted += t.refuted;
    row.undecided += t.undecided;
    row.not_finite += special;
    if (std::isfinite(t.max_ratio)) row.max_ratio = std::max(row.max_ratio, t.max_ratio);
    good = good && t.refuted == 0 && (saturates || t.undecided <= special);
  }
  if (good) return true;
  if (++violations_ <= 20) {
    std::string name = fmt::format("{}-{}-{}-{}", value.op, arithmetic, schedule, seed);
    for (char& c : name) c = c == ' ' || c == ',' ? '_' : c;
    ADD_FAILURE() << "a legitimate kernel was not explained\n  contract " << contract << ", arithmetic "
                  << arithmetic << ", schedule " << schedule << ", seed " << seed
                  << "\n  case: " << write_failure(value, name) << "\n  " << describe(report);
  }
  return false;
}

std::int64_t Totals::elements() const {
  std::int64_t n = 0;
  for (const auto& [arithmetic, by_schedule] : rows_) {
    for (const auto& [schedule, row] : by_schedule) n += row.elements;
  }
  return n;
}

void Totals::print(const std::string& title) const {
  fmt::print("{}\n{:<28} {:<14} {:>8} {:>12} {:>8} {:>10} {:>10} {:>10}\n", title, "arithmetic", "schedule",
             "cases", "elements", "refuted", "undecided", "inf or NaN", "max ratio");
  for (const auto& [arithmetic, by_schedule] : rows_) {
    for (const auto& [schedule, r] : by_schedule)
      fmt::print("{:<28} {:<14} {:>8} {:>12} {:>8} {:>10} {:>10} {:>10.4f}\n", arithmetic, schedule, r.cases,
                 r.elements, r.refuted, r.undecided, r.not_finite, r.max_ratio);
  }
  fmt::print("element checks in all: {}\n", elements());
  std::fflush(stdout);
}

}  // namespace exactscan::soundness
