#include "oracle/generate/mamba.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>

#include "oracle/generate/profile.hpp"

namespace exactscan {
namespace {

using Shape = std::vector<std::int64_t>;

// What a tensor is for.
enum class Part : std::uint8_t { signal, step, rate, bias, weight, skip, gate, state, cotangent, projection };

struct Planned {
  std::string_view name;
  Part part;
  Shape shape;
};

constexpr std::array<std::string_view, 7> profile_names{"uniform",   "decay",   "mamba",  "growth",
                                                        "subnormal", "special", "trigger"};

double special_value(Random& random) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  const std::int64_t which = random.between(0, 2);
  return which == 0 ? std::numeric_limits<double>::quiet_NaN() : which == 1 ? infinity : -infinity;
}

double rate(std::string_view profile, Random& random, std::int64_t index) {
  constexpr std::array<double, 5> triggers{-1e-6, -0.1, -10, -100, 0.05};
  if (profile == "decay") return -8 - 56 * random.unit();
  if (profile == "mamba") return -static_cast<double>(1 + index % 16);
  if (profile == "growth") return 0.1 * random.unit();
  if (profile == "trigger") return triggers[static_cast<std::size_t>(index % 5)];
  return -2 * random.unit();
}

// Before bias and softplus; a bias of 1/4 is added where the profile is trigger.
double step(std::string_view profile, Random& random) {
  constexpr std::array<double, 8> triggers{-20, -16.5, -10, -6.9, 0, 19.9, 20.1, 90};
  if (profile != "trigger") return random.symmetric();
  return triggers[static_cast<std::size_t>(random.between(0, 7))] - 0.25;
}

double element(const GenerateRequest& request, Part part, std::size_t tensor, std::int64_t index) {
  Random random(request.seed, 3000 + tensor, static_cast<std::uint64_t>(index));
  const std::string_view profile = request.profile;
  switch (part) {
    case Part::rate:
      return rate(profile, random, index);
    case Part::step:
      return step(profile, random);
    case Part::bias:
      return profile == "trigger" ? 0.25 : profile == "mamba" ? -6 + 4 * random.unit() : random.symmetric();
    case Part::projection:
      return 0.5 * random.symmetric();
    case Part::signal: {
      const double ordinary = random.symmetric();
      if (profile == "special" && random.once_in(64)) return special_value(random);
      if (profile == "subnormal") {
        const TypeLimits limits = type_limits(request.type);
        return std::ldexp(ordinary,
                          static_cast<int>(random.between(limits.min_exponent - 2, limits.min_exponent + 3)));
      }
      return profile == "trigger" && index == 0 ? 1024 : ordinary;
    }
    default:
      return random.symmetric();
  }
}

std::vector<Planned> plan_scan(const GenerateRequest& request, const Dimensions& s) {
  const std::int64_t B = s.at("B"), D = s.at("D"), N = s.at("N"), G = s.at("G");
  if (request.op == "selective_state_update") {
    const std::int64_t H = s.at("H");
    return {{"state", Part::state, {B, H, D, N}},
            {"x", Part::signal, {B, H, D}},
            {"dt", Part::step, {B, H, D}},
            {"A", Part::rate, {H, D, N}},
            {"B", Part::weight, {B, G, N}},
            {"C", Part::weight, {B, G, N}},
            {"D", Part::skip, {H, D}},
            {"z", Part::gate, {B, H, D}},
            {"dt_bias", Part::bias, {H, D}}};
  }
  const std::int64_t L = s.at("L");
  std::vector<Planned> plan{{"u", Part::signal, {B, D, L}},
                            {"delta", Part::step, {B, D, L}},
                            {"A", Part::rate, {D, N}},
                            {"B", Part::weight, {B, G, N, L}},
                            {"C", Part::weight, {B, G, N, L}},
                            {"D", Part::skip, {D}},
                            {"z", Part::gate, {B, D, L}},
                            {"delta_bias", Part::bias, {D}},
                            {"initial_state", Part::state, {B, D, N}}};
  if (request.backward) {
    plan.push_back({"dy", Part::cotangent, {B, D, L}});
    plan.push_back({"dlast_state", Part::cotangent, {B, D, N}});
  }
  return plan;
}

std::vector<Planned> plan_ssd(const GenerateRequest& request, const Dimensions& s) {
  const std::int64_t B = s.at("B"), T = s.at("T"), H = s.at("H"), P = s.at("P"), N = s.at("N"), G = s.at("G");
  std::vector<Planned> plan{{"x", Part::signal, {B, T, H, P}},
                            {"dt", Part::step, {B, T, H}},
                            {"A", Part::rate, {H}},
                            {"B", Part::weight, {B, T, G, N}},
                            {"C", Part::weight, {B, T, G, N}},
                            {"D", Part::skip, {H, P}},
                            {"z", Part::gate, {B, T, H, P}},
                            {"dt_bias", Part::bias, {H}},
                            {"initial_states", Part::state, {B, H, P, N}}};
  if (request.backward) {
    plan.push_back({"dy", Part::cotangent, {B, T, H, P}});
    plan.push_back({"dfinal_states", Part::cotangent, {B, H, P, N}});
  }
  return plan;
}

std::vector<Planned> plan_block(const GenerateRequest& request, const Dimensions& s) {
  const std::int64_t L = s.at("L"), I = s.at("I"), N = s.at("N"), O = s.at("O");
  const Part p = Part::projection;
  if (request.op == "mamba_block") {
    return {{"in_proj", p, {I, N}},  {"gate_proj", p, {I, N}},    {"out_proj", p, {N, O}},
            {"A", Part::state, {N}}, {"B", Part::weight, {N}},    {"C", Part::weight, {N}},
            {"D", Part::skip, {N}},  {"x", Part::signal, {L, I}}, {"h0", Part::state, {N}}};
  }
  const std::int64_t E = s.at("E"), W = s.at("W");
  return {{"x", Part::signal, {L, I}},  {"x_proj", p, {I, E}},       {"z_proj", p, {I, E}},
          {"conv_kernel", p, {W, E}},   {"conv_bias", p, {E}},       {"dt_proj", p, {E, E}},
          {"dt_bias", Part::bias, {E}}, {"A", Part::rate, {E, N}},   {"b_proj", p, {E, N}},
          {"c_proj", p, {E, N}},        {"d_skip", Part::skip, {E}}, {"out_proj", p, {E, O}},
          {"h0", Part::state, {E, N}}};
}

Tensor build(const GenerateRequest& request, const Planned& planned, std::size_t tensor) {
  std::int64_t size = 1;
  for (const std::int64_t extent : planned.shape) {
    if (extent > max_generated_elements || (size *= extent) > max_generated_elements)
      throw GenerateError(
          fmt::format("tensor {} would have more than {} elements", planned.name, max_generated_elements));
  }
  std::vector<double> values;
  // TorchLean's rates are positive.
  const double sign = request.op == "selective_mamba_block" && planned.part == Part::rate ? -1 : 1;
  for (std::int64_t i = 0; i < size; ++i) values.push_back(sign * element(request, planned.part, tensor, i));
  return Tensor::of(request.type, planned.shape, values);
}

// Sequences numbered from 5: one begins within a chunk, one at a chunk's edge.
Tensor sequences(const Dimensions& s) {
  const std::int64_t B = s.at("B"), T = s.at("T"), Q = s.at("Q");
  Tensor ids{ElementType::i64, {B, T}, {}};
  ids.data.resize(static_cast<std::size_t>(B * T) * sizeof(std::int64_t));
  for (std::int64_t i = 0; i < B * T; ++i) {
    const std::int64_t t = i % T, id = 5 + (t >= Q / 2 + 1 ? 1 : 0) + (t >= 2 * Q ? 2 : 0);
    std::memcpy(ids.data.data() + static_cast<std::size_t>(i) * sizeof(id), &id, sizeof(id));
  }
  return ids;
}

void require_possible(const GenerateRequest& request, const Dimensions& shape) {
  if (std::find(profile_names.begin(), profile_names.end(), request.profile) == profile_names.end()) {
    throw GenerateError(fmt::format(
        "profile '{}' is not for {}; uniform, decay, mamba, growth, subnormal, special and trigger are",
        request.profile, request.op));
  }
  const auto groups = shape.find("G");
  if (groups == shape.end()) return;
  const std::int64_t sharing = shape.count("H") != 0 ? shape.at("H") : shape.at("D");
  if (groups->second == 0 || sharing % groups->second != 0)
    throw GenerateError(fmt::format("{} channels or heads cannot share {} groups", sharing, groups->second));
  if (shape.count("Q") != 0 && (shape.at("Q") < 1 || shape.at("Q") > (std::int64_t{1} << 20)))
    throw GenerateError("dimension Q, the chunk length, must be from 1 to 2^20");
}

}  // namespace

bool is_mamba(std::string_view op) {
  for (const GeneratorSpec& spec : mamba_generators()) {
    if (spec.op == op) return true;
  }
  return false;
}

std::vector<GeneratorSpec> mamba_generators() {
  return {{"selective_scan", {{"B", 1}, {"D", 4}, {"L", 64}, {"N", 8}, {"G", 2}}},
          {"selective_state_update", {{"B", 2}, {"H", 4}, {"D", 4}, {"N", 8}, {"G", 2}}},
          {"mamba_block", {{"L", 64}, {"I", 8}, {"N", 16}, {"O", 8}}},
          {"selective_mamba_block", {{"L", 64}, {"I", 8}, {"E", 8}, {"N", 4}, {"W", 4}, {"O", 8}}},
          {"ssd", {{"B", 1}, {"T", 35}, {"H", 4}, {"P", 4}, {"N", 8}, {"G", 2}, {"Q", 16}}}};
}

Case generate_mamba(const GenerateRequest& request, const Dimensions& shape) {
  require_possible(request, shape);
  const bool ssd = request.op == "ssd",
             block = request.op == "mamba_block" || request.op == "selective_mamba_block";
  const std::vector<Planned> plan = ssd     ? plan_ssd(request, shape)
                                    : block ? plan_block(request, shape)
                                            : plan_scan(request, shape);
  Case result;
  for (std::size_t i = 0; i < plan.size(); ++i)
    result.inputs[std::string(plan[i].name)] = build(request, plan[i], i);
  if (request.op == "selective_scan") result.options["delta_softplus"] = true;
  if (request.op == "selective_state_update" || ssd) result.options["dt_softplus"] = true;
  if (ssd) result.options["chunk_size"] = shape.at("Q");
  if (ssd && request.profile == "trigger") result.inputs["seq_idx"] = sequences(shape);
  return result;
}

}  // namespace exactscan
