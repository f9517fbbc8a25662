// The example of README.md; the block between the two marks is compared with it by readme_test.py.
#include <gtest/gtest.h>

#include <vector>

#include "oracle/check/check.hpp"

using exactscan::ElementType;
using exactscan::Tensor;
using exactscan::Verdict;

TEST(Readme, Example) {
  // clang-format off
  // example
exactscan::Case kernel_run;
kernel_run.op = "affine_scan";
kernel_run.inputs["a"] = Tensor::of(ElementType::f32, {3, 1}, std::vector{0.5, 0.25, 2.0});
kernel_run.inputs["b"] = Tensor::of(ElementType::f32, {3, 1}, std::vector{1.0, 3.0, -1.0});
kernel_run.outputs["h"] = Tensor::of(ElementType::f32, {3, 1}, std::vector{1.0, 3.25, 5.75});

const exactscan::CaseReport report = exactscan::check(kernel_run);
const exactscan::TensorReport& h = report.tensors.front();
EXPECT_EQ(h.verdict, Verdict::refuted);  // 2 * 3.25 - 1 is 5.5
EXPECT_EQ(h.witnesses.front().exact, "5.5");
  // example
  // clang-format on
}
