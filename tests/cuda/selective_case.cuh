// A case of the selective scan's tests: sizes, options and data.
#pragma once

#include "cuda/selective/functions.cuh"
#include "cuda/selective/selective.hpp"
#include "tests/cuda/harness.cuh"
#include "tests/cuda/selective_reference.hpp"

namespace selective_case {

using namespace harness;
namespace sel = exactscan::cuda::selective;
using bf16 = __nv_bfloat16;

inline double to_double(float x) { return x; }
inline double to_double(bf16 x) { return static_cast<double>(__bfloat162float(x)); }
template <class T>
T from_double(double x);
template <>
inline float from_double<float>(double x) {
  return static_cast<float>(x);
}
template <>
inline bf16 from_double<bf16>(double x) {
  return __float2bfloat16(static_cast<float>(x));
}
template <class T>
std::vector<double> widened(const Buffer<T>& b) {
  std::vector<double> r;
  for (const T& v : b.host) r.push_back(to_double(v));
  return r;
}

struct Case {
  i64 batch, channels, groups, states, length;
  bool softplus = true, gate = true, skip = true, bias = true, initial = false, last = true;
  int shift = 0;
  double low = -7, high = -2, threshold = 20, rate = 16;  // of delta + bias; largest |A|
};
inline std::string describe(const Case& c, bool f32) {
  char text[200];
  std::snprintf(
      text, sizeof text, "%s %lld x %lld (%lld) x %lld x %lld%s%s%s%s%s shift %d x in %g..%g A to %g",
      f32 ? "f32" : "bf16", static_cast<long long>(c.batch), static_cast<long long>(c.channels),
      static_cast<long long>(c.groups), static_cast<long long>(c.states), static_cast<long long>(c.length),
      c.softplus ? " softplus" : "", c.gate ? " z" : "", c.skip ? " D" : "", c.bias ? " bias" : "",
      c.initial ? " initial" : "", c.shift, c.low, c.high, c.rate);
  return text;
}

template <class T>
struct Inputs {
  Case c;
  Buffer<T> u, delta, B, C, z;
  Buffer<float> A, D, bias, initial, dy, d_last;
  explicit Inputs(const Case& k)
      : c(k),
        u(k.batch * k.channels * k.length, k.shift),
        delta(u.host.size(), k.shift),
        B(k.batch * k.groups * k.states * k.length, k.shift),
        C(B.host.size(), k.shift),
        z(u.host.size(), k.shift),
        A(k.channels * k.states),
        D(k.channels),
        bias(k.channels),
        initial(k.batch * k.channels * k.states),
        dy(u.host.size(), k.shift),
        d_last(initial.host.size()) {
    Random r(static_cast<std::uint64_t>(k.length * 7 + k.channels * 3 + k.states));
    for (auto* t : {&u, &B, &C, &z})
      for (auto& v : t->host) v = from_double<T>(r(-1, 1) + r(-1, 1));
    for (auto& v : z.host) v = from_double<T>(r(-6, 6));
    for (auto& v : bias.host) v = k.bias ? static_cast<float>(r(-1, 1)) : 0;
    for (std::size_t i = 0; i < delta.host.size(); ++i) {
      const double x = k.softplus ? r(k.low, k.high) : r.log_uniform(1e-3, 0.5);
      delta.host[i] = from_double<T>(
          x - static_cast<double>(
                  bias.host[i / static_cast<std::size_t>(k.length) % static_cast<std::size_t>(k.channels)]));
    }
    for (auto& v : A.host) v = static_cast<float>(-r.log_uniform(1e-3, k.rate));
    for (auto* t : {&D, &initial, &dy, &d_last})
      for (auto& v : t->host) v = static_cast<float>(r(-1, 1));
    for (auto* t : {&u, &delta, &B, &C, &z}) t->up();
    for (auto* t : {&A, &D, &bias, &initial, &dy, &d_last}) t->up();
  }
  sel::Scan scan() {
    sel::Scan s;
    s.type = sizeof(T) == 4 ? sel::Storage::f32 : sel::Storage::bf16;
    s.batch = c.batch, s.channels = c.channels, s.groups = c.groups, s.states = c.states, s.length = c.length;
    s.u = u.device(), s.delta = delta.device(), s.A = A.device(), s.B = B.device(), s.C = C.device();
    s.D = c.skip ? D.device() : nullptr, s.z = c.gate ? z.device() : nullptr,
    s.delta_bias = c.bias ? bias.device() : nullptr;
    s.softplus = c.softplus, s.threshold = static_cast<float>(c.threshold),
    s.initial = c.initial ? initial.device() : nullptr;
    return s;
  }
  selective_reference::Problem problem() const {
    selective_reference::Problem p{c.batch,     c.channels, c.groups, c.states, c.length, c.softplus,
                                   c.threshold, {},         {},       {},       {},       {},
                                   {},          {},         {},       {}};
    p.u = widened(u), p.delta = widened(delta), p.A = widened(A), p.B = widened(B), p.C = widened(C);
    if (c.skip) p.D = widened(D);
    if (c.gate) p.z = widened(z);
    if (c.bias) p.bias = widened(bias);
    if (c.initial) p.initial = widened(initial);
    return p;
  }
};

}  // namespace selective_case
