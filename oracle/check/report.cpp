#include "oracle/check/report.hpp"

namespace exactscan {
namespace {

// How much a verdict outweighs another in a summary, and the exit code that stands for it.
struct Standing {
  std::string_view name;
  int weight, code;
};

Standing standing(Verdict verdict) {
  switch (verdict) {
    case Verdict::explained:
      return {"explained", 0, 0};
    case Verdict::undecided:
      return {"undecided", 1, 3};
    case Verdict::invalid:
      return {"invalid", 2, 2};
    case Verdict::refuted:
      return {"refuted", 3, 1};
  }
  return {"invalid", 2, 2};
}

}  // namespace

std::string_view verdict_name(Verdict verdict) { return standing(verdict).name; }
Verdict worst(Verdict a, Verdict b) { return standing(a).weight >= standing(b).weight ? a : b; }
int exit_code(Verdict verdict) { return standing(verdict).code; }

}  // namespace exactscan
