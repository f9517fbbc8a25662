// A case of the SSD tests: sizes, options and data.
#pragma once

#include <limits>

#include "cuda/selective/functions.cuh"
#include "cuda/ssd/ssd.hpp"
#include "tests/cuda/harness.cuh"
#include "tests/cuda/ssd_reference.hpp"

namespace ssd_case {

using namespace harness;
namespace ssd = exactscan::cuda::ssd;
using exactscan::cuda::selective::narrow;
using bf16 = __nv_bfloat16;

inline double to_double(float x) { return x; }
inline double to_double(bf16 x) { return static_cast<double>(__bfloat162float(x)); }
template <class T>
T from_double(double x) {
  if constexpr (sizeof(T) == 4)
    return static_cast<float>(x);
  else
    return __float2bfloat16(static_cast<float>(x));
}
template <class T>
std::vector<double> widened(const Buffer<T>& b) {
  std::vector<double> r;
  for (const T& v : b.host) r.push_back(to_double(v));
  return r;
}

struct Case {
  i64 batch, length, heads, width, groups, states;
  int segments = 1;
  bool softplus = true, gate = false, skip = true, per_channel = false, bias = true, initial = false,
       limits = false;
  int shift = 0;
  double low = -7, high = -2, rate = 16, threshold = 20;  // of dt + bias; largest |A|
  double growth = 1;                                      // times A: -1 for states that grow
};
template <class T>
std::string describe(const Case& c) {
  char text[240];
  std::snprintf(
      text, sizeof text,
      "%s batch %lld length %lld heads %lld (%lld) width %lld states %lld segments %d%s%s%s%s%s%s shift "
      "%d dt %g..%g A to %g",
      sizeof(T) == 4 ? "f32" : "bf16", static_cast<long long>(c.batch), static_cast<long long>(c.length),
      static_cast<long long>(c.heads), static_cast<long long>(c.groups), static_cast<long long>(c.width),
      static_cast<long long>(c.states), c.segments, c.softplus ? " softplus" : "", c.gate ? " z" : "",
      c.skip ? (c.per_channel ? " D[p]" : " D") : "", c.bias ? " bias" : "", c.initial ? " initial" : "",
      c.limits ? " limits" : "", c.shift, c.low, c.high, c.growth * c.rate);
  return text;
}

template <class T>
struct Inputs {
  Case c;
  Buffer<T> x, dt, B, C, z;
  Buffer<float> A, D, bias, initial;
  explicit Inputs(const Case& k)
      : c(k),
        x(k.batch * k.length * k.heads * k.width, k.shift),
        dt(k.batch * k.length * k.heads, k.shift),
        B(k.batch * k.length * k.groups * k.states, k.shift),
        C(static_cast<i64>(B.host.size()), k.shift),
        z(static_cast<i64>(x.host.size()), k.shift),
        A(k.heads),
        D(k.per_channel ? k.heads * k.width : k.heads),
        bias(k.heads),
        initial(k.batch * k.heads * k.width * k.states) {
    Random r(static_cast<std::uint64_t>(k.length * 7 + k.heads * 3 + k.states));
    for (auto* t : {&x, &B, &C})
      for (auto& v : t->host) v = from_double<T>(r(-1, 1) + r(-1, 1));
    for (auto& v : z.host) v = from_double<T>(r(-6, 6));
    for (auto& v : bias.host) v = k.bias ? static_cast<float>(r(-1, 1)) : 0;
    for (std::size_t i = 0; i < dt.host.size(); ++i)
      dt.host[i] = from_double<T>((k.softplus ? r(k.low, k.high) : r.log_uniform(1e-3, 0.5)) -
                                  static_cast<double>(bias.host[i % static_cast<std::size_t>(k.heads)]));
    for (auto& v : A.host) v = static_cast<float>(-k.growth * r.log_uniform(1e-3, k.rate));
    for (auto* t : {&D, &initial})
      for (auto& v : t->host) v = static_cast<float>(r(-1, 1));
    for (auto* t : {&x, &dt, &B, &C, &z}) t->up();
    for (auto* t : {&A, &D, &bias, &initial}) t->up();
  }
  ssd::Scan scan() const {
    ssd::Scan s;
    s.type = sizeof(T) == 4 ? ssd::Storage::f32 : ssd::Storage::bf16;
    s.batch = c.batch, s.length = c.length, s.heads = c.heads, s.width = c.width, s.groups = c.groups,
    s.states = c.states;
    options(s);
    s.initial = c.initial ? initial.device() : nullptr;
    s.segments = c.segments;
    return s;
  }
  template <class S>
  void options(S& s) const {
    s.x = x.device(), s.dt = dt.device(), s.A = A.device(), s.B = B.device(), s.C = C.device();
    s.D = c.skip ? D.device() : nullptr, s.D_per_channel = c.per_channel;
    s.z = c.gate ? z.device() : nullptr, s.dt_bias = c.bias ? bias.device() : nullptr;
    s.softplus = c.softplus, s.threshold = static_cast<float>(c.threshold);
    if (c.limits) s.dt_min = 0.004f, s.dt_max = 0.05f;
  }
  ssd_reference::Problem problem() const {
    ssd_reference::Problem p{};
    const ssd::Scan s = scan();
    p.batch = c.batch, p.length = c.length, p.heads = c.heads, p.width = c.width, p.groups = c.groups,
    p.states = c.states;
    p.chunk = sizeof(T) == 4 ? 32 : 64;
    p.softplus = c.softplus, p.D_per_channel = c.per_channel, p.threshold = c.threshold;
    p.dt_min = s.dt_min, p.dt_max = s.dt_max;
    p.operand = sizeof(T) == 4 ? 0 : 0x1.05p-8 * 2;  // the state is rounded twice on its way to y
    p.output = sizeof(T) == 4 ? 0x1p-24 : 0x1.01p-8;
    p.x = widened(x), p.dt = widened(dt), p.A = widened(A), p.B = widened(B), p.C = widened(C);
    if (c.skip) p.D = widened(D);
    if (c.gate) p.z = widened(z);
    if (c.bias) p.bias = widened(bias);
    if (c.initial) p.initial = widened(initial);
    return p;
  }
};

}  // namespace ssd_case
