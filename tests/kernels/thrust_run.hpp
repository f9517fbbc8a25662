// The Thrust kernel of one device system behind the suite's call. Each system is a source of its own.
#pragma once

#include "cuda/thrust_affine_scan.hpp"
#include "impl/storage.hpp"
#include "tests/kernels/implementation.hpp"

namespace exactscan::kernels {

// 16-bit storage on the host.
template <class T>
struct Narrow {
  using Stored = T;
  using State = float;
  static float load(T value) { return impl::to_state(value); }
  static T store(float value) { return impl::from_state<T>(value); }
};

template <class Policy, class Storage>
void run_thrust_typed(const Policy& policy, const Call& call) {
  using T = typename Storage::Stored;
  using S = typename Storage::State;
  const auto strided = [](const Operand& o) {
    return thrust_kernels::Strided<T>{static_cast<T*>(o.data), o.time_stride, o.channel_stride};
  };
  const auto input = [](const Operand& o) {
    return thrust_kernels::Strided<const T>{static_cast<const T*>(o.data), o.time_stride, o.channel_stride};
  };
  thrust_kernels::inclusive_affine_scan(
      policy, thrust_kernels::AffineScan<Storage>{call.length, call.channels, input(call.a), input(call.b),
                                                  static_cast<const S*>(call.initial), strided(call.h),
                                                  static_cast<S*>(call.last)});
}

template <class Policy>
void run_thrust(const Policy& policy, const Call& call) {
  switch (call.type) {
    case ElementType::f64:
      return run_thrust_typed<Policy, thrust_kernels::Plain<double>>(policy, call);
    case ElementType::f16:
      return run_thrust_typed<Policy, Narrow<impl::Float16>>(policy, call);
    case ElementType::bf16:
      return run_thrust_typed<Policy, Narrow<impl::BFloat16>>(policy, call);
    default:
      return run_thrust_typed<Policy, thrust_kernels::Plain<float>>(policy, call);
  }
}

// One channel of float32: the states before each step.
template <class Policy>
void run_thrust_exclusive(const Policy& policy, const Call& call) {
  using Storage = thrust_kernels::Plain<float>;
  const thrust_kernels::AffineScan<Storage> scan{
      call.length,
      1,
      {static_cast<const float*>(call.a.data), call.a.time_stride, 0},
      {static_cast<const float*>(call.b.data), call.b.time_stride, 0},
      nullptr,
      {static_cast<float*>(call.h.data), call.h.time_stride, 0},
      nullptr};
  const float initial = call.initial == nullptr ? 0.0F : *static_cast<const float*>(call.initial);
  thrust_kernels::exclusive_affine_scan(policy, scan, initial);
}

inline Implementation thrust_implementation(const char* name, void (*run)(const Call&),
                                            void (*run_exclusive)(const Call&)) {
  Implementation result;
  result.name = name;
  result.layouts = {Layout::time_major, Layout::channel_major, Layout::scattered};
  result.types = {ElementType::f32, ElementType::f64, ElementType::f16, ElementType::bf16};
  result.run = run;
  result.run_exclusive = run_exclusive;
  return result;
}

}  // namespace exactscan::kernels
