// The report writers on reports made by hand: every verdict, every special number, and text that attacks
// them.
#include "oracle/report/write_report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

namespace exactscan {
namespace {

using testing::HasSubstr;
using testing::Not;

Witness sample_witness() {
  Witness witness;
  witness.index = {3, 0};
  witness.candidate = "1.5";
  witness.candidate_hex = "0x1.8p+0";
  witness.exact = "1.2500000000000000000";
  witness.allowance = 0.0625;
  witness.deviation_ulp = 2097152;
  witness.ratio = 4;
  return witness;
}

TensorReport sample_tensor(std::string name, Verdict verdict) {
  TensorReport tensor;
  tensor.name = std::move(name);
  tensor.verdict = verdict;
  tensor.elements = 12;
  tensor.refuted = verdict == Verdict::refuted ? 2 : 0;
  tensor.undecided = verdict == Verdict::undecided ? 3 : 0;
  tensor.max_ratio = 4;
  tensor.max_ulp = 2097152;
  tensor.witnesses = {sample_witness()};
  tensor.ladder = {7, 3, 0, 2};
  return tensor;
}

CaseReport sample_case(std::string file, Verdict verdict) {
  CaseReport report;
  report.file = std::move(file);
  report.op = "affine_scan";
  report.contract = "fp32";
  report.verdict = verdict;
  if (verdict == Verdict::invalid) {
    report.reason = report.file + ": tensor in.a is not there";
  } else {
    report.tensors = {sample_tensor("h", verdict)};
  }
  return report;
}

TEST(TextReport, ShowsTableAndWitness) {
  const std::string text = text_report(std::vector{sample_case("x.npz", Verdict::refuted)});
  EXPECT_EQ(text,
            "x.npz: affine_scan, contract fp32: refuted\n"
            "  tensor  verdict  elements  refuted  undecided  max ratio    max ulp  decided by\n"
            "  h       refuted        12        2          0          4  2.097e+06  fp64 7, double-double 3, "
            "exact 2\n"
            "  h[3,0] = 1.5 (0x1.8p+0), exactly 1.2500000000000000000: off by 2.097e+06 ulp, 4 of the "
            "allowance 0.0625\n");
}

TEST(TextReport, CountsSeveralCases) {
  const std::vector reports = {sample_case("a", Verdict::explained), sample_case("b", Verdict::refuted),
                               sample_case("c", Verdict::invalid), sample_case("d", Verdict::undecided),
                               sample_case("e", Verdict::explained)};
  EXPECT_THAT(text_report(reports), HasSubstr("5 cases: 2 explained, 1 refuted, 1 invalid, 1 undecided\n"));
  EXPECT_THAT(text_report(reports),
              HasSubstr("c: affine_scan, contract fp32: invalid\n  c: tensor in.a is not there\n"));
  EXPECT_EQ(overall(reports), Verdict::refuted);
  EXPECT_THAT(text_report(std::vector{reports[0]}), Not(HasSubstr("cases:")));
}

TEST(TextReport, KeepsTerminalSafe) {
  CaseReport report = sample_case("evil\x1b[2J\n\xff.npz", Verdict::explained);
  report.op = "op\r";
  const std::string text = text_report(std::vector{report});
  EXPECT_THAT(text, HasSubstr("evil\\x1b[2J\\x0a\\xff.npz: op\\x0d,"));
}

TEST(Printable, KeepsUtf8AndEscapesTheRest) {
  EXPECT_EQ(printable("grün ∑ 𝄞"), "grün ∑ 𝄞");
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xe2\x88"), "\\xe2\\x88");                    // cut
  EXPECT_EQ(printable("\xe2\x80\xae!"), "\\xe2\\x80\\xae!");         // right-to-left override
  EXPECT_EQ(printable("\xef\xbf\xbf"), "\\xef\\xbf\\xbf");           // U+FFFF, not allowed in XML
  EXPECT_EQ(printable("\x7f\xc2\x85"), "\\x7f\\xc2\\x85");
  EXPECT_EQ(printable(""), "");
}

TEST(JsonReport, FollowsTheSchema) {
  const auto document =
      nlohmann::ordered_json::parse(json_report(std::vector{sample_case("x.npz", Verdict::undecided)}));
  EXPECT_EQ(document["schema"], "exactscan-report/1");
  EXPECT_EQ(
      document["cases"][0].dump(),
      R"({"file":"x.npz","op":"affine_scan","contract":"fp32","verdict":"undecided","reason":"","tensors":[)"
      R"({"name":"h","verdict":"undecided","elements":12,"max_ratio":4.0,"max_ulp":2097152.0,"witness":)"
      R"({"index":[3,0],"candidate":"1.5","exact":"1.2500000000000000000","allowance":0.0625,"ratio":4.0,)"
      R"("candidate_hex":"0x1.8p+0","deviation_ulp":2097152.0,"note":""},)"
      R"("ladder":{"fp64":7,"double_double":3,"interval":0,"exact":2},"refuted":0,"undecided":3,"witnesses":[)"
      R"({"index":[3,0],"candidate":"1.5","exact":"1.2500000000000000000","allowance":0.0625,"ratio":4.0,)"
      R"("candidate_hex":"0x1.8p+0","deviation_ulp":2097152.0,"note":""}]}]})");
}

TEST(JsonReport, WritesNumbersThatJsonLacksAsStrings) {
  CaseReport report = sample_case("x.npz", Verdict::refuted);
  report.tensors[0].max_ratio = std::numeric_limits<double>::infinity();
  report.tensors[0].max_ulp = std::numeric_limits<double>::quiet_NaN();
  report.tensors[0].witnesses[0].ratio = std::numeric_limits<double>::infinity();
  const auto document = nlohmann::json::parse(json_report(std::vector{report}));
  const auto& tensor = document["cases"][0]["tensors"][0];
  EXPECT_EQ(tensor["max_ratio"], "inf");
  EXPECT_EQ(tensor["max_ulp"], "nan");
  EXPECT_EQ(tensor["witness"]["ratio"], "inf");
}

TEST(JsonReport, SurvivesMissingWitnessAndBadBytes) {
  CaseReport report = sample_case("bad\xff\n.npz", Verdict::explained);
  report.tensors[0].witnesses.clear();
  const auto document = nlohmann::json::parse(json_report(std::vector{report}));
  EXPECT_EQ(document["cases"][0]["file"], "bad\xEF\xBF\xBD\n.npz");
  EXPECT_TRUE(document["cases"][0]["tensors"][0]["witness"].is_null());
  EXPECT_TRUE(document["cases"][0]["tensors"][0]["witnesses"].empty());
  EXPECT_TRUE(nlohmann::json::parse(json_report({}))["cases"].is_array());
}

TEST(JunitReport, MapsVerdicts) {
  const std::vector reports = {sample_case("a", Verdict::explained), sample_case("b", Verdict::refuted),
                               sample_case("c", Verdict::invalid), sample_case("d", Verdict::undecided)};
  const std::string xml = junit_report(reports);
  EXPECT_THAT(xml, HasSubstr("<testsuites name=\"exactscan\" tests=\"4\" failures=\"1\" errors=\"2\">"));
  EXPECT_THAT(xml, HasSubstr("<testcase classname=\"affine_scan\" name=\"h\"/>"));
  EXPECT_THAT(
      xml,
      HasSubstr(
          "<failure type=\"refuted\" message=\"2 of 12 elements refuted under contract fp32\">h[3,0] = 1.5"));
  EXPECT_THAT(xml, HasSubstr("<error type=\"invalid\" message=\"c: tensor in.a is not there\"></error>"));
  EXPECT_THAT(
      xml,
      HasSubstr("<error type=\"undecided\" message=\"3 of 12 elements undecided under contract fp32\">"));
}

TEST(JunitReport, EscapesMarkupAndControls) {
  CaseReport report = sample_case("<&\"'>\x01.npz", Verdict::invalid);
  const std::string xml = junit_report(std::vector{report});
  EXPECT_THAT(
      xml,
      HasSubstr(
          "<testsuite name=\"&lt;&amp;&quot;&apos;&gt;\\x01.npz\" tests=\"1\" failures=\"0\" errors=\"1\">"));
  EXPECT_EQ(xml.find('\x01'), std::string::npos);
}

}  // namespace
}  // namespace exactscan
