// A case of simplified_scan, s5_inner or simplified_state_update, its tensors as numbers.
//
// Shapes: u [N,H,L], delta and deltaA [N,P,L], A [P] or [P,1], B [P,H], C [H,P], D [H], x0 [N,P]. A state
// update has L = 1: u [N,H], delta and deltaA [N,P] or [P], D [H,H], state [N,P].
#pragma once

#include <array>
#include <complex>
#include <vector>

#include "oracle/check/operation.hpp"
#include "oracle/check/request.hpp"
#include "spec/discretization.hpp"

namespace exactscan::s5 {

enum class Kind : std::uint8_t { scan, inner, update };

enum Result : std::uint8_t { y, last_state, du, ddelta, ddeltaA, dA, dB, dC, dD, dx0, result_count };

// A tensor's elements, row-major, and whether the working format holds every value of its type.
struct Numbers {
  std::vector<std::complex<double>> values;
  bool fits = true;
  bool present = false;
  std::complex<double> operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
};

class Problem {
 public:
  // Requires: a validated case of one of the three operations. Errors: CaseError for an unknown
  // opt.discretization, and for in.dlast_state without in.dy.
  Problem(const Case& value, const Dimensions& dimensions, const Contract& contract);

  Kind kind;
  spec::Discretization method = spec::Discretization::bilinear;
  bool conj_sym = true, backward = false;
  std::int64_t N, H, P, L;
  Numbers u, delta, deltaA, A, B, C, D, x0, dy, dlast_state;
  std::vector<Output> outputs;  // one each Result; without a candidate where the case has none

  // Places in the flattened tensors.
  std::int64_t at_u(std::int64_t n, std::int64_t h, std::int64_t t) const { return (n * H + h) * L + t; }
  std::int64_t at_step(std::int64_t n, std::int64_t p, std::int64_t t) const { return (n * P + p) * L + t; }
  std::complex<double> step(std::int64_t n, std::int64_t p, std::int64_t t) const {
    return delta[at_step(n, p, t)];
  }
  // The step in Abar.
  std::complex<double> step_a(std::int64_t n, std::int64_t p, std::int64_t t) const {
    return deltaA.present ? deltaA[at_step(n, p, t)] : step(n, p, t);
  }
  // Gradient of the complex y: s g for a real output.
  std::complex<double> gradient(std::int64_t n, std::int64_t h, std::int64_t t) const {
    return dy.present ? dy[at_u(n, h, t)] * scale() : 0.0;
  }
  std::complex<double> start(std::int64_t n, std::int64_t p) const {
    return x0.present ? x0[n * P + p] : 0.0;
  }
  double scale() const { return kind != Kind::scan && conj_sym ? 2 : 1; }
  bool wants(Result r) const { return outputs[r].candidate.present(); }
};

}  // namespace exactscan::s5
