// The CPU kernels, once for each instruction set that this machine has and with several threads.
#include <fmt/format.h>
#include <hwy/targets.h>

#include "impl/diagonal_backward.hpp"
#include "impl/diagonal_s4.hpp"
#include "impl/diagonal_scan.hpp"
#include "tests/kernels/implementation.hpp"
#include "tests/kernels/on_target.hpp"

namespace exactscan::kernels {
namespace {

template <class T>
impl::View<T> view(const Operand& operand) {
  return {static_cast<T*>(operand.data), operand.time_stride, operand.channel_stride};
}
template <class T>
impl::MatrixView<T> matrix(const Operand& operand) {
  return {static_cast<T*>(operand.data), operand.time_stride, operand.channel_stride};
}

template <class T>
void run_typed(const Call& call, const impl::ScanOptions& options) {
  using S = impl::State<T>;
  const impl::ScanShape shape{call.length, call.channels};
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

template <class T>
void run_typed(const BackwardCall& call, const impl::ScanOptions& options) {
  using S = impl::State<T>;
  const auto gradient = [](const Operand& of, const Operand& to) {
    impl::CoefficientGradient<T> result;
    if (of.time_stride == 0) {
      result.sum = static_cast<S*>(to.data);
    } else {
      result.each = view<T>(to);
    }
    return result;
  };
  const impl::BackwardInputs<T> in{view<const T>(call.a),
                                   view<const T>(call.b),
                                   view<const T>(call.x),
                                   view<const T>(call.dh),
                                   static_cast<const S*>(call.initial),
                                   view<const S>(call.states)};
  const impl::BackwardOutputs<T> out{gradient(call.a, call.da), gradient(call.b, call.db), view<T>(call.dx),
                                     static_cast<S*>(call.dinitial)};
  impl::diagonal_ssm_backward<T>({call.length, call.channels}, in, out, options);
}

template <class T>
void run_typed(const LayerCall& call, const impl::ScanOptions& /*one thread*/) {
  using S = impl::State<T>;
  const auto vector = [](const Operand& operand) { return static_cast<const T*>(operand.data); };
  const impl::DiagonalS4<T> layer{matrix<const T>(call.in_proj),
                                  matrix<const T>(call.out_proj),
                                  vector(call.a),
                                  vector(call.b),
                                  vector(call.c),
                                  vector(call.d)};
  impl::diagonal_s4<T>({call.length, call.states, call.inputs, call.outputs}, layer, matrix<const T>(call.x),
                       static_cast<const S*>(call.initial), matrix<T>(call.y), static_cast<S*>(call.last));
}

template <class AnyCall>
void run_simd(const AnyCall& call, const impl::ScanOptions& options) {
  switch (call.type) {
    case ElementType::f64:
      return run_typed<double>(call, options);
    case ElementType::f16:
      return run_typed<impl::Float16>(call, options);
    case ElementType::bf16:
      return run_typed<impl::BFloat16>(call, options);
    default:
      return run_typed<float>(call, options);
  }
}

// On one instruction set, or on the best one (0).
Implementation simd(std::string name, std::int64_t target, impl::ScanOptions options) {
  Implementation result;
  result.name = std::move(name);
  result.layouts = {Layout::time_major, Layout::channel_major, Layout::scattered};
  result.types = {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16};
  result.takes_input = true;
  const auto run = [target, options](const auto& call) {
    const OnTarget chosen(target);
    run_simd(call, options);
  };
  result.run = run;
  result.run_backward = run;
  result.run_layer = run;
  return result;
}

}  // namespace

void add_simd(std::vector<Implementation>& list) {
  // Highway reports what it was built for and this processor has, best first.
  for (std::int64_t rest = hwy::SupportedTargets(); rest != 0; rest &= rest - 1) {
    const std::int64_t target = rest & -rest;
    if (std::string(hwy::TargetName(target)) == "Unknown") continue;
    list.push_back(simd(fmt::format("simd_{}", hwy::TargetName(target)), target, {}));
  }
  // Written around the caches, as only large outputs are else.
  list.push_back(simd("simd_streamed", 0, {.stream_bytes = 0}));
  Implementation threaded = simd("simd_3_threads", 0, {3});
  threaded.causal_bits = false;
  threaded.enough = std::int64_t{1} << 19;
  list.push_back(std::move(threaded));
  // The same with so small a grain that any case is shared among threads.
  Implementation fine = simd("simd_3_threads_fine", 0, {3, 64});
  fine.causal_bits = false;
  list.push_back(std::move(fine));
}

}  // namespace exactscan::kernels
