// SSD in float64, step by step, for the CUDA tests. With every value goes a first-order bound of a chunked
// float32 evaluation with cumulative sums whose products take operands rounded to `operand` (relative);
// written for the tests alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

namespace ssd_reference {

using i64 = std::int64_t;
constexpr double kUnit = 0x1p-24;

struct Problem {
  i64 batch, length, heads, width, groups, states, chunk;
  bool softplus, D_per_channel;
  double threshold, dt_min, dt_max;
  double operand, output;  // rounding of a product's operands, and of y
  // Values as stored, widened; empty: absent.
  std::vector<double> x, dt, A, B, C, D, z, bias, initial;

  static double get(const std::vector<double>& v, i64 i) {
    return v.empty() ? 0 : v[static_cast<std::size_t>(i)];
  }
  i64 projection(i64 b, i64 t, i64 h) const {
    return ((b * length + t) * groups + h / (heads / groups)) * states;
  }
  i64 row(i64 b, i64 t, i64 h) const { return ((b * length + t) * heads + h) * width; }
  double skip(i64 h, i64 p) const { return get(D, D_per_channel ? h * width + p : h); }
};

struct Step {
  double d, error;
};
inline Step step(const Problem& p, i64 b, i64 t, i64 h) {
  const double x = Problem::get(p.dt, (b * p.length + t) * p.heads + h) + Problem::get(p.bias, h);
  Step r{x, 2 * kUnit * std::fabs(x)};
  if (p.softplus && x <= p.threshold) {
    r.d = x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x));
    r.error = kUnit * (4 * r.d + (2 + 1 / (1 + std::exp(-x))) * std::fabs(x) * std::min(r.d, 1.0)) + 2e-38;
  }
  if (r.d < p.dt_min) r = {p.dt_min, r.error};
  if (r.d > p.dt_max) r = {p.dt_max, r.error};
  return r;
}
inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Result {
  std::vector<double> y, y_error, last, last_error;
};

// One head of one batch entry.
inline void head(const Problem& p, i64 b, i64 h, Result& r) {
  const auto P = static_cast<std::size_t>(p.width), N = static_cast<std::size_t>(p.states);
  const i64 first = (b * p.heads + h) * p.width * p.states;
  std::vector<double> s(P * N), size(P * N), error(P * N);
  for (std::size_t i = 0; i < P * N; ++i)
    s[i] = Problem::get(p.initial, first + static_cast<i64>(i)), size[i] = std::fabs(s[i]);
  const double A = p.A[static_cast<std::size_t>(h)];
  const double products = kUnit * static_cast<double>(64 + 2 * (p.states + p.chunk));
  for (i64 from = 0; from < p.length; from += p.chunk) {
    const i64 to = std::min(from + p.chunk, p.length);
    std::vector<Step> steps;
    double sum = 0, sum_error = 0, relative = 0;
    for (i64 t = from; t < to; ++t) {
      const Step k = steps.emplace_back(step(p, b, t, h));
      sum += std::fabs(k.d * A), sum_error += std::fabs(A) * k.error;
      if (k.d != 0) relative = std::max(relative, k.error / std::fabs(k.d));
    }
    const double chunk_error = p.operand + products + kUnit * (20 * sum + 8) + 2 * sum_error + relative;
    for (i64 t = from; t < to; ++t) {
      const Step& k = steps[static_cast<std::size_t>(t - from)];
      const double a = std::exp(k.d * A);
      const i64 bc = p.projection(b, t, h), row = p.row(b, t, h);
      for (std::size_t c = 0; c < P; ++c) {
        const double x = p.x[static_cast<std::size_t>(row) + c], skip = p.skip(h, static_cast<i64>(c)) * x;
        double y = skip, y_size = std::fabs(skip), y_error = 0;
        for (std::size_t n = 0; n < N; ++n) {
          const std::size_t i = c * N + n, j = static_cast<std::size_t>(bc) + n;
          const double added = k.d * p.B[j] * x;
          s[i] = a * s[i] + added, size[i] = a * size[i] + std::fabs(added) + 1e-37, error[i] *= a;
          y += p.C[j] * s[i], y_size += std::fabs(p.C[j]) * size[i];
          y_error += std::fabs(p.C[j]) * (error[i] + chunk_error * size[i]);
        }
        y_error += kUnit * 8 * y_size;
        const auto at = static_cast<std::size_t>(row) + c;
        if (!p.z.empty()) {
          const double z = p.z[at], gate = z * sigmoid(z);
          y *= gate, y_error = std::fabs(gate) * (y_error + kUnit * (8 + 3 * std::fabs(z)) * y_size);
        }
        r.y[at] = y, r.y_error[at] = y_error + p.output * (std::fabs(y) + y_error) + 1e-36;
      }
    }
    for (std::size_t i = 0; i < P * N; ++i) error[i] += chunk_error * size[i];
  }
  for (std::size_t i = 0; i < P * N; ++i)
    r.last[static_cast<std::size_t>(first) + i] = s[i], r.last_error[static_cast<std::size_t>(first) + i] =
                                                            error[i] + 1e-36;
}

inline Result forward(const Problem& p) {
  Result r;
  r.y.resize(static_cast<std::size_t>(p.batch * p.length * p.heads * p.width)), r.y_error = r.y;
  r.last.resize(static_cast<std::size_t>(p.batch * p.heads * p.width * p.states)), r.last_error = r.last;
  for (i64 b = 0; b < p.batch; ++b)
    for (i64 h = 0; h < p.heads; ++h) head(p, b, h, r);
  return r;
}

}  // namespace ssd_reference
