// The simplified scan and its adjoint in float64, sequential, for the CUDA tests; with every value goes how
// far a float32 evaluation in any order may lie off: first-order bounds in units of 2^-24, written for the
// tests alone.
#pragma once

#include <complex>
#include <cstdint>
#include <vector>

namespace s5_reference {

using c128 = std::complex<double>;
constexpr double kUnit = 0x1p-24, kTiny = 0x1p-148;  // the second: where float32 underflows gradually

// A value with the allowed deviation of a float32 evaluation and the largest magnitude of its parts.
struct Coefficients {
  c128 abar, bbar, dabar_de, dabar_da, dbbar_dd, dbbar_da;
  double abar_error, bbar_error;  // absolute
  double dbbar_da_size;           // majorant of the parts of dbbar_da
  double spread_e, spread_d;      // relative error of derivatives, in units
};

inline c128 series(c128 z, double first, int shift, bool weighted) {  // sum (k+1 or 1) z^k / (k+shift)!
  c128 sum = 0, power = 1;
  double factorial = first;
  for (int k = 0; k < 40; ++k) {
    sum += power * (weighted ? k + 1.0 : 1.0) / factorial;
    power *= z;
    factorial *= k + shift + 1;
  }
  return sum;
}

// method: 0 bilinear, 1 zoh, 2 dirac.
inline Coefficients coefficients(int method, double d, double e, c128 a) {
  Coefficients c{};
  const c128 ze = e * a, zd = d * a;
  if (method == 0) {
    const c128 ra = 1.0 / (1.0 - ze / 2.0), rb = 1.0 / (1.0 - zd / 2.0);
    c.abar = (1.0 + ze / 2.0) * ra;
    c.bbar = d * rb;
    c.dabar_de = a * ra * ra, c.dabar_da = e * ra * ra;
    c.dbbar_dd = rb * rb, c.dbbar_da = d * d / 2 * rb * rb;
    c.dbbar_da_size = std::abs(c.dbbar_da);
    c.spread_e = 4 + 4 * (1 + std::abs(ze) / 2) * std::abs(ra);
    c.spread_d = 4 + 4 * (1 + std::abs(zd) / 2) * std::abs(rb);
    c.abar_error = 6 * kUnit * ((1 + std::abs(ze) / 2) * std::abs(ra) + std::abs(c.abar));
    c.bbar_error = c.spread_d * kUnit * std::abs(c.bbar);
    return c;
  }
  c.abar = std::exp(ze);
  c.dabar_de = a * c.abar, c.dabar_da = e * c.abar;
  c.spread_e = 10 + 2 * std::abs(ze);
  c.abar_error = (8 + 2 * std::abs(ze)) * kUnit * std::abs(c.abar) + kTiny;
  c.bbar = 1;
  if (method == 1) {
    const c128 ed = std::exp(zd);
    const bool small = std::abs(zd) < 0.5;
    c.bbar = small ? d * series(zd, 1, 1, false) : (ed - 1.0) / a;
    c.dbbar_dd = ed;
    c.dbbar_da = small ? d * d * series(zd, 2, 2, true) : (d * ed - c.bbar) / a;
    c.dbbar_da_size = small ? std::abs(d * d * ed) : (d * std::abs(ed) + std::abs(c.bbar)) / std::abs(a);
    c.spread_d = 10 + 2 * std::abs(zd);
    c.bbar_error = kUnit * (8 * std::abs(c.bbar) + 2 * std::abs(d * ed) * std::min(1.0, std::abs(zd)));
  }
  return c;
}

struct Problem {
  std::int64_t batch, states, length;
  int method;
  const std::complex<float>*b, *A, *initial;  // initial may be null
  const float *delta, *deltaA;                // deltaA may be null
  Coefficients at(std::int64_t row, std::int64_t t) const {
    const std::int64_t i = row * length + t;
    const double d = delta[i], e = deltaA ? deltaA[i] : d;
    return coefficients(method, d, e, c128(A[row % states]));
  }
};

struct Forward {
  std::vector<c128> x;
  std::vector<double> error;  // one more a row: none; the last state is x at the end
};
inline Forward forward(const Problem& p) {
  const auto n = static_cast<std::size_t>(p.batch * p.states * p.length);
  Forward r{std::vector<c128>(n), std::vector<double>(n)};
  for (std::int64_t row = 0; row < p.batch * p.states; ++row) {
    c128 x = p.initial ? c128(p.initial[row]) : c128(0);
    double size = std::abs(x), error = 0;
    for (std::int64_t t = 0; t < p.length; ++t) {
      const auto i = static_cast<std::size_t>(row * p.length + t);
      const Coefficients c = p.at(row, t);
      const c128 b = c128(p.b[i]);
      x = c.abar * x + c.bbar * b;
      const double kept = std::abs(c.abar) * size, added = std::abs(c.bbar * b);
      error = std::abs(c.abar) * error + c.abar_error * size + c.bbar_error * std::abs(b) +
              kUnit * (6 * kept + 6 * added);
      size = kept + added;
      r.x[i] = x;
      r.error[i] = error + 1e-42;
    }
  }
  return r;
}

struct Adjoint {
  std::vector<c128> gb, dA, d_initial;
  std::vector<double> ddelta, ddeltaA;
  std::vector<double> gb_error, dA_error, d_initial_error, ddelta_error, ddeltaA_error;
};
// x: the float32 forward states, taken as exact. g_last may be null. Without deltaA ddelta is the sum of
// both.
inline Adjoint adjoint(const Problem& p, const std::complex<float>* x, const std::complex<float>* g,
                       const std::complex<float>* g_last) {
  const auto n = static_cast<std::size_t>(p.batch * p.states * p.length),
             rows = static_cast<std::size_t>(p.batch * p.states);
  const auto states = static_cast<std::size_t>(p.states);
  Adjoint r;
  r.gb.resize(n), r.gb_error.resize(n), r.ddelta.resize(n), r.ddelta_error.resize(n), r.ddeltaA.resize(n),
      r.ddeltaA_error.resize(n);
  r.dA.resize(states), r.dA_error.resize(states), r.d_initial.resize(rows), r.d_initial_error.resize(rows);
  std::vector<double> dA_size(states);
  for (std::size_t row = 0; row < rows; ++row) {
    const auto k = static_cast<std::int64_t>(row);
    c128 mu = g_last ? c128(g_last[row]) : c128(0);
    double size = std::abs(mu), error = 0;
    for (std::int64_t t = p.length - 1; t >= 0; --t) {
      const auto i = static_cast<std::size_t>(k * p.length + t);
      const Coefficients c = p.at(k, t);
      const c128 lambda = c128(g[i]) + mu, b = c128(p.b[i]);
      const c128 before = t > 0 ? c128(x[i - 1]) : (p.initial ? c128(p.initial[row]) : c128(0));
      const double lambda_size = std::abs(c128(g[i])) + size, lambda_error = error + kUnit * lambda_size;
      r.gb[i] = std::conj(c.bbar) * lambda;
      r.gb_error[i] = std::abs(c.bbar) * lambda_error + c.bbar_error * lambda_size +
                      3 * kUnit * std::abs(c.bbar) * lambda_size + 1e-42;
      const double by_e = std::real(lambda * std::conj(before * c.dabar_de)),
                   by_d = std::real(lambda * std::conj(b * c.dbbar_dd));
      const double e_size = std::abs(before * c.dabar_de), d_size = std::abs(b * c.dbbar_dd);
      const double e_error =
          e_size * (lambda_error + kUnit * (c.spread_e + 12) * lambda_size) +
          kTiny * (1 + 2 * std::abs(c128(p.A[row % states]))) * (1 + std::abs(before)) * (1 + lambda_size);
      const double d_error = d_size * (lambda_error + kUnit * (c.spread_d + 12) * lambda_size);
      r.ddelta[i] = p.deltaA ? by_d : by_e + by_d;
      r.ddelta_error[i] =
          (p.deltaA ? d_error : e_error + d_error + kUnit * (e_size + d_size) * lambda_size) + 1e-42;
      r.ddeltaA[i] = by_e;
      r.ddeltaA_error[i] = e_error + 1e-42;
      const double a_size = std::abs(before * c.dabar_da), b_size = std::abs(b) * c.dbbar_da_size;
      const std::size_t s = row % states;
      r.dA[s] += lambda * std::conj(before * c.dabar_da + b * c.dbbar_da);
      r.dA_error[s] += a_size * (lambda_error + kUnit * (c.spread_e + 12) * lambda_size) +
                       b_size * (lambda_error + kUnit * (2 * c.spread_d + 16) * lambda_size);
      dA_size[s] += (a_size + b_size) * lambda_size;
      error = std::abs(c.abar) * lambda_error + c.abar_error * lambda_size +
              6 * kUnit * std::abs(c.abar) * lambda_size;
      size = std::abs(c.abar) * lambda_size;
      mu = std::conj(c.abar) * lambda;
    }
    r.d_initial[row] = mu;
    r.d_initial_error[row] = error + 1e-42;
  }
  for (std::size_t s = 0; s < states; ++s)
    r.dA_error[s] += (static_cast<double>(p.length) / 32 + 16) * kUnit * dA_size[s] + 1e-42;
  return r;
}

}  // namespace s5_reference
