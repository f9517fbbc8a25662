#include "oracle/check/diagonal_ssm.hpp"

#include <fmt/format.h>

#include <cmath>

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
      dh_fits_(contains(arithmetic_.format, format_of(dh_.type()))),
      product_exact_in_double_(arithmetic_.format == spec::binary32 && b_fits_ && x_fits_ &&
                               !arithmetic_.flush) {}

void DiagonalSsm::verify_lattice(const std::string& file) const {
  if (backward_)
    throw CaseError(fmt::format("{}: opt.exact speaks of the states; it cannot stand with in.dh", file));
  for (std::int64_t n = 0; n < n_; ++n) {
    bool rounds = false;
    const auto leaf = [&](std::int64_t t) {
      const double b = b_.load<double>(t, n), x = x_.load<double>(t, n), product = b * x;
      rounds =
          rounds || !std::isfinite(product) || spec::Dyadic(product) != spec::Dyadic(b) * spec::Dyadic(x);
      return AffineLeaf{a_.load<double>(t, n), product};
    };
    const std::string fault = lattice_fault(h0_.load<double>(0, n), l_, leaf, arithmetic_.format);
    if (!fault.empty() || rounds) {
      throw CaseError(
          fmt::format("{}: opt.exact is true, but channel {} of in.A, in.B, in.x is no lattice: {}", file, n,
                      fault.empty() ? "a product B x rounds" : fault));
    }
  }
}

const OperationJudge diagonal_ssm_judge = make_judge<DiagonalSsm>("diagonal_ssm");

}  // namespace exactscan
