// A case of the S5 tests: sizes, options and data.
#pragma once

#include "cuda/s5/s5.hpp"
#include "tests/cuda/harness.cuh"
#include "tests/cuda/s5_reference.hpp"

namespace s5_case {

using namespace harness;
using c64 = std::complex<float>;

inline const char* const kNames[] = {"bilinear", "zoh", "dirac"};

inline const float2* in(const Buffer<c64>& b) { return reinterpret_cast<const float2*>(b.device()); }
inline float2* out(const Buffer<c64>& b) { return reinterpret_cast<float2*>(b.device()); }

enum class Data { typical, small_a, zero_a, near_minus_one, strong, large_steps, growing };
struct Case {
  i64 batch, states, length;
  int method;
  bool two_steps = false, initial = true, last = true, in_place = false;
  int shift = 0, warps = 0;
  Data data = Data::typical;
};
inline std::string describe(const Case& c) {
  char text[200];
  std::snprintf(text, sizeof text, "%s %lld x %lld x %lld%s%s%s%s shift %d warps %d data %d",
                kNames[c.method], static_cast<long long>(c.batch), static_cast<long long>(c.states),
                static_cast<long long>(c.length), c.two_steps ? " deltaA" : "", c.initial ? " initial" : "",
                c.last ? " last" : "", c.in_place ? " in-place" : "", c.shift, c.warps,
                static_cast<int>(c.data));
  return text;
}

struct Inputs {
  Buffer<c64> b, A, initial, g, g_last;
  Buffer<float> delta, deltaA;
  explicit Inputs(const Case& c)
      : b(c.batch * c.states * c.length, c.shift),
        A(c.states),
        initial(c.batch * c.states),
        g(b.host.size(), c.shift),
        g_last(c.batch * c.states),
        delta(b.host.size(), c.shift),
        deltaA(b.host.size(), c.shift) {
    Random r(static_cast<std::uint64_t>(c.length * 131 + c.states * 7 + c.method +
                                        1000 * static_cast<int>(c.data)));
    auto complex = [&](double scale) {
      return c64(static_cast<float>(r(-scale, scale)), static_cast<float>(r(-scale, scale)));
    };
    for (i64 p = 0; p < c.states; ++p) {
      const double n = 3.14159 * static_cast<double>(p % 40);
      c64 a(static_cast<float>(-r(0.1, 1)), static_cast<float>(n));
      if (c.data == Data::small_a)
        a = c64(static_cast<float>(-r.log_uniform(1e-9, 1e-2)),
                static_cast<float>(r.log_uniform(1e-9, 1e-2)));
      if (c.data == Data::zero_a && p % 2 == 0) a = c64(p % 4 == 0 ? 0.0f : -0.0f, 0.0f);
      if (c.data == Data::near_minus_one)
        a = c64(-20.0f, p % 3 == 0 ? 0.0f : static_cast<float>(r(-0.01, 0.01)));
      if (c.data == Data::strong)
        a = c64(static_cast<float>(-r(50, 3000)), static_cast<float>(r(-3000, 3000)));
      if (c.data == Data::growing) a = c64(static_cast<float>(r(0, 0.5)), static_cast<float>(n));
      A[p] = a;
    }
    for (std::size_t k = 0; k < b.host.size(); ++k) {
      const auto i = static_cast<i64>(k);
      b[i] = complex(1), g[i] = complex(1);
      double d = r.log_uniform(1e-3, 1e-1), e = r.log_uniform(1e-3, 1e-1);
      if (c.data == Data::near_minus_one && i % 5 == 0) d = e = 0.1;
      if (c.data == Data::large_steps) d = r.log_uniform(1e-3, i % 7 == 0 ? 1e15 : 1e3), e = d;
      delta[i] = static_cast<float>(d), deltaA[i] = static_cast<float>(e);
    }
    for (auto& v : initial.host) v = complex(1);
    for (auto& v : g_last.host) v = complex(1);
    b.up(), A.up(), initial.up(), g.up(), g_last.up(), delta.up(), deltaA.up();
  }
};

inline s5_reference::Problem problem(const Case& c, const Inputs& v) {
  return {c.batch,
          c.states,
          c.length,
          c.method,
          v.b.host.data(),
          v.A.host.data(),
          c.initial ? v.initial.host.data() : nullptr,
          v.delta.host.data(),
          c.two_steps ? v.deltaA.host.data() : nullptr};
}

}  // namespace s5_case
