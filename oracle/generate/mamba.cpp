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
  bool optional = false;
};

// What a variant chooses; drawn in this order, whatever the operation needs.
struct Variant {
  explicit Variant(std::uint64_t number) {
    if (number == 0) return;
    Random random(number, 3999, 0);
    softplus = !random.once_in(3);
    const auto one_of = [&](std::array<double, 4> values) {
      return values[static_cast<std::size_t>(random.between(0, 3))];
    };
    threshold = one_of({0, 0, 8, 30});
    dt_min = one_of({0, 0, 0.001, 0.25});
    dt_max = one_of({0, 0, 0.5, 25});
    weights = random.between(0, 2);
    constant_B = weights == 2 || random.once_in(6);
    constant_C = weights == 2 || random.once_in(6);
    without_heads = random.once_in(3);
    skip_of_head = random.once_in(3);
    sequences = random.between(0, 2);
    leaving = random.once_in(2);
    inter_chunk_only = random.once_in(3);
    dropped = random.word();
  }
  // Whether an optional tensor is there; each name has two bits of its own.
  bool keeps(std::string_view name) const {
    unsigned place = 0;
    for (const char c : name) place = place * 31 + static_cast<unsigned char>(c);
    return (dropped >> (2 * (place % 32)) & 3U) != 1;
  }

  bool softplus = true, constant_B = false, constant_C = false, without_heads = false, skip_of_head = false,
       leaving = false, inter_chunk_only = false;
  double threshold = 0, dt_min = 0, dt_max = 0;  // 0: the option is not set
  std::int64_t weights = 0;                      // B and C: by group, shared by all, constant
  std::int64_t sequences = 0;                    // none (trigger: seq_idx), seq_idx, cu_seqlens
  std::uint64_t dropped = 0;
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

// After bias and softplus.
double positive_step(std::string_view profile, Random& random) {
  constexpr std::array<double, 6> triggers{0, 0x1p-24, 0.01, 0.75, 20.1, 90};
  if (profile == "trigger") return triggers[static_cast<std::size_t>(random.between(0, 5))];
  if (profile == "mamba") {
    const auto exponent = static_cast<int>(random.between(-10, -4));
    return std::ldexp(1 + random.unit(), exponent);
  }
  return random.unit();
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

std::vector<Planned> plan_update(const Dimensions& s, const Variant& v) {
  const std::int64_t B = s.at("B"), D = s.at("D"), N = s.at("N"), G = s.at("G"), H = s.at("H");
  if (v.without_heads) {  // one group, and no dimension for it
    return {{"state", Part::state, {B, D, N}}, {"x", Part::signal, {B, D}},
            {"dt", Part::step, {B, D}},        {"A", Part::rate, {D, N}},
            {"B", Part::weight, {B, N}},       {"C", Part::weight, {B, N}},
            {"D", Part::skip, {D}, true},      {"z", Part::gate, {B, D}, true},
            {"dt_bias", Part::bias, {D}, true}};
  }
  return {{"state", Part::state, {B, H, D, N}}, {"x", Part::signal, {B, H, D}},
          {"dt", Part::step, {B, H, D}},        {"A", Part::rate, {H, D, N}},
          {"B", Part::weight, {B, G, N}},       {"C", Part::weight, {B, G, N}},
          {"D", Part::skip, {H, D}, true},      {"z", Part::gate, {B, H, D}, true},
          {"dt_bias", Part::bias, {H, D}, true}};
}

std::vector<Planned> plan_scan(const GenerateRequest& request, const Dimensions& s, const Variant& v) {
  const std::int64_t B = s.at("B"), D = s.at("D"), N = s.at("N"), G = s.at("G"), L = s.at("L");
  const Shape varying = v.weights == 1 ? Shape{B, N, L} : Shape{B, G, N, L}, constant{D, N};
  std::vector<Planned> plan{{"u", Part::signal, {B, D, L}},
                            {"delta", Part::step, {B, D, L}},
                            {"A", Part::rate, {D, N}},
                            {"B", Part::weight, v.constant_B ? constant : varying},
                            {"C", Part::weight, v.constant_C ? constant : varying},
                            {"D", Part::skip, {D}, true},
                            {"z", Part::gate, {B, D, L}, true},
                            {"delta_bias", Part::bias, {D}, true},
                            {"initial_state", Part::state, {B, D, N}, true}};
  if (request.backward) {
    plan.push_back({"dy", Part::cotangent, {B, D, L}});
    plan.push_back({"dlast_state", Part::cotangent, {B, D, N}, true});
  }
  return plan;
}

// What of SSD an operation takes; the stages' own tensors are added later.
std::vector<Planned> plan_ssd(const GenerateRequest& request, const Dimensions& s, const Variant& v) {
  const auto size = [&](const char* name) { return s.count(name) != 0 ? s.at(name) : 0; };
  const std::int64_t B = s.at("B"), T = s.at("T"), H = s.at("H"), P = size("P"), N = size("N"), G = size("G"),
                     K = (T + s.at("Q") - 1) / s.at("Q");
  const Planned x{"x", Part::signal, {B, T, H, P}}, dt{"dt", Part::step, {B, T, H}}, A{"A", Part::rate, {H}},
      weights{"B", Part::weight, {B, T, G, N}}, readout{"C", Part::weight, {B, T, G, N}},
      skip{"D", Part::skip, v.skip_of_head ? Shape{H} : Shape{H, P}, true},
      z{"z", Part::gate, {B, T, H, P}, true}, bias{"dt_bias", Part::bias, {H}, true},
      initial{"initial_states", Part::state, {B, H, P, N}, true},
      states{"states", Part::state, {B, K, H, P, N}};
  if (request.op == "ssd_chunk_cumsum") return {dt, A, bias};
  if (request.op == "ssd_chunk_state") return {x, weights};
  if (request.op == "ssd_state_passing") return {states, initial};
  if (request.op == "ssd_chunk_scan") return {x, weights, readout, states, skip, z};
  std::vector<Planned> plan{x, dt, A, weights, readout, skip, z, bias, initial};
  if (request.backward) {
    plan.push_back({"dy", Part::cotangent, {B, T, H, P}});
    plan.push_back({"dfinal_states", Part::cotangent, {B, H, P, N}, true});
  }
  return plan;
}

std::vector<Planned> plan_block(const GenerateRequest& request, const Dimensions& s, const Variant& v) {
  const std::int64_t L = s.at("L"), I = s.at("I"), N = s.at("N"), O = s.at("O");
  const Part p = Part::projection;
  if (request.op == "mamba_block") {
    return {{"in_proj", p, {I, N}},  {"gate_proj", p, {I, N}},    {"out_proj", p, {N, O}},
            {"A", Part::state, {N}}, {"B", Part::weight, {N}},    {"C", Part::weight, {N}},
            {"D", Part::skip, {N}},  {"x", Part::signal, {L, I}}, {"h0", Part::state, {N}, true}};
  }
  const std::int64_t E = s.at("E"), W = s.at("W");
  std::vector<Planned> plan{{"x", Part::signal, {L, I}},
                            {"x_proj", p, {I, E}},
                            {"z_proj", p, {I, E}},
                            {"conv_kernel", p, {W, E}},
                            {"conv_bias", p, {E}},
                            {"dt_proj", p, {E, E}},
                            {"dt_bias", Part::bias, {E}},
                            {"A", Part::rate, {E, N}},
                            {"b_proj", p, {E, N}},
                            {"c_proj", p, {E, N}},
                            {"d_skip", Part::skip, {E}},
                            {"out_proj", p, {E, O}},
                            {"h0", Part::state, {E, N}, true}};
  // The tokens that the convolution looks back at, all or some.
  if (request.variant != 0 && W > 1)
    plan.push_back(
        {"history", Part::weight, {1 + static_cast<std::int64_t>(v.dropped % 16) % (W - 1), E}, true});
  return plan;
}

// TorchLean's rates are positive. Where neither softplus nor a limit keeps steps above 0, strong rates get
// steps so small that the state does not overflow.
double scale_of(const GenerateRequest& request, Part part, const Variant& v) {
  if (part == Part::rate) return request.op == "selective_mamba_block" ? -1 : 1;
  const bool limited = request.op == "ssd" || request.op == "ssd_chunk_cumsum";
  if ((part != Part::step && part != Part::bias) || v.softplus || limited) return 1;
  return request.profile == "trigger"                               ? 0x1p-10
         : request.profile == "decay" || request.profile == "mamba" ? 0x1p-7
                                                                    : 1;
}

Tensor build(const GenerateRequest& request, const Planned& planned, std::size_t tensor, const Variant& v) {
  std::int64_t size = 1;
  for (const std::int64_t extent : planned.shape) {
    if (extent > max_generated_elements || (size *= extent) > max_generated_elements)
      throw GenerateError(
          fmt::format("tensor {} would have more than {} elements", planned.name, max_generated_elements));
  }
  std::vector<double> values;
  const double scale = scale_of(request, planned.part, v);
  for (std::int64_t i = 0; i < size; ++i) values.push_back(scale * element(request, planned.part, tensor, i));
  return Tensor::of(request.type, planned.shape, values);
}

Tensor integers(Shape shape, const std::vector<std::int64_t>& values) {
  Tensor tensor{ElementType::i64, std::move(shape), {}};
  tensor.data.resize(values.size() * sizeof(std::int64_t));
  if (!values.empty()) std::memcpy(tensor.data.data(), values.data(), tensor.data.size());
  return tensor;
}

// Sequences numbered from 5: one begins within a chunk (in each batch later by one), one at a chunk's edge.
Tensor sequences(const Dimensions& s) {
  const std::int64_t B = s.at("B"), T = s.at("T"), Q = s.at("Q");
  std::vector<std::int64_t> ids;
  for (std::int64_t b = 0; b < B; ++b) {
    for (std::int64_t t = 0; t < T; ++t)
      ids.push_back(5 + (t >= Q / 2 + 1 + b ? 1 : 0) + (t >= 2 * Q ? 2 : 0));
  }
  return integers({B, T}, ids);
}

// The same borders as cu_seqlens, where they lie within.
Tensor borders(const Dimensions& s) {
  const std::int64_t T = s.at("T"), Q = s.at("Q");
  std::vector<std::int64_t> ends{0};
  for (const std::int64_t border : {Q / 2 + 1, 2 * Q, T}) {
    if (border > ends.back() && border <= T) ends.push_back(border);
  }
  return integers({static_cast<std::int64_t>(ends.size())}, ends);
}

// The stages' dt and dA_cumsum, [B, H, K, Q]: 0 steps beyond the end, sums begun anew in each chunk.
void add_sums(const GenerateRequest& request, const Dimensions& s, bool with_steps, Case& result) {
  const std::int64_t B = s.at("B"), T = s.at("T"), H = s.at("H"), Q = s.at("Q"), K = (T + Q - 1) / Q;
  std::vector<double> steps, sums;
  const double lowest = request.type == ElementType::f16 ? -60000 : -std::numeric_limits<double>::infinity();
  for (std::int64_t row = 0; row < B * H * K; ++row) {
    Random rates(request.seed, 3100, static_cast<std::uint64_t>(row / K % H));
    const double A = rate(request.profile, rates, row / K % H);
    double sum = 0;
    for (std::int64_t l = 0; l < Q; ++l) {
      Random random(request.seed, 3101, static_cast<std::uint64_t>(row * Q + l));
      const double step = row % K * Q + l < T ? positive_step(request.profile, random) : 0;
      steps.push_back(step);
      sums.push_back(sum = std::max(sum + step * A, lowest));
    }
  }
  if (with_steps) result.inputs["dt"] = Tensor::of(request.type, {B, H, K, Q}, steps);
  result.inputs["dA_cumsum"] = Tensor::of(request.type, {B, H, K, Q}, sums);
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
          {"ssd", {{"B", 1}, {"T", 35}, {"H", 4}, {"P", 4}, {"N", 8}, {"G", 2}, {"Q", 16}}},
          {"ssd_chunk_cumsum", {{"B", 1}, {"T", 35}, {"H", 4}, {"Q", 16}}},
          {"ssd_chunk_state", {{"B", 1}, {"T", 35}, {"H", 4}, {"P", 4}, {"N", 8}, {"G", 2}, {"Q", 16}}},
          {"ssd_state_passing", {{"B", 1}, {"T", 35}, {"H", 4}, {"P", 4}, {"N", 8}, {"Q", 16}}},
          {"ssd_chunk_scan", {{"B", 1}, {"T", 35}, {"H", 4}, {"P", 4}, {"N", 8}, {"G", 2}, {"Q", 16}}}};
}

namespace {

void add_options(const GenerateRequest& request, const Dimensions& shape, const Variant& v, Case& result) {
  auto& options = result.options;
  const std::string_view op = request.op;
  const bool sizes = op == "ssd" || op == "ssd_chunk_cumsum";  // takes limits of step sizes
  if (op == "selective_scan") options["delta_softplus"] = v.softplus;
  if (sizes || op == "selective_state_update") options["dt_softplus"] = v.softplus;
  if ((sizes || op == "selective_scan" || op == "selective_state_update") && v.threshold > 0)
    options["softplus_threshold"] = v.threshold;
  if (sizes && v.dt_min > 0) options["dt_min"] = v.dt_min;
  if (sizes && v.dt_max > 0) options["dt_max"] = v.dt_max;
  if (shape.count("Q") != 0) options["chunk_size"] = shape.at("Q");
  if (op == "ssd_state_passing" && request.variant != 0)
    options["states_convention"] = std::string(v.leaving ? "leaving" : "entering");
  if (op == "ssd_chunk_scan" && request.variant != 0) options["inter_chunk_only"] = v.inter_chunk_only;
  if (op == "ssd_chunk_scan" && v.leaving)
    options["states_convention"] = std::string("entering");  // the only one
}

void add_stage_inputs(const GenerateRequest& request, const Dimensions& shape, const Variant& v,
                      Case& result) {
  const std::string_view op = request.op;
  const bool stage = op == "ssd_chunk_state" || op == "ssd_state_passing" || op == "ssd_chunk_scan";
  // Without the term within chunks there is no need of step sizes and input weights.
  const bool bare = op == "ssd_chunk_scan" && v.inter_chunk_only && v.leaving;
  if (bare) result.inputs.erase("B");
  if (stage) add_sums(request, shape, op != "ssd_state_passing" && !bare, result);
  if (op == "ssd" && v.sequences == 2 && shape.at("B") == 1) {
    result.inputs["cu_seqlens"] = borders(shape);
  } else if ((stage || op == "ssd") && (v.sequences != 0 || request.profile == "trigger")) {
    result.inputs["seq_idx"] = sequences(shape);
  }
}

}  // namespace

Case generate_mamba(const GenerateRequest& request, const Dimensions& shape) {
  require_possible(request, shape);
  const bool block = request.op == "mamba_block" || request.op == "selective_mamba_block";
  const Variant v(request.variant);
  const std::vector<Planned> plan = request.op.rfind("ssd", 0) == 0          ? plan_ssd(request, shape, v)
                                    : block                                  ? plan_block(request, shape, v)
                                    : request.op == "selective_state_update" ? plan_update(shape, v)
                                                                             : plan_scan(request, shape, v);
  Case result;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (!plan[i].optional || v.keeps(plan[i].name))
      result.inputs[std::string(plan[i].name)] = build(request, plan[i], i, v);
  }
  add_options(request, shape, v, result);
  add_stage_inputs(request, shape, v, result);
  return result;
}

}  // namespace exactscan
