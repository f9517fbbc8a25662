// The CPU kernels, once for each instruction set that this machine has and with several threads.
#include <fmt/format.h>
#include <hwy/targets.h>

#include "impl/diagonal_scan.hpp"
#include "tests/kernels/implementation.hpp"

namespace exactscan::kernels {
namespace {

// Restricts Highway to one instruction set while it lives.
class OnTarget {
 public:
  explicit OnTarget(std::int64_t target) { choose(target); }
  ~OnTarget() { choose(0); }
  OnTarget(const OnTarget&) = delete;
  OnTarget& operator=(const OnTarget&) = delete;

 private:
  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

template <class T>
impl::View<T> view(const Operand& operand) {
  return {static_cast<T*>(operand.data), operand.time_stride, operand.channel_stride};
}

template <class T>
void run_typed(const Call& call, int threads) {
  using S = impl::State<T>;
  const impl::ScanShape shape{call.length, call.channels};
  const impl::ScanOptions options{threads};
  const auto* const initial = static_cast<const S*>(call.initial);
  auto* const last = static_cast<S*>(call.last);
  if (call.x.data == nullptr) {
    impl::diagonal_scan<T>(shape, view<const T>(call.a), view<const T>(call.b), initial, view<T>(call.h),
                           last, options);
  } else {
    impl::diagonal_ssm<T>(shape, view<const T>(call.a), view<const T>(call.b), view<const T>(call.x), initial,
                          view<T>(call.h), last, options);
  }
}

void run_simd(const Call& call, int threads) {
  switch (call.type) {
    case ElementType::f64:
      return run_typed<double>(call, threads);
    case ElementType::f16:
      return run_typed<impl::Float16>(call, threads);
    case ElementType::bf16:
      return run_typed<impl::BFloat16>(call, threads);
    default:
      return run_typed<float>(call, threads);
  }
}

Implementation simd(std::string name, std::function<void(const Call&)> run) {
  Implementation result;
  result.name = std::move(name);
  result.layouts = {Layout::time_major, Layout::channel_major, Layout::scattered};
  result.types = {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16};
  result.takes_input = true;
  result.run = std::move(run);
  return result;
}

}  // namespace

void add_simd(std::vector<Implementation>& list) {
  // Highway reports what it was built for and this processor has, best first.
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    if (std::string(hwy::TargetName(target)) == "Unknown") continue;
    list.push_back(simd(fmt::format("simd_{}", hwy::TargetName(target)), [target](const Call& call) {
      const OnTarget chosen(target);
      run_simd(call, 1);
    }));
  }
  Implementation threaded = simd("simd_3_threads", [](const Call& call) { run_simd(call, 3); });
  threaded.causal_bits = false;
  threaded.enough = std::int64_t{1} << 19;
  list.push_back(std::move(threaded));
}

}  // namespace exactscan::kernels
