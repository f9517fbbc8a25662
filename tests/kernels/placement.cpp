#include "tests/kernels/placement.hpp"

#include <fmt/format.h>

#include <cmath>
#include <map>
#include <memory>
#include <vector>

namespace exactscan::kernels {
namespace {

// The tensors of one call, by name; what was written where it must not be is found when they are taken back.
class Memory {
 public:
  Memory(const Case& inputs, const Placement& placement) : placement_(placement), outcome_{inputs, ""} {
    vectors_.layout = Layout::time_major;
    vectors_.misaligned = placement.misaligned;
  }

  bool has(const char* name) const { return outcome_.judged.inputs.count(name) != 0; }
  const Tensor& tensor(const char* name) const { return outcome_.judged.inputs.at(name); }
  Operand input(const char* name) {
    return place(name, std::make_unique<Placed>(tensor(name), placement_)).operand();
  }
  // h0 in another type; null if there is none.
  void* initial(ElementType state) {
    if (!has("h0")) return nullptr;
    std::vector<double> values;
    for (std::int64_t i = 0; i < tensor("h0").size(); ++i) values.push_back(tensor("h0").at(i));
    const Tensor converted = Tensor::of(state, tensor("h0").shape, values);
    return place("h0", std::make_unique<Placed>(converted, vectors_)).operand().data;
  }
  Operand extra_input(const char* name, const Tensor& values) {
    return place(name, std::make_unique<Placed>(values, placement_)).operand();
  }
  Operand output(const char* name, ElementType type, std::vector<std::int64_t> shape) {
    const Placement& where = shape.size() == 1 ? vectors_ : placement_;
    outputs_[name] = &place(name, std::make_unique<Placed>(type, std::move(shape), where));
    return outputs_[name]->operand();
  }
  Operand output_over(const char* name, const char* input) {
    outputs_[name] = placed_.at(input).get();
    return outputs_[name]->operand();
  }

  Outcome finish() {
    for (const auto& [name, placed] : outputs_) {
      outcome_.judged.outputs[name] = placed->take();
      if (!placed->only_poison()) outcome_.fault = "wrote around or between the rows of " + name;
    }
    for (const auto& [name, placed] : placed_) {
      bool written = false;
      for (const auto& [output, memory] : outputs_) written = written || memory == placed.get();
      if (!written && !placed->unchanged()) outcome_.fault = "changed " + name;
    }
    return std::move(outcome_);
  }

 private:
  Placed& place(const char* name, std::unique_ptr<Placed> placed) {
    return *(placed_[name] = std::move(placed));
  }

  Placement placement_, vectors_;
  Outcome outcome_;
  std::map<std::string, std::unique_ptr<Placed>> placed_;
  std::map<std::string, Placed*> outputs_;
};

Outcome run_scan(const Implementation& implementation, const Case& inputs, const Placement& placement) {
  const bool ssm = inputs.op == "diagonal_ssm";
  Memory memory(inputs, placement);
  const Tensor& timed = memory.tensor(ssm ? "x" : "a");
  Call call;
  call.type = timed.type;
  call.length = timed.shape[0];
  call.channels = timed.shape[1];
  call.a = memory.input(ssm ? "A" : "a");
  call.b = memory.input(ssm ? "B" : "b");
  if (ssm) call.x = memory.input("x");
  const ElementType state = state_type(call.type);
  call.initial = memory.initial(state);
  // A constant tensor has no room for the outputs.
  if (placement.output == Placement::over_a && !ssm) {
    call.h = memory.output_over("h", "a");
  } else if (placement.output == Placement::over_b) {
    call.h = memory.output_over("h", ssm ? "x" : "b");
  } else {
    call.h = memory.output("h", call.type, timed.shape);
  }
  call.last = memory.output("h_last", state, {call.channels}).data;
  implementation.run(call);
  Outcome outcome = memory.finish();
  if (ssm) outcome.judged.outputs.erase("h_last");  // diagonal_ssm has no such output
  return outcome;
}

// h of the forward pass, as a plain loop gives it in the state's type.
Tensor states_of(const Case& inputs, ElementType state) {
  const Tensor &A = inputs.inputs.at("A"), &B = inputs.inputs.at("B"), &x = inputs.inputs.at("x");
  const std::int64_t length = x.shape[0], channels = x.shape[1];
  const auto at = [&](const Tensor& tensor, std::int64_t t, std::int64_t n) {
    return tensor.at(tensor.shape.size() == 1 ? n : t * channels + n);
  };
  const auto rounded = [&](double v) { return state == ElementType::f32 ? static_cast<float>(v) : v; };
  std::vector<double> h(static_cast<std::size_t>(length * channels));
  for (std::int64_t n = 0; n < channels; ++n) {
    double value = inputs.inputs.count("h0") != 0 ? inputs.inputs.at("h0").at(n) : 0;
    for (std::int64_t t = 0; t < length; ++t) {
      // In binary64 a product of float32 numbers is exact; each operation is then rounded to the state's
      // type.
      const double decayed = rounded(at(A, t, n) * value), driven = rounded(at(B, t, n) * at(x, t, n));
      h[static_cast<std::size_t>(t * channels + n)] = value = rounded(decayed + driven);
    }
  }
  return Tensor::of(state, x.shape, h);
}

Outcome run_gradients(const Implementation& implementation, const Case& inputs, const Placement& placement,
                      bool with_states) {
  Memory memory(inputs, placement);
  const Tensor& x = memory.tensor("x");
  BackwardCall call;
  call.type = x.type;
  call.length = x.shape[0];
  call.channels = x.shape[1];
  call.a = memory.input("A");
  call.b = memory.input("B");
  call.x = memory.input("x");
  call.dh = memory.input("dh");
  const ElementType state = state_type(call.type);
  call.initial = memory.initial(state);
  if (with_states) call.states = memory.extra_input("states", states_of(inputs, state));
  const auto gradient = [&](const char* name, const char* of) {
    const Tensor& coefficient = memory.tensor(of);
    return memory.output(name, coefficient.shape.size() == 1 ? state : call.type, coefficient.shape);
  };
  call.da = gradient("dA", "A");
  call.db = gradient("dB", "B");
  if (placement.output == Placement::apart) {
    call.dx = memory.output("dx", call.type, x.shape);
  } else {
    call.dx = memory.output_over("dx", placement.output == Placement::over_a ? "x" : "dh");
  }
  call.dinitial = memory.output("dh0", state, {call.channels}).data;
  implementation.run_backward(call);
  return memory.finish();
}

Outcome run_layer(const Implementation& implementation, const Case& inputs, const Placement& placement) {
  Memory memory(inputs, placement);
  LayerCall call;
  const Tensor& in_proj = memory.tensor("in_proj");
  call.type = in_proj.type;
  call.inputs = in_proj.shape[0];
  call.states = in_proj.shape[1];
  call.outputs = memory.tensor("out_proj").shape[1];
  call.length = memory.tensor("x").shape[0];
  call.in_proj = memory.input("in_proj");
  call.out_proj = memory.input("out_proj");
  call.x = memory.input("x");
  call.a = memory.input("A");
  call.b = memory.input("B");
  call.c = memory.input("C");
  call.d = memory.input("D");
  const ElementType state = state_type(call.type);
  call.initial = memory.initial(state);
  call.y = memory.output("y", call.type, {call.length, call.outputs});
  call.last = memory.output("h_last", state, {call.states}).data;
  implementation.run_layer(call);
  return memory.finish();
}

bool is_backward(const Case& inputs) { return inputs.inputs.count("dh") != 0; }

}  // namespace

ElementType state_type(ElementType type) {
  return type == ElementType::f64 ? ElementType::f64 : ElementType::f32;
}

std::string describe(const Placement& placement) {
  static constexpr const char* layouts[] = {"time-major", "channel-major", "scattered"};
  static constexpr const char* outputs[] = {"apart", "over a (dx over x)", "over b or x (dx over dh)"};
  return fmt::format("{}, {} elements between rows, {} off alignment, output {}",
                     layouts[static_cast<int>(placement.layout)], placement.padding, placement.misaligned,
                     outputs[placement.output]);
}

bool can_run(const Implementation& implementation, const Case& inputs) {
  if (inputs.op == "diagonal_s4") return static_cast<bool>(implementation.run_layer);
  if (is_backward(inputs)) return static_cast<bool>(implementation.run_backward);
  if (inputs.op == "diagonal_ssm" && !implementation.takes_input) return false;
  return static_cast<bool>(implementation.run);
}

Outcome run(const Implementation& implementation, const Case& inputs, const Placement& placement,
            bool with_states) {
  if (inputs.op == "diagonal_s4") return run_layer(implementation, inputs, placement);
  if (is_backward(inputs)) return run_gradients(implementation, inputs, placement, with_states);
  return run_scan(implementation, inputs, placement);
}

}  // namespace exactscan::kernels
