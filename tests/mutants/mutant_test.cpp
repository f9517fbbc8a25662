// Every mutant is refuted by a generated profile; no clean kernel ever is.
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "oracle/cli/command.hpp"
#include "tests/mutants/attack.hpp"
#include "tests/mutants/mutant.hpp"
#include "tests/mutants/system_attack.hpp"

namespace exactscan::mutants {
namespace {

class Planted : public testing::TestWithParam<Mutant> {};

TEST_P(Planted, IsRefuted) {
  for (const Attack& attack : attacks()) {
    if (!kernels::can_run(GetParam().kernel, attack.inputs)) continue;
    const Verdict verdict = judge(GetParam().kernel, attack);
    ASSERT_NE(verdict, Verdict::invalid);
    if (verdict == Verdict::refuted) return;
  }
  FAIL() << GetParam().defect << ": not refuted by any case";
}

INSTANTIATE_TEST_SUITE_P(Mutants, Planted, testing::ValuesIn(mutants()),
                         [](const auto& instance) { return instance.param.kernel.name; });

class Clean : public testing::TestWithParam<kernels::Implementation> {};

TEST_P(Clean, IsNeverRefuted) {
  for (const Attack& attack : attacks()) {
    if (!kernels::can_run(GetParam(), attack.inputs)) continue;
    const Verdict verdict = judge(GetParam(), attack);
    const bool open = verdict == Verdict::undecided && attack.profile == "special";
    EXPECT_TRUE(verdict == Verdict::explained || open)
        << attack.profile
        << ", seed and shape: " << std::get<std::string>(attack.inputs.options.at("source"));
  }
}

INSTANTIATE_TEST_SUITE_P(Controls, Clean, testing::ValuesIn(controls()),
                         [](const auto& instance) { return instance.param.name; });
INSTANTIATE_TEST_SUITE_P(Kernels, Clean, testing::ValuesIn(kernels::implementations()),
                         [](const auto& instance) { return instance.param.name; });

class PlantedInSystem : public testing::TestWithParam<SystemMutant> {};

TEST_P(PlantedInSystem, IsRefuted) {
  for (const SystemAttack& attack : system_attacks()) {
    if (!kernels::can_run(GetParam().kernel, attack.inputs)) continue;
    const Verdict verdict = judge(GetParam().kernel, attack);
    ASSERT_NE(verdict, Verdict::invalid);
    if (verdict == Verdict::refuted) return;
  }
  FAIL() << GetParam().defect << ": not refuted by any case";
}

INSTANTIATE_TEST_SUITE_P(Mutants, PlantedInSystem, testing::ValuesIn(system_mutants()),
                         [](const auto& instance) { return instance.param.kernel.name; });

class CleanSystem : public testing::TestWithParam<kernels::SystemKernel> {};

TEST_P(CleanSystem, IsNeverRefuted) {
  int tried = 0;
  for (const SystemAttack& attack : system_attacks()) {
    if (!kernels::can_run(GetParam(), attack.inputs)) continue;
    const Verdict verdict = judge(GetParam(), attack);
    const bool open = verdict == Verdict::undecided && attack.profile == "special";
    EXPECT_TRUE(verdict == Verdict::explained || open)
        << attack.profile << ", " << std::get<std::string>(attack.inputs.options.at("source"));
    ++tried;
  }
  EXPECT_GT(tried, 0);
}

INSTANTIATE_TEST_SUITE_P(Kernels, CleanSystem, testing::ValuesIn(kernels::system_kernels()),
                         [](const auto& instance) { return instance.param.name; });

TEST(Mutants, AreManyAndDistinct) {
  std::set<std::string> names;
  for (const Mutant& mutant : mutants()) names.insert(mutant.kernel.name);
  for (const SystemMutant& mutant : system_mutants()) names.insert(mutant.kernel.name);
  EXPECT_EQ(names.size(), mutants().size() + system_mutants().size());
  EXPECT_GE(names.size(), 25U);
}

// A build without tests has none.
TEST(Program, WithoutKernelsSaysSo) {
  for (const std::vector<const char*>& words :
       {std::vector{"exactscan", "gallery"},
        std::vector{"exactscan", "replay", "FILE", "--output", "case.npz"}}) {
    testing::internal::CaptureStderr();
    EXPECT_EQ(cli::run(static_cast<int>(words.size()), words.data()), 2);
    EXPECT_NE(
        testing::internal::GetCapturedStderr().find("this build has no kernels for " + std::string(words[1])),
        std::string::npos);
  }
}

}  // namespace
}  // namespace exactscan::mutants
