#include "tests/kernels/system_steps.hpp"

#include <algorithm>
#include <cstring>
#include <map>
#include <optional>
#include <vector>

#include "oracle/check/operation.hpp"

namespace exactscan::kernels {
namespace {

using Index = std::int64_t;

struct Handover {
  const char *last, *initial;
};
const Handover* handover_of(const std::string& op) {
  static const std::map<std::string, Handover> table{{"selective_scan", {"last_state", "initial_state"}},
                                                     {"ssd", {"final_states", "initial_states"}},
                                                     {"mamba_block", {"h_last", "h0"}},
                                                     {"selective_mamba_block", {"h_last", "h0"}},
                                                     {"simplified_scan", {"last_state", "x0"}},
                                                     {"s5_inner", {"last_state", "x0"}}};
  const auto found = table.find(op);
  return found == table.end() ? nullptr : &found->second;
}

// The axis of time, by the table's names of the tensor's dimensions.
std::optional<std::size_t> time_axis(const std::vector<TensorSpec>& specs, const std::string& name,
                                     const Tensor& tensor) {
  for (const TensorSpec& spec : specs) {
    if (spec.name != name) continue;
    for (const std::string_view form : spec.shapes) {
      if (form.size() != std::max<std::size_t>(2 * tensor.shape.size(), 1) - 1) continue;
      const std::size_t place = form.find_first_of("LT");
      if (place != std::string_view::npos) return place / 2;
      return std::nullopt;
    }
  }
  return std::nullopt;
}

// Of a tensor as rows of blocks along an axis.
struct Blocks {
  Blocks(const Tensor& tensor, std::size_t axis) : block(element_size(tensor.type)) {
    for (std::size_t i = 0; i < axis; ++i) rows *= static_cast<std::size_t>(tensor.shape[i]);
    for (std::size_t i = axis + 1; i < tensor.shape.size(); ++i)
      block *= static_cast<std::size_t>(tensor.shape[i]);
  }
  std::size_t rows = 1, block;
};

Tensor slice(const Tensor& tensor, std::size_t axis, Index begin, Index end) {
  const Blocks blocks(tensor, axis);
  Tensor result{tensor.type, tensor.shape, {}};
  result.shape[axis] = end - begin;
  const auto extent = static_cast<std::size_t>(tensor.shape[axis]);
  for (std::size_t row = 0; row < blocks.rows; ++row) {
    const auto from =
        tensor.data.begin() +
        static_cast<std::ptrdiff_t>((row * extent + static_cast<std::size_t>(begin)) * blocks.block);
    result.data.insert(
        result.data.end(), from,
        from + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(end - begin) * blocks.block));
  }
  return result;
}

Tensor concatenated(const std::vector<Tensor>& parts, std::size_t axis) {
  Tensor result{parts.front().type, parts.front().shape, {}};
  result.shape[axis] = 0;
  const std::size_t rows = Blocks(parts.front(), axis).rows;
  for (const Tensor& part : parts) result.shape[axis] += part.shape[axis];
  for (std::size_t row = 0; row < rows; ++row) {
    for (const Tensor& part : parts) {
      const std::size_t size = part.data.size() / rows;
      const auto from = part.data.begin() + static_cast<std::ptrdiff_t>(row * size);
      result.data.insert(result.data.end(), from, from + static_cast<std::ptrdiff_t>(size));
    }
  }
  return result;
}

Tensor reshaped(Tensor tensor, std::vector<Index> shape) {
  tensor.shape = std::move(shape);
  return tensor;
}

Case cut(const Case& whole, Index begin, Index end) {
  Case result = whole;
  for (auto& [name, tensor] : result.inputs) {
    const auto axis = time_axis(find_operation(whole.op)->inputs, name, tensor);
    if (axis) tensor = slice(tensor, *axis, begin, end);
  }
  result.outputs.clear();
  return result;
}

// The state of a batch in which a sequence begins at `count` is not handed on.
void forget(Tensor& state, const Tensor& sequence, Index count) {
  const Index batch = sequence.shape[0], steps = sequence.shape[1];
  const std::size_t row = batch == 0 ? 0 : state.data.size() / static_cast<std::size_t>(batch);
  for (Index b = 0; b < batch && count > 0 && count < steps; ++b) {
    const std::byte* const ids = sequence.data.data() + static_cast<std::size_t>(b * steps + count) * 8;
    if (std::memcmp(ids, ids - 8, 8) != 0)
      std::memset(state.data.data() + static_cast<std::size_t>(b) * row, 0, row);
  }
}

// The projected tokens before `count`, newest first, as the convolution of a selective_mamba_block looks back
// at them.
std::optional<Tensor> history_before(const Case& whole, Index count) {
  const Tensor &x = whole.inputs.at("x"), &x_proj = whole.inputs.at("x_proj");
  const Index inputs = x_proj.shape[0], inner = x_proj.shape[1],
              taps = whole.inputs.at("conv_kernel").shape[0];
  const auto older = whole.inputs.find("history");
  std::vector<double> values;
  Index tokens = 0;
  for (; tokens < taps - 1; ++tokens) {
    const Index t = count - 1 - tokens;
    if (t < 0 && (older == whole.inputs.end() || -1 - t >= older->second.shape[0])) break;
    for (Index e = 0; e < inner; ++e) {
      if (t < 0) {
        values.push_back(older->second.at((-1 - t) * inner + e));
        continue;
      }
      double sum = 0;
      for (Index i = 0; i < inputs; ++i) sum += x.at(t * inputs + i) * x_proj.at(i * inner + e);
      values.push_back(sum);
    }
  }
  if (tokens == 0) return std::nullopt;
  return Tensor::of(x.type, {tokens, inner}, values);
}

}  // namespace

bool has_time(const std::string& op) { return handover_of(op) != nullptr; }

bool can_be_cut(const Case& inputs) { return has_time(inputs.op) && inputs.inputs.count("cu_seqlens") == 0; }

Index steps_of(const Case& inputs) {
  const Dimensions sizes = validate(inputs, false);
  const auto found = sizes.find("L");
  return found == sizes.end() ? sizes.at("T") : found->second;
}

Case first_steps(const Case& whole, Index count) { return cut(whole, 0, count); }

Case later_steps(const Case& whole, Index count, const Case& first) {
  Case result = cut(whole, count, steps_of(whole));
  const Handover& names = *handover_of(whole.op);
  Tensor state = first.outputs.at(names.last);
  const auto sequence = whole.inputs.find("seq_idx");
  if (sequence != whole.inputs.end()) forget(state, sequence->second, count);
  result.inputs[names.initial] = std::move(state);
  if (whole.op == "selective_mamba_block") {
    result.inputs.erase("history");
    if (std::optional<Tensor> history = history_before(whole, count)) result.inputs["history"] = *history;
  }
  return result;
}

Case joined(const Case& whole, const Case& first, const Case& second) {
  Case result = whole;
  for (const auto& [name, tensor] : second.outputs) {
    const auto axis = time_axis(find_operation(whole.op)->outputs, name, tensor);
    result.outputs[name] = axis ? concatenated({first.outputs.at(name), tensor}, *axis) : tensor;
  }
  return result;
}

bool begins_with(const Case& whole, const Case& part) {
  for (const auto& [name, tensor] : part.outputs) {
    const auto axis = time_axis(find_operation(whole.op)->outputs, name, tensor);
    if (axis && !(slice(whole.outputs.at(name), *axis, 0, tensor.shape[*axis]) == tensor)) return false;
  }
  return true;
}

std::string scan_of_step(const std::string& op) {
  if (op == "selective_state_update") return "selective_scan";
  return op == "simplified_state_update" ? "s5_inner" : "";
}

Case for_steps(Case scan) {
  if (scan.op != "s5_inner") return scan;
  Tensor& u = scan.inputs.at("u");
  std::vector<std::complex<double>> real;
  for (Index i = 0; i < u.size(); ++i) real.emplace_back(u.complex_at(i).real());
  u = Tensor::of_complex(u.type, u.shape, real);
  return scan;
}

namespace {

Tensor zeros(ElementType type, std::vector<Index> shape) {
  Tensor tensor{type, std::move(shape), {}};
  tensor.data.resize(static_cast<std::size_t>(tensor.size()) * element_size(type));
  return tensor;
}

// Step t of a selective scan: groups of channels are the step's heads, with a group each.
Case selective_step(const Case& scan, Index t, const Tensor& state) {
  const Index batch = scan.inputs.at("u").shape[0], channels = scan.inputs.at("u").shape[1],
              states = scan.inputs.at("A").shape[1];
  Index groups = 1;
  for (const char* name : {"B", "C"}) {
    if (scan.inputs.at(name).shape.size() == 4) groups = scan.inputs.at(name).shape[1];
  }
  const Index width = channels / groups;
  Case step;
  step.op = "selective_state_update";
  for (const auto& [name, option] : scan.options) {
    if (name != "chunk_size") step.options[name == "delta_softplus" ? "dt_softplus" : name] = option;
  }
  step.inputs["state"] = reshaped(state, {batch, groups, width, states});
  for (const auto& [mine, theirs] : {std::pair("x", "u"), {"dt", "delta"}, {"z", "z"}}) {
    const auto found = scan.inputs.find(theirs);
    if (found != scan.inputs.end())
      step.inputs[mine] = reshaped(slice(found->second, 2, t, t + 1), {batch, groups, width});
  }
  for (const auto& [mine, theirs] : {std::pair("D", "D"), {"dt_bias", "delta_bias"}}) {
    const auto found = scan.inputs.find(theirs);
    if (found != scan.inputs.end()) step.inputs[mine] = reshaped(found->second, {groups, width});
  }
  step.inputs["A"] = reshaped(scan.inputs.at("A"), {groups, width, states});
  for (const char* name : {"B", "C"}) {
    const Tensor& weights = scan.inputs.at(name);
    step.inputs[name] = reshaped(slice(weights, weights.shape.size() - 1, t, t + 1), {batch, groups, states});
  }
  return step;
}

Case simplified_step(const Case& scan, Index t, const Tensor& state) {
  Case step;
  step.op = "simplified_state_update";
  step.options = scan.options;
  const Tensor u = slice(scan.inputs.at("u"), 2, t, t + 1);
  const Index batch = u.shape[0], width = u.shape[1];
  std::vector<double> real, matrix(static_cast<std::size_t>(width * width));
  for (Index i = 0; i < u.size(); ++i) real.push_back(u.complex_at(i).real());
  step.inputs["u"] = Tensor::of(part_type(u.type), {batch, width}, real);
  step.inputs["state"] = state;
  for (const char* name : {"delta", "deltaA"}) {
    const auto found = scan.inputs.find(name);
    if (found != scan.inputs.end())
      step.inputs[name] = reshaped(slice(found->second, 2, t, t + 1), {batch, found->second.shape[1]});
  }
  for (const char* name : {"A", "B", "C"}) step.inputs[name] = scan.inputs.at(name);
  const Tensor& D = scan.inputs.at("D");
  for (Index h = 0; h < width; ++h) matrix[static_cast<std::size_t>(h * width + h)] = D.at(h);
  step.inputs["D"] = Tensor::of(D.type, {width, width}, matrix);
  return step;
}

}  // namespace

Case by_steps(const SystemKernel& kernel, const Case& scan, const SystemPlacement& placement,
              std::string& faults) {
  const bool selective = scan.op == "selective_scan";
  const Tensor& u = scan.inputs.at("u");
  const Index states = selective ? scan.inputs.at("A").shape[1] : scan.inputs.at("A").shape[0];
  const auto start = scan.inputs.find(selective ? "initial_state" : "x0");
  Tensor state = start != scan.inputs.end() ? start->second
                 : selective                ? zeros(u.type, {u.shape[0], u.shape[1], states})
                                            : zeros(u.type, {u.shape[0], states});
  const std::vector<Index> state_shape = state.shape;
  Case result = scan;
  std::vector<Tensor> y;
  for (Index t = 0; t < u.shape[2]; ++t) {
    const Outcome outcome =
        run(kernel, selective ? selective_step(scan, t, state) : simplified_step(scan, t, state), placement);
    faults += outcome.fault;
    y.push_back(reshaped(outcome.judged.outputs.at("y"), {u.shape[0], u.shape[1], 1}));
    state = reshaped(outcome.judged.outputs.at(selective ? "state" : "last_state"), state_shape);
  }
  result.outputs["y"] = concatenated(y, 2);
  result.outputs["last_state"] = state;
  return result;
}

}  // namespace exactscan::kernels
