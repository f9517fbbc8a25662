// What the suite's small shapes leave out of the Mamba kernels: whole vectors and tiles of channels, their
// ends, several tiles of a group, threads, bad arguments.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "impl/mamba_block.hpp"
#include "impl/selective_scan.hpp"
#include "impl/ssd.hpp"
#include "tests/kernels/system_trial.hpp"

namespace exactscan::kernels {
namespace {

std::vector<Dimensions> large_shapes(const std::string& op) {
  if (op == "selective_scan")
    return {{{"B", 2}, {"D", 36}, {"L", 70}, {"N", 5}, {"G", 2}},
            {{"B", 1}, {"D", 20}, {"L", 75}, {"N", 17}, {"G", 1}}};
  if (op == "selective_state_update")
    return {{{"B", 2}, {"H", 5}, {"D", 7}, {"N", 19}, {"G", 5}},
            {{"B", 1}, {"H", 1}, {"D", 33}, {"N", 16}, {"G", 1}}};
  if (op == "ssd")
    return {{{"B", 2}, {"T", 131}, {"H", 2}, {"P", 19}, {"N", 6}, {"G", 1}, {"Q", 16}},
            {{"B", 1}, {"T", 10}, {"H", 4}, {"P", 32}, {"N", 9}, {"G", 4}, {"Q", 4}}};
  if (op == "mamba_block") return {{{"L", 40}, {"I", 5}, {"N", 19}, {"O", 3}}};
  return {{{"L", 35}, {"I", 5}, {"E", 20}, {"N", 17}, {"W", 4}, {"O", 9}}};
}

bool is_mamba_kernel(const SystemKernel& kernel) {
  return kernel.name.rfind("mamba", 0) == 0 || kernel.name.rfind("selective_mamba", 0) == 0;
}

TEST(MambaKernels, WholeVectorsAndTheirEnds) {
  int judged = 0;
  std::uint64_t seed = 100;
  for (const SystemKernel& kernel : system_kernels()) {
    if (!is_mamba_kernel(kernel)) continue;
    for (const SystemForm& form : kernel.forms) {
      for (const ElementType type : kernel.types) {
        for (const Dimensions& shape : large_shapes(form.op)) {
          GenerateRequest request;
          request.op = form.op, request.backward = form.backward, request.shape = shape, request.type = type;
          request.seed = ++seed, request.profile = seed % 2 == 0 ? "mamba" : "uniform";
          const std::optional<Case> inputs = generate_for(kernel, request);
          ASSERT_TRUE(inputs.has_value());
          const SystemPlacement placement{static_cast<std::int64_t>(seed % 3), std::byte{0xFF},
                                          seed % 2 == 0};
          EXPECT_EQ(complaint(SystemTrial{&kernel, *inputs, placement, request.profile}), "");
          ++judged;
        }
      }
    }
  }
  EXPECT_GE(judged, 40);
}

// The channels of one tile, of several, of a group that ends within one; one thread or five.
TEST(MambaKernels, ThreadsLeaveTheBitsAlone) {
  const std::int64_t channels = 90, length = 70, states = 3;
  const auto numbers = [](std::int64_t count, float low, float high) {
    std::vector<float> v(static_cast<std::size_t>(count));
    for (std::size_t i = 0; i < v.size(); ++i)
      v[i] = low + (high - low) * static_cast<float>(i * 37 % 101) / 101;
    return v;
  };
  const std::vector<float> u = numbers(channels * length, -1, 1), A = numbers(channels * states, -16, -1),
                           delta = numbers(channels * length, 0, 0.5F),
                           B = numbers(2 * states * length, -1, 1);
  impl::SelectiveInputs<float> in;
  in.u = u.data(), in.delta = delta.data(), in.A = A.data(), in.B = in.C = B.data();
  const auto run = [&](int threads) {
    std::vector<float> y(u.size() + A.size());
    impl::selective_scan<float>({1, channels, 2, states, length}, in, y.data(), y.data() + u.size(),
                                {threads, 1});
    return y;
  };
  EXPECT_EQ(run(1), run(5));
}

TEST(MambaKernels, RejectWhatMakesNoSense) {
  const std::vector<float> x(64, 1);
  std::vector<float> y(64);
  impl::SelectiveInputs<float> in;
  in.u = in.delta = in.B = in.C = x.data(), in.A = x.data();
  EXPECT_NO_THROW(impl::selective_scan<float>({1, 4, 2, 2, 4}, in, y.data(), nullptr));
  EXPECT_THROW(impl::selective_scan<float>({1, 4, 3, 2, 4}, in, y.data(), nullptr), impl::ArgumentError);
  EXPECT_THROW(impl::selective_scan<float>({1, -4, 1, 2, 4}, in, y.data(), nullptr), impl::ArgumentError);
  EXPECT_THROW(impl::selective_scan<float>({1, 4, 1, 2, 4}, in, nullptr, nullptr), impl::ArgumentError);
  EXPECT_THROW(impl::selective_scan<float>({1, 4, 1, 2, 4}, in, y.data(), nullptr, {-1, 1}),
               impl::ArgumentError);
  EXPECT_THROW(impl::selective_state_update<float>({1, 4, 1, 2, 4}, in, y.data(), y.data()),
               impl::ArgumentError);
  in.B = nullptr;
  EXPECT_THROW(impl::selective_scan<float>({1, 4, 1, 2, 4}, in, y.data(), nullptr), impl::ArgumentError);
  impl::SsdTensors<float> tensors;
  tensors.x = tensors.dt = tensors.B = tensors.C = x.data(), tensors.A = x.data();
  EXPECT_NO_THROW(impl::ssd<float>({1, 4, 2, 2, 2, 1}, tensors, y.data(), nullptr, nullptr));
  EXPECT_THROW(impl::ssd<float>({1, 4, 2, 2, 2, 3}, tensors, y.data(), nullptr, nullptr),
               impl::ArgumentError);
  const std::vector<std::int64_t> ends{2, 2};
  tensors.ends = ends.data(), tensors.sequences = 2;
  EXPECT_THROW(impl::ssd<float>({1, 4, 2, 2, 2, 1}, tensors, y.data(), nullptr, nullptr),
               impl::ArgumentError);
  impl::SelectiveMambaBlock<float> block;
  EXPECT_THROW(impl::selective_mamba_block<float>({4, 1, 1, 1, 1, 2, 2}, block, x.data(), y.data(), nullptr),
               impl::ArgumentError);
}

}  // namespace
}  // namespace exactscan::kernels
