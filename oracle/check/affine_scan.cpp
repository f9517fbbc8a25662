#include "oracle/check/affine_scan.hpp"

#include <fmt/format.h>

#include "oracle/check/judge_operation.hpp"
#include "oracle/check/lattice.hpp"
#include "oracle/check/outputs.hpp"

namespace exactscan {

AffineScan::AffineScan(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : l_(dimensions.at("L")),
      n_(dimensions.at("N")),
      a_(input_view(value, "a")),
      b_(input_view(value, "b")),
      h0_(input_view(value, "h0")),
      outputs_{make_output(value, contract, "h", {l_, n_}), make_output(value, contract, "h_last", {n_}),
               make_output(value, contract, "summary_a", {n_}),
               make_output(value, contract, "summary_b", {n_})},
      arithmetic_(contract),
      a_fits_(contains(arithmetic_.format, format_of(a_.type()))),
      b_fits_(contains(arithmetic_.format, format_of(b_.type()))),
      h0_fits_(contains(arithmetic_.format, format_of(h0_.type()))) {}

void AffineScan::verify_lattice(const std::string& file) const {
  for (std::int64_t n = 0; n < n_; ++n) {
    const auto leaf = [&](std::int64_t t) {
      return AffineLeaf{a_.load<double>(t, n), b_.load<double>(t, n)};
    };
    const std::string fault = lattice_fault(h0_.load<double>(0, n), l_, leaf, arithmetic_.format);
    if (!fault.empty()) {
      throw CaseError(fmt::format("{}: opt.exact is true, but channel {} of in.a, in.b is no lattice: {}",
                                  file, n, fault));
    }
  }
}

std::unique_ptr<AffineScreen> AffineScan::screen(int threads) const {
  for (const int other : {h_last, summary_a, summary_b}) {
    if (outputs_[static_cast<std::size_t>(other)].candidate.present()) return nullptr;
  }
  if (!AffineScreen::can_judge(a_, b_, outputs_[h], arithmetic_)) return nullptr;
  return std::make_unique<AffineScreen>(a_, b_, h0_, outputs_[h], arithmetic_, threads);
}

const OperationJudge affine_scan_judge = make_judge<AffineScan>("affine_scan");

}  // namespace exactscan
