#include "oracle/contract/contract.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <vector>

#include "oracle/casefile/case.hpp"

namespace exactscan {
namespace {

constexpr std::array<ContractTerm, 9> presets{{
    {"fp32",
     "IEEE binary32 throughout: any bracketing of the scan, fused multiply-add or not, round to nearest, "
     "gradual "
     "underflow"},
    {"fp64", "the same in IEEE binary64"},
    {"bf16", "bfloat16 tensors, all arithmetic in binary32, one rounding to nearest at each store"},
    {"fp16", "binary16 tensors, all arithmetic in binary32, one rounding to nearest at each store"},
    {"mamba-cuda",
     "mamba_ssm's selective_scan kernels, built with --use_fast_math: fp32 with underflow=ftz, div_ulp=2 "
     "(approximate "
     "division in sigmoid), softplus by log1p, exp by ex2.approx of a prescaled A (2 ulp), and, backward, "
     "previous=recovered: exp(delta A) h[t-1] formed as h[t] - delta B u"},
    {"mamba-triton",
     "mamba_ssm's Triton kernels: fp32 with underflow=ftz, div_ulp=2, softplus=naive, decay=cumsum, "
     "operands=tensor with "
     "tf32=any (the hardware drops the low bits of fp32 operands), tensor cores adding to within 2^-22 of "
     "the sum, "
     "states between chunks in the storage type"},
    {"boostr",
     "boostr's generic operations: fp32 with underflow=ftz, div_ulp=2, softplus=naive (relu(x) + log(1 + "
     "exp(-|x|))), "
     "decay=cumsum, operands=full"},
    {"ggml",
     "ggml's ssm_scan: fp32 with underflow=ftz, div_ulp=2, softplus by log1p, decay=product, operands=full"},
    {"lrnnx-cuda",
     "fp32 as lrnnx's simplified_scan kernels use it: zoh=naive (their source subtracts 1), "
     "previous=recovered "
     "(their backward solves for it), complex_div=7 (Smith's quotient as c10 writes it, which they call)"},
}};

constexpr std::array<ContractTerm, 18> keys{{
    {"accumulate=fp64|fp32|bf16|fp16", "the format every product, sum and fused multiply-add is rounded to"},
    {"underflow=gradual|ftz",
     "subnormal numbers are kept, or inputs and results below the smallest normal may become 0"},
    {"rounding=nearest|any",
     "each operation rounds to nearest even, or to either neighbour (only Theorem 1 holds then)"},
    {"store=nearest|any",
     "conversion to a narrower output rounds to nearest even, or to either neighbour (stochastic)"},
    {"depth=N|none", "additions that any one term passes at most (Theorem 3); none: not declared"},
    {"exp_ulp=X", "error of exp and expm1 in ulps, 0.5 to 1024"},
    {"trig_ulp=X", "error of sin and cos in ulps, 0.5 to 1024"},
    {"complex_div=X",
     "error of a complex quotient in unit roundoffs, 4 to 1024; 13 admits every usual formula, 7 Smith's"},
    {"zoh=expm1|naive",
     "(e^z - 1)/a of zero-order hold: by expm1, or by subtracting 1 (large errors for small z)"},
    {"previous=stored|recovered",
     "backward: the state before a step is kept or recomputed, or had from the state after it: solved for, "
     "(x - "
     "Bbar b)/Abar, or, decayed, h - delta B u, which cancels"},
    {"gemm=fp32|tf32",
     "operands of projections as they are, or cut or rounded to tf32 (summed in fp32 by tensor cores)"},
    {"log_ulp=X", "error of log and log1p in ulps, 0.5 to 1024"},
    {"div_ulp=X",
     "error of a division in ulps, 0.5 to 1024; above 0.5, 1/x may be 0 where |x| exceeds 2^126"},
    {"softplus=log1p|naive", "softplus as log1p(exp(x)), or as log(1 + exp(x)), which rounds the sum"},
    {"operands=full|tensor",
     "dots of chunked kernels take operands as they are, or as tensor cores do: 16-bit storage as it is, "
     "results "
     "converted to it, fp32 as tf32; sums of such dots are within 2^-22 an addition"},
    {"tf32=any|rz|rn",
     "conversion to tf32: 2^-10 an operand (any, rz: toward zero) or 2^-11 (rn: to nearest)"},
    {"decay=cumsum|segsum|product",
     "chunked kernels: exp of a difference of cumulative sums, exp of the segment's own sum, or a product of "
     "factors; a "
     "recurrence over single steps is always admitted as well"},
    {"state=full|bf16|fp16",
     "scans round the state to this type after each step, chunked kernels between chunks"},
}};

[[noreturn]] void fail(std::string_view text, const std::string& problem) {
  throw ContractError(fmt::format("contract \"{}\": {}", text, problem));
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t from = 0;;) {
    const std::size_t to = text.find(separator, from);
    parts.push_back(text.substr(from, to == std::string_view::npos ? to : to - from));
    if (to == std::string_view::npos) return parts;
    from = to + 1;
  }
}

// The value among `names`; its place is the enumerator.
template <class Enum, std::size_t N>
Enum choose(std::string_view text, std::string_view key, std::string_view value,
            const std::array<std::string_view, N>& names) {
  const auto found = std::find(names.begin(), names.end(), value);
  if (found == names.end()) {
    fail(text, fmt::format("{} must be one of {}, not \"{}\"", key, fmt::join(names, ", "), value));
  }
  return static_cast<Enum>(found - names.begin());
}

constexpr std::array<std::string_view, 4> accumulate_names{"fp64", "fp32", "bf16", "fp16"};
constexpr std::array<std::string_view, 2> underflow_names{"gradual", "ftz"};
constexpr std::array<std::string_view, 2> rounding_names{"nearest", "any"};
constexpr std::array<std::string_view, 2> softplus_names{"log1p", "naive"};
constexpr std::array<std::string_view, 2> operands_names{"full", "tensor"};
constexpr std::array<std::string_view, 3> tf32_names{"any", "rz", "rn"};
constexpr std::array<std::string_view, 3> decay_names{"cumsum", "segsum", "product"};
constexpr std::array<std::string_view, 3> state_names{"full", "bf16", "fp16"};
constexpr std::array<std::string_view, 2> zoh_names{"expm1", "naive"};
constexpr std::array<std::string_view, 2> previous_names{"stored", "recovered"};
constexpr std::array<std::string_view, 2> gemm_names{"fp32", "tf32"};

std::optional<std::int64_t> parse_depth(std::string_view text, std::string_view value) {
  if (value == "none") return std::nullopt;
  std::int64_t depth = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), depth);
  if (error != std::errc() || end != value.data() + value.size() || depth < 0) {
    fail(text, fmt::format("depth must be a whole number or none, not \"{}\"", value));
  }
  return depth;
}

double parse_error(std::string_view text, std::string_view key, std::string_view value, double least) {
  double error_size = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), error_size);
  if (error != std::errc() || end != value.data() + value.size() ||
      !(error_size >= least && error_size <= 1024)) {
    fail(text, fmt::format("{} must be a number from {} to 1024, not \"{}\"", key, least, value));
  }
  return error_size;
}

// The keys of kernels that call functions, divide or form differences; false if `key` is none of them.
bool apply_function_key(Contract& contract, std::string_view text, std::string_view key,
                        std::string_view value) {
  if (key == "exp_ulp") {
    contract.exp_ulp = parse_error(text, key, value, 0.5);
  } else if (key == "log_ulp") {
    contract.log_ulp = parse_error(text, key, value, 0.5);
  } else if (key == "trig_ulp") {
    contract.trig_ulp = parse_error(text, key, value, 0.5);
  } else if (key == "div_ulp") {
    contract.div_ulp = parse_error(text, key, value, 0.5);
  } else if (key == "complex_div") {
    contract.complex_div = parse_error(text, key, value, 4);
  } else if (key == "zoh") {
    contract.zoh = choose<Zoh>(text, key, value, zoh_names);
  } else if (key == "softplus") {
    contract.softplus = choose<Softplus>(text, key, value, softplus_names);
  } else if (key == "previous") {
    contract.previous = choose<Previous>(text, key, value, previous_names);
  } else {
    return false;
  }
  return true;
}

// The keys of matrix products and of kernels that compute in chunks; false if `key` is none of them.
bool apply_product_key(Contract& contract, std::string_view text, std::string_view key,
                       std::string_view value) {
  if (key == "gemm") {
    contract.gemm = choose<Gemm>(text, key, value, gemm_names);
  } else if (key == "operands") {
    contract.operands = choose<Operands>(text, key, value, operands_names);
  } else if (key == "tf32") {
    contract.tf32 = choose<Tf32>(text, key, value, tf32_names);
  } else if (key == "decay") {
    contract.decay = choose<Decay>(text, key, value, decay_names);
  } else if (key == "state") {
    contract.state = choose<StateType>(text, key, value, state_names);
  } else {
    return false;
  }
  return true;
}

std::string key_names() {
  std::string names;
  for (const ContractTerm& key : keys)
    names += fmt::format("{}{}", names.empty() ? "" : ", ", key.name.substr(0, key.name.find('=')));
  return names;
}

void apply_key(Contract& contract, std::string_view text, std::string_view key, std::string_view value) {
  if (key == "accumulate") {
    contract.accumulate = choose<Accumulate>(text, key, value, accumulate_names);
  } else if (key == "underflow") {
    contract.underflow = choose<Underflow>(text, key, value, underflow_names);
  } else if (key == "rounding") {
    contract.rounding = choose<Rounding>(text, key, value, rounding_names);
  } else if (key == "store") {
    contract.store = choose<Rounding>(text, key, value, rounding_names);
  } else if (key == "depth") {
    contract.depth = parse_depth(text, value);
  } else if (!apply_function_key(contract, text, key, value) &&
             !apply_product_key(contract, text, key, value)) {
    fail(text, fmt::format("unknown key \"{}\"; keys are {}", key, key_names()));
  }
}

// What the presets of real kernels have in common, and what sets them apart.
void apply_kernel_preset(Contract& contract, std::string_view name) {
  if (name == "lrnnx-cuda") {
    contract.zoh = Zoh::naive;
    contract.previous = Previous::recovered;
    contract.complex_div = 7;
    return;
  }
  contract.underflow = Underflow::ftz;
  contract.div_ulp = 2;
  if (name == "mamba-cuda") contract.previous = Previous::recovered;
  if (name == "mamba-triton") contract.operands = Operands::tensor;
  if (name == "mamba-triton" || name == "boostr") contract.softplus = Softplus::naive;
  if (name == "ggml") contract.decay = Decay::product;
}

void apply_preset(Contract& contract, std::string_view text, std::string_view name) {
  const auto place =
      std::find_if(presets.begin(), presets.end(), [&](const ContractTerm& p) { return p.name == name; });
  if (place == presets.end()) {
    std::string names;
    for (const ContractTerm& p : presets) names += fmt::format("{}{}", names.empty() ? "" : ", ", p.name);
    fail(text, fmt::format("unknown preset \"{}\"; presets are {}", name, names));
  }
  contract.accumulate = name == "fp64" ? Accumulate::fp64 : Accumulate::fp32;
  if (place - presets.begin() >= 4) apply_kernel_preset(contract, name);
}

// Narrowest first, so that the widest of several is the maximum.
int width(ElementType type) {
  switch (type) {
    case ElementType::f64:
    case ElementType::c128:
      return 3;
    case ElementType::f32:
    case ElementType::c64:
      return 2;
    case ElementType::f16:
      return 1;
    default:
      return 0;
  }
}

}  // namespace

std::span<const ContractTerm> contract_presets() { return presets; }
std::span<const ContractTerm> contract_keys() { return keys; }

Contract parse_contract(std::string_view text) {
  Contract contract;
  contract.name = std::string(text);
  std::vector<std::string_view> seen;
  const std::vector<std::string_view> parts = split(text, ',');
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const std::string_view part = parts[i];
    const std::size_t equals = part.find('=');
    if (equals == std::string_view::npos) {
      if (i > 0) fail(text, fmt::format("\"{}\" is no key=value; a preset can only come first", part));
      apply_preset(contract, text, part);
      continue;
    }
    const std::string_view key = part.substr(0, equals);
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      fail(text, fmt::format("{} is given twice", key));
    seen.push_back(key);
    apply_key(contract, text, key, part.substr(equals + 1));
  }
  return contract;
}

Contract default_contract(const Case& value) {
  static constexpr std::array<std::string_view, 4> by_width{"bf16", "fp16", "fp32", "fp64"};
  int widest = -1;
  for (const auto* tensors : {&value.outputs, &value.inputs}) {
    if (widest >= 0) break;
    for (const auto& [name, tensor] : *tensors) widest = std::max(widest, width(tensor.type));
  }
  return parse_contract(by_width[static_cast<std::size_t>(std::max(widest, 2 * (widest < 0)))]);
}

}  // namespace exactscan
