#include "oracle/check/diagonal_ssm.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "oracle/check/judge_operation.hpp"
#include "oracle/check/lattice.hpp"
#include "oracle/check/outputs.hpp"

namespace exactscan {
namespace {

std::vector<std::int64_t> shape_of(const Case& value, const char* name) {
  return value.inputs.at(name).shape;
}

}  // namespace

DiagonalSsm::DiagonalSsm(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : l_(dimensions.at("L")),
      n_(dimensions.at("N")),
      a_(input_view(value, "A")),
      b_(input_view(value, "B")),
      x_(input_view(value, "x")),
      h0_(input_view(value, "h0")),
      dh_(input_view(value, "dh")),
      backward_(value.inputs.count("dh") != 0),
      outputs_{make_output(value, contract, "h", {l_, n_}),
               make_output(value, contract, "dA", shape_of(value, "A")),
               make_output(value, contract, "dB", shape_of(value, "B")),
               make_output(value, contract, "dx", {l_, n_}), make_output(value, contract, "dh0", {n_})},
      arithmetic_(contract),
      a_fits_(contains(arithmetic_.format, format_of(a_.type()))),
      b_fits_(contains(arithmetic_.format, format_of(b_.type()))),
      x_fits_(contains(arithmetic_.format, format_of(x_.type()))),
      h0_fits_(contains(arithmetic_.format, format_of(h0_.type()))),
      dh_fits_(contains(arithmetic_.format, format_of(dh_.type()))) {}

void DiagonalSsm::verify_lattice(const std::string& file) const {
  if (backward_) {
    throw CaseError(fmt::format("{}: opt.exact speaks of the states; it cannot stand with in.dh", file));
  }
  for (std::int64_t n = 0; n < n_; ++n) {
    std::string fault;
    int reach = 0;  // largest |log2 B|
    for (std::int64_t t = 0; t < l_ && fault.empty(); ++t) {
      const double b = b_.load<double>(t, n);
      const bool power = b != 0 && zero_or_power_of_two(b);
      if (!zero_or_normal(b, arithmetic_.format) || (b != 0 && !power)) {
        fault = fmt::format("step {}: B is no power of two in the arithmetic's normal range", t);
      }
      if (power) reach = std::max(reach, std::abs(std::ilogb(b)));
    }
    // A kernel may multiply B into the multipliers before x: the range must leave room for that.
    spec::FloatFormat format = arithmetic_.format;
    format.min_exponent += reach;
    format.max_exponent -= reach;
    const auto leaf = [&](std::int64_t t) {
      return AffineLeaf{a_.load<double>(t, n), b_.load<double>(t, n) * x_.load<double>(t, n)};
    };
    for (std::int64_t t = 0; t < l_ && fault.empty(); ++t) {
      // x itself is a leaf whose multiplier is B: the same conditions hold for it.
      if (!zero_or_normal(x_.load<double>(t, n), arithmetic_.format))
        fault = fmt::format("step {}: x is no normal number of the arithmetic", t);
    }
    if (fault.empty()) fault = lattice_fault(h0_.load<double>(0, n), l_, leaf, format);
    if (!fault.empty()) {
      throw CaseError(fmt::format(
          "{}: opt.exact is true, but channel {} of in.A, in.B, in.x is no lattice: {}", file, n, fault));
    }
  }
}

const OperationJudge diagonal_ssm_judge = make_judge<DiagonalSsm>("diagonal_ssm");

}  // namespace exactscan
