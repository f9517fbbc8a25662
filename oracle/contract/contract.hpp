// A contract: the arithmetic that a kernel claims to use. It says nothing of schedule: any bracketing, any
// order of sums, fused multiply-add or not, are all legitimate.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

namespace exactscan {

struct Case;

// A contract string that cannot be understood; what() says which part and what is allowed. Exit code 2.
class ContractError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

// The format in which every product, sum and fused multiply-add is rounded.
enum class Accumulate : std::uint8_t { fp64, fp32, bf16, fp16 };
// gradual: IEEE subnormals. ftz: inputs and results below the smallest normal number may become zero.
enum class Underflow : std::uint8_t { gradual, ftz };
// nearest: ties to even. any: every operation may round to either neighbour (toward zero, up, down).
enum class Rounding : std::uint8_t { nearest, any };

// How zero-order hold forms (e^z - 1)/a: from an expm1 without cancellation, or by subtracting 1.
enum class Zoh : std::uint8_t { expm1, naive };
// Where a backward pass takes the state before a step: it kept (or recomputed) it, or solved the step for it.
enum class Previous : std::uint8_t { stored, recovered };
// The operands of matrix products (projections): as they are, or cut or rounded to tf32.
enum class Gemm : std::uint8_t { fp32, tf32 };
// How softplus is formed: log1p(exp(x)), or log(1 + exp(x)), which loses what is small beside 1.
enum class Softplus : std::uint8_t { log1p, naive };
// What the dot products of a chunked kernel take: operands as they are, or as a tensor core takes them,
// converted to the storage type (bf16, fp16) or, for fp32 storage, to tf32.
enum class Operands : std::uint8_t { full, tensor };
// Conversion to tf32: toward zero, to nearest, or either.
enum class Tf32 : std::uint8_t { any, rz, rn };
// How a chunked kernel forms the decay between two steps: exp of a difference of cumulative sums, exp of a
// sum over the segment, or a product of factors.
enum class Decay : std::uint8_t { cumsum, segsum, product };
// Whether the state is rounded to 16 bits after each step (scans), or between chunks (chunked kernels).
enum class StateType : std::uint8_t { full, bf16, fp16 };

struct Contract {
  std::string name;  // the text it was parsed from, for reports
  Accumulate accumulate = Accumulate::fp32;
  Underflow underflow = Underflow::gradual;
  Rounding rounding = Rounding::nearest;
  Rounding store = Rounding::nearest;  // conversion of a result to a narrower output tensor
  std::optional<std::int64_t> depth;   // additions on the way of any one term to the result, if declared
  double exp_ulp = 2;                  // error of exp and expm1 in ulps (the affine family calls neither)
  double trig_ulp = 2;                 // error of sin and cos in ulps, of 1 near their zeros
  double complex_div =
      13;  // error of a complex quotient: so many unit roundoffs of its modulus (2^-24 for fp32)
  Zoh zoh = Zoh::expm1;
  Previous previous = Previous::stored;
  Gemm gemm = Gemm::fp32;
  double log_ulp = 2;    // error of log and log1p in ulps
  double div_ulp = 0.5;  // error of a division in ulps; above 0.5 a quotient by 2^126 or more may be 0
  Softplus softplus = Softplus::log1p;
  Operands operands = Operands::full;
  Tf32 tf32 = Tf32::any;
  Decay decay = Decay::cumsum;
  StateType state = StateType::full;
};

// Parses "fp32", "accumulate=fp32,underflow=ftz", "bf16,depth=24", …: an optional preset, then key=value
// overrides separated by commas. Presets: fp32, fp64, bf16, fp16 (the last two: 16-bit tensors, float32
// arithmetic), and those of real kernels: lrnnx-cuda, mamba-cuda, mamba-triton, boostr, ggml. Errors:
// ContractError for an unknown preset or key, a bad value, a key given twice.
Contract parse_contract(std::string_view text);

// The contract that follows from the tensors' types: the widest type among the outputs (inputs, if there is
// no output) picks the preset of its name.
Contract default_contract(const Case& value);

// One line a preset and a key, for `describe` and --help.
struct ContractTerm {
  std::string_view name;  // "fp32", "accumulate=fp64|fp32|bf16|fp16"
  std::string_view meaning;
};
std::span<const ContractTerm> contract_presets();
std::span<const ContractTerm> contract_keys();

}  // namespace exactscan
