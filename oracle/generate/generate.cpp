#include "oracle/generate/generate.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <charconv>

#include "oracle/generate/mamba.hpp"
#include "oracle/generate/operations.hpp"
#include "oracle/generate/s5.hpp"

namespace exactscan {
namespace {

constexpr std::array profile_table = {
    ProfileSpec{"uniform", "everything uniform in [-1, 1)"},
    ProfileSpec{"decay", "a in [0.9, 1), the rest uniform in [-1, 1)"},
    ProfileSpec{"mamba",
                "a = exp(-delta A) with small steps delta and rates A = 1 ... 16, inputs scaled by delta"},
    ProfileSpec{"growth", "a above 1, growing by 2^40 at most over the whole length (fp16: 2^4)"},
    ProfileSpec{"cancellation", "each odd step undoes the step before it"},
    ProfileSpec{"subnormal", "inputs around the smallest normal number of the type"},
    ProfileSpec{"trigger",
                "what brings out the defects that kernels of the Mamba systems had (those systems alone)"},
    ProfileSpec{"special", "NaN, infinities, -0, subnormal, largest and huge numbers among uniform ones"},
    ProfileSpec{
        "gauge",
        "lattice: powers of two and small integers, every schedule is exact (affine_scan, diagonal_ssm)"},
    ProfileSpec{"mantissa",
                "lattice: one factor with all its bits between resets, every schedule is exact (affine_scan, "
                "diagonal_ssm with varying A, B)"},
    ProfileSpec{"zigzag",
                "lattice: multipliers far up and down by turns, so that products of neighbours stay in range "
                "and others leave it (affine_scan, diagonal_ssm with varying A, B)"},
};

std::string profile_names() {
  std::vector<std::string_view> names;
  names.reserve(profile_table.size());
  for (const ProfileSpec& profile : profile_table) names.push_back(profile.name);
  return fmt::format("{}", fmt::join(names, ", "));
}

const GeneratorSpec& find_generator(std::string_view op) {
  std::vector<std::string_view> names;
  for (const GeneratorSpec& generator : generators()) {
    if (generator.op == op) return generator;
    names.push_back(generator.op);
  }
  throw GenerateError(
      fmt::format("cannot generate operation '{}'; there are {}", op, fmt::join(names, ", ")));
}

// The requested sizes, with defaults for the others.
Dimensions complete_shape(const GeneratorSpec& generator, const Dimensions& requested) {
  Dimensions result;
  std::vector<std::string_view> names;
  for (const DimensionDefault& dimension : generator.dimensions) {
    result.emplace(dimension.name, dimension.size);
    names.push_back(dimension.name);
  }
  for (const auto& [name, size] : requested) {
    const auto place = result.find(name);
    if (place == result.end()) {
      throw GenerateError(
          fmt::format("{} has no dimension '{}'; it has {}", generator.op, name, fmt::join(names, ", ")));
    }
    if (size < 0) throw GenerateError(fmt::format("dimension {} is negative: {}", name, size));
    place->second = size;
  }
  return result;
}

void require_profile(const GenerateRequest& request) {
  for (const ProfileSpec& profile : profile_table) {
    if (profile.name == request.profile) return;
  }
  throw GenerateError(fmt::format("unknown profile '{}'; there are {}", request.profile, profile_names()));
}

std::string describe_request(const GenerateRequest& request, const Dimensions& shape) {
  std::vector<std::string> sizes;
  for (const auto& [name, size] : shape) sizes.push_back(fmt::format("{}={}", name, size));
  return fmt::format("exactscan generate {} --profile {} --seed {} --shape {} --type {}{}{}{}", request.op,
                     request.profile, request.seed, fmt::join(sizes, ","), element_name(request.type),
                     request.time_varying ? " --time-varying" : "", request.backward ? " --backward" : "",
                     request.variant == 0 ? "" : fmt::format(" --variant {}", request.variant));
}

}  // namespace

std::span<const ProfileSpec> profiles() { return profile_table; }

Case generate(const GenerateRequest& request) {
  const GeneratorSpec& generator = find_generator(request.op);
  require_profile(request);
  if (!is_real(request.type)) {
    throw GenerateError(
        fmt::format("cannot generate {}; the types are fp32, fp64, bf16, fp16", element_name(request.type)));
  }
  const bool gradients = request.op == "diagonal_ssm" || request.op == "simplified_scan" ||
                         request.op == "s5_inner" || request.op == "selective_scan" || request.op == "ssd";
  if ((request.time_varying && request.op != "diagonal_ssm") || (request.backward && !gradients)) {
    throw GenerateError(
        request.backward && !gradients
            ? fmt::format("{} has no gradients to choose; diagonal_ssm has, simplified_scan, s5_inner, "
                          "selective_scan and ssd have",
                          request.op)
            : fmt::format("{} has no varying coefficients to choose; diagonal_ssm has", request.op));
  }
  if (request.variant != 0 && !is_s5(request.op) && !is_mamba(request.op))
    throw GenerateError(fmt::format("{} has no variants; S5 and the Mamba systems have", request.op));
  const Dimensions shape = complete_shape(generator, request.shape);
  Case result = generate_inputs(request, shape);
  result.op = request.op;
  result.options["source"] = describe_request(request, shape);
  return result;
}

Dimensions parse_shape(std::string_view text) {
  Dimensions result;
  while (!text.empty()) {
    const std::size_t comma = text.find(',');
    const std::string_view part = text.substr(0, comma);
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    const std::string_view digits =
        equals == std::string_view::npos ? std::string_view{} : part.substr(equals + 1);
    std::int64_t size = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), size);
    if (name.empty() || digits.empty() || error == std::errc::invalid_argument ||
        end != digits.data() + digits.size()) {
      throw GenerateError(fmt::format("shape '{}' is not of the form NAME=SIZE, as in L=64,N=16", part));
    }
    if (error != std::errc{}) throw GenerateError(fmt::format("dimension {} is too large: {}", name, digits));
    if (size < 0) throw GenerateError(fmt::format("dimension {} is negative: {}", name, size));
    if (!result.emplace(name, size).second)
      throw GenerateError(fmt::format("dimension {} is given twice", name));
  }
  return result;
}

ElementType parse_type(std::string_view text) {
  if (text == "fp32" || text == "float32") return ElementType::f32;
  if (text == "fp64" || text == "float64") return ElementType::f64;
  if (text == "bf16" || text == "bfloat16") return ElementType::bf16;
  if (text == "fp16" || text == "float16") return ElementType::f16;
  throw GenerateError(fmt::format("unknown type '{}'; there are fp32, fp64, bf16, fp16", text));
}

}  // namespace exactscan
