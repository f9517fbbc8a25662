#include "oracle/check/diagonal_s4.hpp"

#include "oracle/check/judge_operation.hpp"
#include "oracle/check/outputs.hpp"

namespace exactscan {

DiagonalS4Layer::DiagonalS4Layer(const Case& value, const Dimensions& dimensions, const Contract& contract)
    : l_(dimensions.at("L")),
      n_(dimensions.at("N")),
      i_(dimensions.at("I")),
      o_(dimensions.at("O")),
      in_(input_view(value, "in_proj")),
      out_(input_view(value, "out_proj")),
      a_(input_view(value, "A")),
      b_(input_view(value, "B")),
      c_(input_view(value, "C")),
      d_(input_view(value, "D")),
      x_(input_view(value, "x")),
      h0_(input_view(value, "h0")),
      outputs_{make_output(value, contract, "y", {l_, o_}), make_output(value, contract, "h_last", {n_})},
      arithmetic_(contract) {}

const OperationJudge diagonal_s4_judge = make_judge<DiagonalS4Layer>("diagonal_s4");

}  // namespace exactscan
