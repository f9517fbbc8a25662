// A lower bound of the allowance that oracle/check/selective_scan.cpp gives an element of a selective scan.
// What lies within it, the host would call explained; so the device may. What does not, the host judges.
//
// The host's allowance E of a state is at least the part that multiplications and leaves alone cause
// (ScanAllowance::allowance: each theorem's bound contains em):
//   em_t >= a em_{t-1} + (v a + alpha) M_{t-1} + beta,   M_t = a M_{t-1} + |b|, M_0 = |h0|
// alpha >= exp_error a, and beta >= ((1+v)^2 - 1 + e_delta/delta) |b| with e_delta >= log_error delta where
// softplus is taken, v |x| where a bias is added (ElementaryRules::exp, rounded, softplus). So with
//   k = v + exp_error,   s = 2v + (log_error | v | 0)
// em >= G + s M, G_t = a (G_{t-1} + k M_{t-1}). An initial state has no summand's error: there s <= 0.9 k and
// G_0 = -s |h0|, so that G + k M is not negative at the first step nor later.
//
// M is at hand: it is the state's own magnitude, as the ball carries it, but rounded up. Each step inflates
// it by a factor of at most 1 + 2.5 * 2^-22 (exp's margin 1.5 * 2^-22, a product, a sum), and G by less: k
// and s are therefore multiplied by 1 - 2.5 * 2^-22 (L + 8). Below the normal numbers rounding up can add
// 2^-147 a step to M, and 2^-148 times the state before it (a multiplier that underflows). After t steps,
// with S and X as ScanAllowance has them (the largest product of the last multipliers; the same times a
// state), that is at most t 2^-147 (S + X), of which G + s M has (k t + s), which is made at most 1/16. The
// host's E contains U >= 2^-150 (t S + (t-1) X), under flush-to-zero 2^-126 (t S + t X), and alpha >= 2^-148
// without: more. (So does its cap under flush-to-zero, M + 2^-150 t (S + X) at least.) What the summand's
// first product, delta u, may gain by underflow is not so bounded: token_step lets nothing be decided there.
//
// The readout adds, for each of N products and D u, one rounding v, and for the sum of n additions n v of all
// (Calculus::Sum, at most the declared depth): at least (n + 1) v |y|. The gate multiplies by |z sigma| and
// adds 3 roundings and the quotient's v + div_error (ElementaryRules::gated, sigmoid). Underflow terms are
// not negative: they are left out.
#pragma once

#include "oracle/cuda/directed.hpp"

namespace exactscan {
struct Contract;
}

namespace exactscan::device {

// Each a lower bound of what its name says, relative.
struct AllowanceFloor {
  float multiplier = 0;      // k: what one step adds to the error of the state before it
  float summand = 0;         // s: the error of a step's summand
  float readout = 0;         // of the sum over states, before the gate
  float gate = 0;            // of the gate's own operations
  float largest = 0x1p100F;  // an allowance beyond is no floor: an input was infinite, say
};

struct FloorRequest {
  std::int64_t length = 0, states = 0;
  bool softplus = false, bias = false, skip = false, initial_state = false;
};

// Requires: accumulate is not fp64, state=full (the device check refuses them).
AllowanceFloor allowance_floor(const Contract& contract, const FloorRequest& request);

// One state's G.
struct StateFloor {
  float error = 0;

  EXACTSCAN_HOST_DEVICE static StateFloor initial(float h0, const AllowanceFloor& floor) {
    return {-mul_up(floor.summand, std::fabs(h0))};
  }
  // `a`: the multiplier, to nearest; `before`: the magnitude of the state before the step.
  EXACTSCAN_HOST_DEVICE void step(float a, float before, const AllowanceFloor& floor) {
    error = mul_down(a, fma_down(floor.multiplier, before, error));
  }
  // `size`: the magnitude of the state now.
  EXACTSCAN_HOST_DEVICE float allowance(float size, const AllowanceFloor& floor) const {
    return fma_down(floor.summand, size, error);
  }
};

}  // namespace exactscan::device
