// What the oracle's verdicts are held against: the exact value of every output, by plain loops over exact
// numbers, and the allowance that the oracle reports for it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "oracle/check/check.hpp"
#include "spec/dyadic.hpp"
#include "tests/soundness/setting.hpp"

namespace exactscan::soundness {

using Exact = std::map<std::string, std::vector<spec::Dyadic>>;  // by output, flattened

// Every output of affine_scan, diagonal_ssm or diagonal_s4 that the inputs give a meaning to. Inputs are
// finite.
Exact exact_values(const Case& value);

// The allowances that `check` reports for one output, element by element: those of a case whose candidates
// are all NaN, which are listed as witnesses one and all. Infinite where the oracle knows none.
std::vector<double> reported_allowances(const Case& value, const std::string& output,
                                        const Contract& contract);

// Which elements of one output `check` refutes.
std::vector<bool> refuted_elements(const Case& value, const std::string& output, const Contract& contract);

// What must be said of candidate c for an exact value and an allowance, by rounding the ends of the interval
// to the output's format. `open`: the allowance is within 2^-40 of the edge.
enum class Expected : std::uint8_t { explained, refuted, open };
Expected expected(double c, const spec::Dyadic& exact, double allowance, const Setting& setting);

}  // namespace exactscan::soundness
