// Kernels of the Mamba systems with one defect planted: refuted at every element whose deviation exceeds
// twice the allowance and the rounding of the store; and each defect has such elements.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <set>

#include "tests/soundness/mamba_reference.hpp"

namespace exactscan::soundness {
namespace {

Case with_outputs(const MambaProblem& problem, const Outputs& outputs) {
  Case value = problem.value;
  for (const auto& [name, values] : outputs) {
    Tensor& tensor = value.outputs[name];
    tensor = Tensor::of(ElementType::f32, problem.shapes.at(name), values);
  }
  return value;
}

// The flattened index of a witness.
std::int64_t flat(const std::vector<std::int64_t>& index, const std::vector<std::int64_t>& shape) {
  std::int64_t at = 0;
  for (std::size_t i = 0; i < index.size(); ++i) at = at * shape[i] + index[i];
  return at;
}

CaseReport judge_all(const Case& value, const std::string& contract) {
  CheckOptions options;
  options.errors = 100000;
  return check(value, parse_contract(contract), options);
}

// The allowance of every element: those of a case that is wrong everywhere.
std::map<std::string, std::vector<double>> allowances(const MambaProblem& problem,
                                                      const std::string& contract) {
  Outputs wrong = problem.truth;
  for (auto& [name, values] : wrong) values.assign(values.size(), 1e30);
  std::map<std::string, std::vector<double>> result;
  for (const TensorReport& tensor : judge_all(with_outputs(problem, wrong), contract).tensors) {
    std::vector<double>& of = result[tensor.name];
    of.assign(static_cast<std::size_t>(tensor.elements), 0);
    EXPECT_EQ(tensor.refuted, tensor.elements) << tensor.name;
    for (const Witness& w : tensor.witnesses)
      of[static_cast<std::size_t>(flat(w.index, problem.shapes.at(tensor.name)))] = w.allowance;
  }
  return result;
}

std::set<std::int64_t> refuted_elements(const TensorReport& tensor, const std::vector<std::int64_t>& shape) {
  std::set<std::int64_t> found;
  std::int64_t left = tensor.refuted;
  for (const Witness& w : tensor.witnesses) {
    if (left-- > 0) found.insert(flat(w.index, shape));
  }
  return found;
}

void attack(const MambaProblem& problem, const std::string& contract) {
  const CaseReport control = judge_all(with_outputs(problem, problem.truth), contract);
  ASSERT_EQ(control.verdict, Verdict::explained) << problem.name << ": " << control.reason;
  const auto limits = allowances(problem, contract);
  const Outputs& defective = problem.defective;
  std::int64_t must = 0;
  for (const TensorReport& tensor : judge_all(with_outputs(problem, defective), contract).tensors) {
    const std::set<std::int64_t> found = refuted_elements(tensor, problem.shapes.at(tensor.name));
    const std::vector<double>&wrong = defective.at(tensor.name), &right = problem.truth.at(tensor.name);
    for (std::size_t i = 0; i < right.size(); ++i) {
      const double off = std::fabs(static_cast<double>(static_cast<float>(wrong[i])) - right[i]);
      const double most = 2 * limits.at(tensor.name)[i] + std::fabs(right[i]) * 0x1p-23;
      if (!(off > most)) continue;
      ++must;
      EXPECT_EQ(found.count(static_cast<std::int64_t>(i)), 1u)
          << problem.name << ", " << tensor.name << " " << i << ": off by " << off;
    }
  }
  EXPECT_GT(must, 0) << problem.name << " does no harm that could be seen";
  fmt::print("{:<44} {:>6} elements refuted as they must be\n", problem.name, must);
}

TEST(MambaDefects, SelectiveScan) {
  for (int d = 1; d < static_cast<int>(ScanDefect::count); ++d) {
    attack(scan_problem(static_cast<ScanDefect>(d)), "fp32");
  }
}

TEST(MambaDefects, Ssd) {
  for (int d = 1; d < static_cast<int>(SsdDefect::count); ++d)
    attack(ssd_problem(static_cast<SsdDefect>(d)), "fp32");
}

TEST(MambaDefects, SsdGradients) {
  for (int d = 1; d < static_cast<int>(SsdGradientDefect::count); ++d)
    attack(ssd_gradient_problem(static_cast<SsdGradientDefect>(d)), "fp32");
}

}  // namespace
}  // namespace exactscan::soundness
