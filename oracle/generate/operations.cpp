#include "oracle/generate/operations.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>
#include <limits>

#include "oracle/generate/lattice.hpp"
#include "oracle/generate/mamba.hpp"
#include "oracle/generate/profile.hpp"
#include "oracle/generate/s5.hpp"

namespace exactscan {
namespace {

using Shape = std::vector<std::int64_t>;

// Builds a tensor value by value; only a fixed number of doubles wait for their conversion.
class TensorBuilder {
 public:
  TensorBuilder(ElementType type, Shape shape) : tensor_{type, std::move(shape), {}} {
    tensor_.data.reserve(static_cast<std::size_t>(tensor_.size()) * element_size(type));
    buffer_.reserve(block);
  }
  void push(double value) {
    buffer_.push_back(value);
    if (buffer_.size() == block) flush();
  }
  Tensor finish() {
    flush();
    return std::move(tensor_);
  }

 private:
  static constexpr std::size_t block = 8192;
  void flush() {
    const Tensor part = Tensor::of(tensor_.type, {static_cast<std::int64_t>(buffer_.size())}, buffer_);
    tensor_.data.insert(tensor_.data.end(), part.data.begin(), part.data.end());
    buffer_.clear();
  }
  std::vector<double> buffer_;
  Tensor tensor_;
};

// One row of `columns` elements, or `rows` of them: shape [N] or [L, N].
Tensor draw(const Source& source, ElementType type, Role role, const Shape& shape) {
  TensorBuilder builder(type, shape);
  const std::int64_t columns = shape.back();
  const std::int64_t rows = shape.size() == 1 ? 1 : shape.front();
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t column = 0; column < columns; ++column) builder.push(source(role, row, column));
  }
  return builder.finish();
}

struct Planned {
  std::string_view name;
  Role role;
  Shape shape;
};

// The inputs of the request, in the roles that its operation gives them.
std::vector<Planned> plan(const GenerateRequest& request, const Dimensions& shape) {
  const std::int64_t L = shape.at("L");
  const std::int64_t N = shape.at("N");
  if (request.op == "affine_scan") {
    return {{"a", Role::coefficient, {L, N}}, {"b", Role::drive, {L, N}}, {"h0", Role::state, {N}}};
  }
  if (request.op == "diagonal_ssm") {
    const Shape parameter = request.time_varying ? Shape{L, N} : Shape{N};
    std::vector<Planned> result = {{"A", Role::coefficient, parameter},
                                   {"B", Role::gain, parameter},
                                   {"x", Role::signal, {L, N}},
                                   {"h0", Role::state, {N}}};
    if (request.backward) result.push_back({"dh", Role::cotangent, {L, N}});
    return result;
  }
  const std::int64_t I = shape.at("I");
  const std::int64_t O = shape.at("O");
  return {{"in_proj", Role::weight_in, {I, N}},
          {"out_proj", Role::weight_out, {N, O}},
          {"A", Role::coefficient, {N}},
          {"B", Role::gain, {N}},
          {"C", Role::readout, {N}},
          {"D", Role::skip, {N}},
          {"x", Role::signal, {L, I}},
          {"h0", Role::state, {N}}};
}

// Guards every later product of sizes against overflow, and the machine against a slip of the pen.
void require_moderate_size(const std::vector<Planned>& tensors) {
  std::int64_t total = 0;
  for (const Planned& tensor : tensors) {
    std::int64_t size = 1;
    for (const std::int64_t extent : tensor.shape) {
      if (extent > max_generated_elements || (size *= extent) > max_generated_elements) {
        throw GenerateError(
            fmt::format("tensor {} would have more than {} elements", tensor.name, max_generated_elements));
      }
    }
    total += size;
  }
  if (total > max_generated_elements) {
    throw GenerateError(
        fmt::format("the case would have {} elements; the most is {}", total, max_generated_elements));
  }
}

void require_lattice(const GenerateRequest& request, LatticeKind kind) {
  if (request.op != "affine_scan" && request.op != "diagonal_ssm") {
    throw GenerateError(fmt::format(
        "profile '{}' is for affine_scan and diagonal_ssm: the sums of {} are not exact in every order",
        request.profile, request.op));
  }
  if (request.backward) {
    throw GenerateError(
        fmt::format("profile '{}' is for forward scans: the gradients' sums are not exact in every order",
                    request.profile));
  }
  if (request.op == "diagonal_ssm" && kind != LatticeKind::gauge && !request.time_varying) {
    throw GenerateError(fmt::format(
        "profile '{}' of diagonal_ssm needs varying A and B (--time-varying): a constant A cannot "
        "reset",
        request.profile));
  }
}

void fill_affine(Lattice& lattice, ElementType type, std::int64_t L, std::int64_t N,
                 std::map<std::string, Tensor>& inputs) {
  TensorBuilder a(type, {L, N});
  TensorBuilder b(type, {L, N});
  for (std::int64_t t = 0; t < L; ++t) {
    for (std::int64_t n = 0; n < N; ++n) {
      const Lattice::Step step = lattice.step(n);
      a.push(step.a);
      b.push(step.b);
    }
  }
  inputs["a"] = a.finish();
  inputs["b"] = b.finish();
}

// b = B x, split by a power of two so that the product is exact as well.
void fill_ssm(Lattice& lattice, ElementType type, std::int64_t L, std::int64_t N, bool varying,
              std::map<std::string, Tensor>& inputs) {
  const Shape parameter = varying ? Shape{L, N} : Shape{N};
  TensorBuilder A(type, parameter);
  TensorBuilder B(type, parameter);
  TensorBuilder x(type, {L, N});
  std::vector<double> gain;
  for (std::int64_t n = 0; !varying && n < N; ++n) {
    A.push(lattice.constant_coefficient(n));
    gain.push_back(lattice.power_of_two(n));
    B.push(gain.back());
  }
  for (std::int64_t t = 0; t < L; ++t) {
    for (std::int64_t n = 0; n < N; ++n) {
      const Lattice::Step step = lattice.step(n);
      const double power = varying ? lattice.power_of_two(n) : gain[static_cast<std::size_t>(n)];
      if (varying) {
        A.push(step.a);
        B.push(power);
      }
      x.push(step.b == 0 ? 0 : step.b / power);
    }
  }
  inputs["A"] = A.finish();
  inputs["B"] = B.finish();
  inputs["x"] = x.finish();
}

void fill_lattice(LatticeKind kind, const GenerateRequest& request, const Dimensions& shape, Case& result) {
  require_lattice(request, kind);
  const std::int64_t L = shape.at("L");
  const std::int64_t N = shape.at("N");
  const bool ssm = request.op == "diagonal_ssm";
  Lattice lattice(kind, request.seed, request.type, L, N, ssm && !request.time_varying);
  TensorBuilder h0(request.type, {N});
  for (std::int64_t n = 0; n < N; ++n) h0.push(lattice.initial_state(n));
  result.inputs["h0"] = h0.finish();
  if (ssm) {
    fill_ssm(lattice, request.type, L, N, request.time_varying, result.inputs);
  } else {
    fill_affine(lattice, request.type, L, N, result.inputs);
  }
  result.options["exact"] = true;
}

}  // namespace

std::span<const GeneratorSpec> generators() {
  static const std::vector<GeneratorSpec> table = [] {
    std::vector<GeneratorSpec> specs = {
        {"affine_scan", {{"L", 64}, {"N", 16}}},
        {"diagonal_ssm", {{"L", 64}, {"N", 16}}},
        {"diagonal_s4", {{"L", 64}, {"N", 16}, {"I", 8}, {"O", 8}}},
        {"simplified_scan", {{"N", 2}, {"H", 8}, {"P", 16}, {"L", 64}}},
        {"s5_inner", {{"N", 2}, {"H", 8}, {"P", 16}, {"L", 64}}},
        {"simplified_state_update", {{"N", 2}, {"H", 8}, {"P", 16}}},
    };
    for (GeneratorSpec& spec : mamba_generators()) specs.push_back(std::move(spec));
    return specs;
  }();
  return table;
}

Case generate_inputs(const GenerateRequest& request, const Dimensions& shape) {
  if (is_mamba(request.op)) return generate_mamba(request, shape);
  if (request.profile == "trigger")
    throw GenerateError(fmt::format("profile 'trigger' is for the Mamba systems, not for {}", request.op));
  if (is_s5(request.op)) return generate_s5(request, shape);
  const std::vector<Planned> tensors = plan(request, shape);
  require_moderate_size(tensors);
  Case result;
  if (const auto kind = lattice_kind(request.profile)) {
    fill_lattice(*kind, request, shape, result);
    return result;
  }
  const Source source{.draw = find_profile(request.profile)->draw,
                      .seed = request.seed,
                      .limits = type_limits(request.type),
                      .length = shape.at("L"),
                      .coefficients_in_time = request.op == "affine_scan" || request.time_varying,
                      .mixes_channels = request.op == "diagonal_s4"};
  for (const Planned& tensor : tensors) {
    result.inputs[std::string(tensor.name)] = draw(source, request.type, tensor.role, tensor.shape);
  }
  return result;
}

}  // namespace exactscan
