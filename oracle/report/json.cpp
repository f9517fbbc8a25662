// The report for programs.
#include <cmath>
#include <nlohmann/json.hpp>

#include "oracle/report/write_report.hpp"

namespace exactscan {
namespace {

using Json = nlohmann::ordered_json;

// JSON has no infinity and no NaN.
Json number(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

Json witness_json(const Witness& witness) {
  return {{"index", witness.index},
          {"candidate", witness.candidate},
          {"exact", witness.exact},
          {"allowance", number(witness.allowance)},
          {"ratio", number(witness.ratio)},
          {"candidate_hex", witness.candidate_hex},
          {"deviation_ulp", number(witness.deviation_ulp)},
          {"note", witness.note}};
}

Json ladder_json(const Ladder& ladder) {
  return {{"fp64", ladder.fp64},
          {"double_double", ladder.double_double},
          {"interval", ladder.interval},
          {"exact", ladder.exact}};
}

Json tensor_json(const TensorReport& tensor) {
  Json witnesses = Json::array();
  for (const Witness& witness : tensor.witnesses) witnesses.push_back(witness_json(witness));
  return {{"name", tensor.name},
          {"verdict", verdict_name(tensor.verdict)},
          {"elements", tensor.elements},
          {"max_ratio", number(tensor.max_ratio)},
          {"max_ulp", number(tensor.max_ulp)},
          {"witness", witnesses.empty() ? Json(nullptr) : witnesses.front()},
          {"ladder", ladder_json(tensor.ladder)},
          {"refuted", tensor.refuted},
          {"undecided", tensor.undecided},
          {"witnesses", witnesses}};
}

Json case_json(const CaseReport& report) {
  Json tensors = Json::array();
  for (const TensorReport& tensor : report.tensors) tensors.push_back(tensor_json(tensor));
  return {{"file", report.file},         {"op", report.op},
          {"contract", report.contract}, {"verdict", verdict_name(report.verdict)},
          {"reason", report.reason},     {"tensors", tensors}};
}

}  // namespace

std::string json_report(std::span<const CaseReport> reports) {
  Json cases = Json::array();
  for (const CaseReport& report : reports) cases.push_back(case_json(report));
  const Json document = {{"schema", "exactscan-report/1"}, {"cases", cases}};
  // replace: a file name that is not UTF-8 must not cost the report.
  return document.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace exactscan
