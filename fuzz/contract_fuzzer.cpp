// The contract parser: text is refused with a ContractError, or gives a contract that its spelled-out form
// gives again and under which an exact output is explained.
#include <cmath>
#include <string>
#include <vector>

#include "fuzz/reader_target.hpp"
#include "oracle/check/check.hpp"
#include "oracle/contract/contract.hpp"

namespace {

using namespace exactscan;
using fuzzing::demand;

std::string spelled_out(const Contract& c) {
  static constexpr const char* formats[] = {"fp64", "fp32", "bf16", "fp16"};
  std::string text = std::string("accumulate=") + formats[static_cast<int>(c.accumulate)];
  text += c.underflow == Underflow::ftz ? ",underflow=ftz" : ",underflow=gradual";
  text += c.rounding == Rounding::any ? ",rounding=any" : ",rounding=nearest";
  text += c.store == Rounding::any ? ",store=any" : ",store=nearest";
  text += ",depth=" + (c.depth ? std::to_string(*c.depth) : std::string("none"));
  return text;
}

// h = 0.5 h + 1, three times from 2: 2, 2, 2, exact in every format.
Case exact_case() {
  const auto tensor = [](std::vector<std::int64_t> shape, const std::vector<double>& values) {
    return Tensor::of(ElementType::f32, std::move(shape), values);
  };
  Case value;
  value.op = "affine_scan";
  value.inputs["a"] = tensor({3, 1}, {0.5, 0.5, 0.5});
  value.inputs["b"] = tensor({3, 1}, {1, 1, 1});
  value.inputs["h0"] = tensor({1}, {2});
  value.outputs["h"] = tensor({3, 1}, {2, 2, 2});
  return value;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  Contract contract;
  try {
    contract = parse_contract(text);
  } catch (const ContractError& error) {
    demand(*error.what() != '\0');
    return 0;
  }
  demand(contract.name == text && contract.exp_ulp >= 0.5 && contract.exp_ulp <= 1024);
  demand(!contract.depth || *contract.depth >= 0);
  const Contract again = parse_contract(spelled_out(contract));
  demand(again.accumulate == contract.accumulate && again.underflow == contract.underflow &&
         again.rounding == contract.rounding && again.store == contract.store &&
         again.depth == contract.depth);
  static const Case value = exact_case();
  demand(check(value, contract).verdict == Verdict::explained);
  return 0;
}
