// The multiplier and input coefficient of one step, and their derivatives. The formulas: s5.hpp.
#pragma once

#include "cuda/s5/complex.cuh"
#include "cuda/s5/s5.hpp"

namespace exactscan::cuda::s5 {

// What a row needs of its eigenvalue a.
struct Eigenvalue {
  float2 a, half, inverse;  // a, a/2, 1/a
};
template <Discretization kMethod>
__device__ inline Eigenvalue eigenvalue(float2 a) {
  Eigenvalue r{a, {0.5f * a.x, 0.5f * a.y}, {0, 0}};
  if constexpr (kMethod == Discretization::zoh) {
    const double x = a.x, y = a.y, n = x * x + y * y;
    r.inverse = {static_cast<float>(x / n), static_cast<float>(-y / n)};
  }
  return r;
}

// Quantities of one step; what a method does not need stays zero and costs nothing.
struct Coefficient {
  float2 abar, bbar;
  float2 rb;   // bilinear: 1 / (1 - d a/2)
  float2 exd;  // zoh: exp(d a)
};

struct Bilinear {
  float2 abar, reciprocal;
};
// In float64, for steps whose |1 - z|^2 leaves float32's range.
__device__ inline Bilinear bilinear_wide(float step, float2 half) {
  const double x = static_cast<double>(step) * half.x, y = static_cast<double>(step) * half.y;
  const double q = 1 - x, n = q * q + y * y;
  return {{static_cast<float>(((1 + x) * q - y * y) / n), static_cast<float>(2 * y / n)},
          {static_cast<float>(q / n), static_cast<float>(y / n)}};
}
// (1 + z)/(1 - z) and 1/(1 - z) for z = step a/2. (1 + z)(1 - conj z) has imaginary part 2 Im z. `rare` is
// set where only bilinear_wide is right.
__device__ inline Bilinear bilinear(float step, float2 half, bool& rare) {
  const float x = step * half.x, y = step * half.y;
  const float p = 1.0f + x, q = 1.0f - x, yy = y * y;
  const float n = fmaf(q, q, yy);
  rare |= !(n < 1e36f);
  const float r = reciprocal(n);
  return {{fmaf(p, q, -yy) * r, 2.0f * y * r}, {q * r, y * r}};
}

__device__ inline float norm(float2 z) { return fmaf(z.x, z.x, z.y * z.y); }

// (e^z - 1)/a for z = d a, given e^z - 1. Near 0: d (1 + z/2 + z^2/6), the next term is below 2^-34.
__device__ inline float2 zoh_coefficient(float d, float2 z, float2 m1, const Eigenvalue& v) {
  if (norm(z) < 0x1p-20f) {
    const float2 s{fmaf(z.x, 1.0f / 6, 0.5f), z.y * (1.0f / 6)};
    return d * fused(z, s, {1, 0});
  }
  return m1 * v.inverse;
}

// d: delta, e: deltaA (or delta). kRare: right for any argument, and slow; else `rare` is set where it may
// not be. One test for all of a lane's steps leaves the compiler free to interleave them.
template <Discretization kMethod, bool kTwoSteps, bool kRare>
__device__ inline Coefficient coefficient_of(float d, float e, const Eigenvalue& v, bool& rare) {
  Coefficient c{};
  auto form = [&](float step) { return kRare ? bilinear_wide(step, v.half) : bilinear(step, v.half, rare); };
  auto exp_of = [&](float2 z) {
    rare |= !(fabsf(z.y) <= kMostAngle);
    return exponential<kRare>(z);
  };
  if constexpr (kMethod == Discretization::bilinear) {
    const Bilinear first = form(e);
    c.abar = first.abar;
    c.rb = kTwoSteps ? form(d).reciprocal : first.reciprocal;
    c.bbar = d * c.rb;
  } else if constexpr (kMethod == Discretization::zoh) {
    // The quotient needs care where e^z - 1 is nearly or quite gone, at a = 0 above all.
    const float2 z = d * v.a;
    rare |= !(fabsf(z.y) <= kMostAngle) || (fmaxf(fabsf(z.x), fabsf(z.y)) < 0x1p-60f && d != 0);
    const Exponential at = exponential_and_m1<kRare>(z);
    c.exd = at.e;
    c.abar = kTwoSteps ? exp_of(e * v.a) : at.e;
    c.bbar = kRare ? zoh_coefficient(d, z, at.m1, v) : at.m1 * v.inverse;
  } else {
    c.abar = exp_of(e * v.a);
    c.bbar = {1, 0};
  }
  return c;
}
template <Discretization kMethod, bool kTwoSteps>
__device__ __noinline__ Coefficient rare_coefficient(float d, float e, Eigenvalue v) {
  bool rare = true;
  return coefficient_of<kMethod, kTwoSteps, true>(d, e, v, rare);
}
// Of a lane's steps.
template <Discretization kMethod, bool kTwoSteps, int kItems>
__device__ inline void coefficients(const float (&d)[kItems], const float (&e)[kItems], const Eigenvalue& v,
                                    Coefficient (&c)[kItems]) {
  bool rare = false;
#pragma unroll
  for (int j = 0; j < kItems; ++j) c[j] = coefficient_of<kMethod, kTwoSteps, false>(d[j], e[j], v, rare);
  if (!rare) return;
#pragma unroll
  for (int j = 0; j < kItems; ++j) c[j] = rare_coefficient<kMethod, kTwoSteps>(d[j], e[j], v);
}

// psi(z) = (z e^z - e^z + 1)/z^2 times d^2, for z = d a: dBbar/da of zoh.
__device__ inline float2 zoh_derivative(float d, const Coefficient& c, const Eigenvalue& v) {
  const float2 z = d * v.a;
  if (norm(z) < 0.25f) {  // sum of (k + 1) z^k / (k + 2)!
    float2 s{9.0f / 3628800, 0};
    s = fused(s, z, {8.0f / 362880, 0});
    s = fused(s, z, {7.0f / 40320, 0});
    s = fused(s, z, {6.0f / 5040, 0});
    s = fused(s, z, {5.0f / 720, 0});
    s = fused(s, z, {4.0f / 120, 0});
    s = fused(s, z, {3.0f / 24, 0});
    s = fused(s, z, {2.0f / 6, 0});
    s = fused(s, z, {0.5f, 0});
    return d * (d * s);
  }
  const float2 t{fmaf(d, c.exd.x, -c.bbar.x), fmaf(d, c.exd.y, -c.bbar.y)};
  return t * v.inverse;
}

// The gradients of one step's parameters, for lambda, the state before and the input of the step.
struct StepGradient {
  float2 a;  // contribution to dA
  float by_e, by_d;
};
template <Discretization kMethod, bool kTwoSteps>
__device__ inline StepGradient step_gradient(float d, float e, const Coefficient& c, const Eigenvalue& v,
                                             float2 lambda, float2 before, float2 input) {
  StepGradient g{};
  if constexpr (kMethod == Discretization::bilinear) {
    // dAbar/de = a ra^2, dAbar/da = e ra^2 with ra = 1/(1 - e a/2). Not (1 + Abar)/2, which cancels.
    bool rare = false;
    float2 ra = kTwoSteps ? bilinear(e, v.half, rare).reciprocal : c.rb;
    if (kTwoSteps && rare) ra = bilinear_wide(e, v.half).reciprocal;
    const float2 x = times_conj(lambda, (ra * ra) * before),
                 b = times_conj(lambda, (c.bbar * c.bbar) * input);
    g.a = {fmaf(e, x.x, 0.5f * b.x), fmaf(e, x.y, 0.5f * b.y)};
    g.by_e = inner(x, v.a);
    g.by_d = inner(lambda, (c.rb * c.rb) * input);
  } else {
    const float2 x = times_conj(lambda, c.abar * before);
    g.a = e * x;
    g.by_e = inner(x, v.a);
    if constexpr (kMethod == Discretization::zoh) {
      g.a = g.a + times_conj(lambda, zoh_derivative(d, c, v) * input);
      g.by_d = inner(lambda, c.exd * input);
    }
  }
  return g;
}

}  // namespace exactscan::cuda::s5
