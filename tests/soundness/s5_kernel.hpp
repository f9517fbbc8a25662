// Emulated S5 kernels: legitimate ones, and ones with a planted defect.
#pragma once

#include <array>
#include <complex>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oracle/casefile/case.hpp"
#include "tests/soundness/s5_arithmetic.hpp"
#include "tests/soundness/setting.hpp"

namespace exactscan::soundness {

using Complex = std::complex<double>;

enum class S5Kind : std::uint8_t { scan, inner, update };
enum class S5Method : std::uint8_t { bilinear, zoh, dirac };

struct S5Data {
  S5Kind kind = S5Kind::scan;
  S5Method method = S5Method::bilinear;
  bool conj_sym = true, backward = false, separate_step = false, start = false, last_gradient = false;
  std::size_t N = 1, H = 1, P = 1, L = 1;
  std::vector<Complex> u, A, B, C, x0, dy, dlast;
  std::vector<double> delta, deltaA, D;
};

enum class S5Profile : std::uint8_t {
  typical,
  decay,
  long_memory,
  unstable,
  near_minus_2,
  small_steps,
  tiny,
  cancelling
};
inline constexpr int s5_profile_count = 8;

// Data whose every number is one of `format`.
S5Data draw_s5(Random& random, const emulation::BinaryFormat& format, S5Profile profile, S5Kind kind);

enum class S5Defect : std::uint8_t {
  none,
  conj_C_missing,
  conj_multiplier_missing,
  conj_gain_missing,
  conj_B_missing,
  conj_u_missing,
  conj_x_missing,
  conj_partial_missing,
  scale_missing,
  scale_on_skip,
  delta_for_deltaA,
  deltaA_for_delta,
  delta_frozen_in_time,
  delta_of_first_batch,
  exp_minus_1,
  gain_omitted,
  adjoint_shifted,
  last_state_too_early,
  carry_dropped,
  state_in_bf16,
  imaginary_input_dropped,
  skip_transposed
};
inline constexpr std::array<std::string_view, 22> s5_defect_names{"none",
                                                                  "conj(C) missing",
                                                                  "conj(Abar) missing",
                                                                  "conj(Bbar) missing",
                                                                  "conj(B) missing",
                                                                  "conj(u) missing",
                                                                  "conj(x) missing",
                                                                  "conj(dAbar) missing",
                                                                  "factor 2 missing",
                                                                  "factor 2 on D u",
                                                                  "delta for deltaA",
                                                                  "deltaA for delta",
                                                                  "delta frozen in t",
                                                                  "delta of batch 0",
                                                                  "exp(z) - 1",
                                                                  "Bbar omitted",
                                                                  "adjoint shifted",
                                                                  "last state early",
                                                                  "carry dropped",
                                                                  "state in bf16",
                                                                  "Im u dropped",
                                                                  "D transposed"};

// By output name, flattened.
using S5Results = std::map<std::string, std::vector<Complex>>;

S5Results run_reference(const S5Data& data);
// A kernel of the setting's arithmetic, schedule and style; library functions within two ulps.
S5Results run_kernel(const S5Data& data, const Setting& setting, emulation::Schedule schedule,
                     const Style& style, Random& random, S5Defect defect = S5Defect::none);

// A case with these results as its outputs.
Case s5_case(const S5Data& data, const S5Results& results, bool wide);

}  // namespace exactscan::soundness
