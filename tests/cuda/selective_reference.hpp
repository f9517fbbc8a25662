// Mamba-1's selective scan and its adjoint in float64, sequential, for the CUDA tests. With every value goes
// a first-order bound of a float32 evaluation in any order whose exp takes a rounded argument; written for
// the tests alone.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

namespace selective_reference {

using i64 = std::int64_t;
constexpr double kUnit = 0x1p-24;

struct Problem {
  i64 batch, channels, groups, states, length;
  bool softplus;
  double threshold;
  // Values as stored, widened; empty: absent.
  std::vector<double> u, delta, A, B, C, D, z, bias, initial;

  i64 row(i64 b, i64 d) const { return b * channels + d; }
  i64 projection(i64 b, i64 d, i64 n, i64 t) const {
    return ((b * groups + d / (channels / groups)) * states + n) * length + t;
  }
  double before(i64 b, i64 d, i64 t) const {  // softplus's argument
    return delta[static_cast<std::size_t>(row(b, d) * length + t)] +
           (bias.empty() ? 0 : bias[static_cast<std::size_t>(d)]);
  }
};

struct Step {
  double dt, error, slope;  // slope: d dt / d delta
};
inline Step step(const Problem& p, double x) {
  if (!p.softplus || x > p.threshold) return {x, kUnit * std::fabs(x) * 2, 1};
  const double dt = x > 0 ? x + std::log1p(std::exp(-x)) : std::log1p(std::exp(x)),
               slope = 1 / (1 + std::exp(-x));
  return {dt, kUnit * (4 * dt + (2 + slope) * std::fabs(x) * std::min(dt, 1.0)) + 2e-38, slope};
}
inline double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Forward {
  std::vector<double> y, y_error, last, last_error;
};
inline Forward forward(const Problem& p, double output_unit) {
  Forward r;
  const auto n = static_cast<std::size_t>(p.batch * p.channels * p.length);
  r.y.resize(n), r.y_error.resize(n);
  r.last.resize(static_cast<std::size_t>(p.batch * p.channels * p.states)), r.last_error = r.last;
  std::vector<double> h(static_cast<std::size_t>(p.states)), size(h), error(h);
  for (i64 b = 0; b < p.batch; ++b)
    for (i64 d = 0; d < p.channels; ++d) {
      for (i64 k = 0; k < p.states; ++k) {
        const auto i = static_cast<std::size_t>(k);
        h[i] = p.initial.empty() ? 0 : p.initial[static_cast<std::size_t>(p.row(b, d) * p.states + k)];
        size[i] = std::fabs(h[i]), error[i] = 0;
      }
      for (i64 t = 0; t < p.length; ++t) {
        const auto at = static_cast<std::size_t>(p.row(b, d) * p.length + t);
        const Step s = step(p, p.before(b, d, t));
        const double skip = p.D.empty() ? 0 : p.D[static_cast<std::size_t>(d)] * p.u[at];
        double y = skip, y_size = std::fabs(skip), y_error = 0;
        for (i64 k = 0; k < p.states; ++k) {
          const auto i = static_cast<std::size_t>(k);
          const double A = p.A[static_cast<std::size_t>(d * p.states + k)], a = std::exp(s.dt * A);
          const auto bc = static_cast<std::size_t>(p.projection(b, d, k, t));
          const double added = s.dt * p.u[at] * p.B[bc];
          const double a_error = a * (std::fabs(A) * s.error + kUnit * (4 + 3 * std::fabs(s.dt * A))) + 2e-38;
          error[i] = a * error[i] + a_error * size[i] + std::fabs(p.u[at] * p.B[bc]) * s.error +
                     kUnit * (2 * a * size[i] + 4 * std::fabs(added)) + 1e-37;
          h[i] = a * h[i] + added;
          size[i] = a * size[i] + std::fabs(added);
          y += p.C[bc] * h[i];
          y_size += std::fabs(p.C[bc]) * size[i];
          y_error += std::fabs(p.C[bc]) * error[i];
        }
        y_error += kUnit * (static_cast<double>(p.states) / 2 + 6) * y_size;
        if (!p.z.empty()) {
          const double z = p.z[at], gate = z * sigmoid(z);
          y *= gate;
          y_error = std::fabs(gate) * (y_error + kUnit * (8 + 3 * std::fabs(z)) * y_size);
        }
        r.y[at] = y;
        r.y_error[at] = y_error + output_unit * (std::fabs(y) + y_error) + 1e-36;
      }
      for (i64 k = 0; k < p.states; ++k) {
        const auto i = static_cast<std::size_t>(p.row(b, d) * p.states + k);
        r.last[i] = h[static_cast<std::size_t>(k)],
        r.last_error[i] = error[static_cast<std::size_t>(k)] + 1e-37;
      }
    }
  return r;
}

// Gradients, each with the sum of the magnitudes of its terms (the scale that an error is measured on).
struct Adjoint {
  std::vector<double> du, ddelta, dA, dB, dC, dD, dz, dbias, dinitial;
  std::vector<double> du_size, ddelta_size, dA_size, dB_size, dC_size, dD_size, dz_size, dbias_size,
      dinitial_size;
};
inline Adjoint adjoint(const Problem& p, const std::vector<double>& dy, const std::vector<double>& d_last) {
  Adjoint r;
  const auto rows = static_cast<std::size_t>(p.batch * p.channels), L = static_cast<std::size_t>(p.length),
             N = static_cast<std::size_t>(p.states);
  r.du.resize(rows * L), r.ddelta = r.dz = r.du_size = r.ddelta_size = r.dz_size = r.du;
  r.dA.resize(p.A.size()), r.dA_size = r.dA, r.dB.resize(p.B.size()), r.dC = r.dB_size = r.dC_size = r.dB;
  r.dD.resize(static_cast<std::size_t>(p.channels)), r.dbias = r.dD_size = r.dbias_size = r.dD;
  r.dinitial.resize(rows * N), r.dinitial_size = r.dinitial;
  std::vector<double> h((L + 1) * N), h_size(h), lambda(N), size(N);
  for (i64 b = 0; b < p.batch; ++b)
    for (i64 d = 0; d < p.channels; ++d) {
      const auto row = static_cast<std::size_t>(p.row(b, d)), channel = static_cast<std::size_t>(d);
      for (std::size_t k = 0; k < N; ++k) {
        h[k] = p.initial.empty() ? 0 : p.initial[row * N + k];
        h_size[k] = std::fabs(h[k]);
      }
      for (std::size_t t = 0; t < L; ++t) {
        const Step s = step(p, p.before(b, d, static_cast<i64>(t)));
        for (std::size_t k = 0; k < N; ++k) {
          const double a = std::exp(s.dt * p.A[channel * N + k]);
          const double added =
              s.dt * p.u[row * L + t] *
              p.B[static_cast<std::size_t>(p.projection(b, d, static_cast<i64>(k), static_cast<i64>(t)))];
          h[(t + 1) * N + k] = a * h[t * N + k] + added;
          h_size[(t + 1) * N + k] = a * h_size[t * N + k] + std::fabs(added);
        }
      }
      for (std::size_t k = 0; k < N; ++k)
        lambda[k] = d_last.empty() ? 0 : d_last[row * N + k], size[k] = std::fabs(lambda[k]);
      for (std::size_t t = L; t-- > 0;) {
        const std::size_t at = row * L + t;
        const Step s = step(p, p.before(b, d, static_cast<i64>(t)));
        const double u = p.u[at], D = p.D.empty() ? 0 : p.D[channel];
        double gy = dy[at], y = D * u, y_size = std::fabs(y);
        if (!p.z.empty()) {
          const double z = p.z[at], g = sigmoid(z);
          for (std::size_t k = 0; k < N; ++k) {
            const double C =
                p.C[static_cast<std::size_t>(p.projection(b, d, static_cast<i64>(k), static_cast<i64>(t)))];
            y += C * h[(t + 1) * N + k], y_size += std::fabs(C) * h_size[(t + 1) * N + k];
          }
          r.dz[at] = gy * y * g * (1 + z * (1 - g));
          r.dz_size[at] = std::fabs(gy) * y_size * g * (1 + std::fabs(z)) * (1 + std::fabs(z));
          gy *= z * g;
        }
        double du = D * gy, du_size = std::fabs(du), ddt = 0, ddt_size = 0;
        for (std::size_t k = 0; k < N; ++k) {
          const auto bc =
              static_cast<std::size_t>(p.projection(b, d, static_cast<i64>(k), static_cast<i64>(t)));
          const double A = p.A[channel * N + k], a = std::exp(s.dt * A), w = a * h[t * N + k],
                       w_size = a * h_size[t * N + k];
          const double l = lambda[k] + p.C[bc] * gy, l_size = size[k] + std::fabs(p.C[bc] * gy);
          du += l * s.dt * p.B[bc], du_size += l_size * std::fabs(s.dt * p.B[bc]);
          ddt += l * (p.B[bc] * u + A * w),
              ddt_size += l_size * (std::fabs(p.B[bc] * u) + std::fabs(A) * w_size);
          r.dA[channel * N + k] += l * s.dt * w,
              r.dA_size[channel * N + k] += l_size * std::fabs(s.dt) * w_size;
          r.dB[bc] += l * s.dt * u, r.dB_size[bc] += l_size * std::fabs(s.dt * u);
          r.dC[bc] += gy * h[(t + 1) * N + k], r.dC_size[bc] += std::fabs(gy) * h_size[(t + 1) * N + k];
          lambda[k] = a * l, size[k] = a * l_size;
        }
        r.du[at] = du, r.du_size[at] = du_size;
        r.ddelta[at] = ddt * s.slope, r.ddelta_size[at] = ddt_size * s.slope;
        r.dbias[channel] += r.ddelta[at], r.dbias_size[channel] += r.ddelta_size[at];
        r.dD[channel] += gy * u, r.dD_size[channel] += std::fabs(gy * u);
      }
      for (std::size_t k = 0; k < N; ++k)
        r.dinitial[row * N + k] = lambda[k], r.dinitial_size[row * N + k] = size[k];
    }
  return r;
}

}  // namespace selective_reference
