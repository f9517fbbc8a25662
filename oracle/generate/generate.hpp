// Inputs for kernels: every operation, in families of data that bring out different defects.
//
// The same request gives the same case, bit for bit, on every machine.
#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "oracle/casefile/case.hpp"
#include "oracle/check/operation.hpp"

namespace exactscan {

// A request that cannot be met; what() says which part and what is allowed. Exit code 2.
class GenerateError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct GenerateRequest {
  std::string op;
  std::string profile = "uniform";
  std::uint64_t seed = 0;
  Dimensions shape;  // "L" → 64; a dimension that is missing gets its default
  ElementType type = ElementType::f32;
  bool time_varying = false;  // diagonal_ssm: A and B of shape [L, N] rather than [N]
  bool backward =
      false;  // diagonal_ssm: with in.dh; simplified_scan, s5_inner, selective_scan, ssd: with in.dy
  // S5 and the Mamba systems: which options are set, which optional tensors are there and which of their
  // shapes tensors have. 0: as the operation is used most. Others draw all of that; some 40 reach everything.
  std::uint64_t variant = 0;
};

// All inputs of the operation, no outputs; opt.source records the request. Under the lattice profiles
// (`gauge`, `mantissa`, `zigzag`) every product and sum of every bracketing is representable in the tensors'
// type and none is subnormal, and opt.exact is true: every legitimate schedule gives the exact values
// (bounds: exactness clause). Memory: the tensors and, for a lattice, one small structure a channel. Errors:
// GenerateError.
Case generate(const GenerateRequest& request);

struct ProfileSpec {
  std::string_view name;
  std::string_view meaning;
};
std::span<const ProfileSpec> profiles();

struct DimensionDefault {
  std::string_view name;
  std::int64_t size;
};
struct GeneratorSpec {
  std::string_view op;
  std::vector<DimensionDefault> dimensions;
};
// The operations that `generate` knows, and the sizes of dimensions that a request leaves open.
std::span<const GeneratorSpec> generators();

// Parses "L=64,N=16". Errors: GenerateError (no number, negative, given twice). Names are checked by
// `generate`.
Dimensions parse_shape(std::string_view text);

// Parses "fp32", "fp64", "bf16", "fp16" and the long names "float32", …. Errors: GenerateError.
ElementType parse_type(std::string_view text);

// The most elements that one case may have in all its tensors together.
constexpr std::int64_t max_generated_elements = std::int64_t{1} << 31U;

}  // namespace exactscan
