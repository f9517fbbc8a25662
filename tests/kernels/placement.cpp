#include "tests/kernels/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <vector>

namespace exactscan::kernels {
namespace {

constexpr std::byte poison{0xA5};  // of every type: an odd but finite number
constexpr std::size_t guard = 256;

// A tensor over time and channels in memory of its own, poisoned wherever no element lies.
class Placed {
 public:
  // `source` is [L, N], or [N] for one that is constant in time, or null: all poison.
  Placed(const Tensor* source, ElementType type, std::int64_t length, std::int64_t channels,
         const Placement& placement)
      : size_(element_size(type)), length_(length), channels_(channels) {
    const bool constant = source != nullptr && source->shape.size() == 1;
    switch (placement.layout) {
      case Layout::time_major:
        operand_ = {nullptr, channels + placement.padding, 1};
        break;
      case Layout::channel_major:
        operand_ = {nullptr, 1, length + placement.padding};
        break;
      case Layout::scattered:
        operand_ = {nullptr, 2 * channels + 2 * placement.padding, 2};
        break;
    }
    if (constant) {
      operand_ = {nullptr, 0, 1};
      length_ = std::min<std::int64_t>(length, 1);
    }
    const std::int64_t elements = length_ == 0 || channels == 0 ? 0 : index(length_ - 1, channels - 1) + 1;
    bytes_.assign(static_cast<std::size_t>(elements) * size_ + 2 * guard + 64, poison);
    const auto address = reinterpret_cast<std::uintptr_t>(bytes_.data() + guard);
    data_ = bytes_.data() + guard + (64 - address % 64) % 64 +
            static_cast<std::size_t>(placement.misaligned) * size_;
    operand_.data = data_;
    if (source == nullptr) return;
    for (std::int64_t t = 0; t < length_; ++t) {
      for (std::int64_t n = 0; n < channels; ++n)
        std::memcpy(at(t, n), source->data.data() + static_cast<std::size_t>(t * channels + n) * size_,
                    size_);
    }
    original_ = bytes_;
  }

  const Operand& operand() const { return operand_; }
  bool unchanged() const { return bytes_ == original_; }

  // The elements, back in time-major order; they are poisoned on the way.
  Tensor take(ElementType type) {
    Tensor result{type, {length_, channels_}, {}};
    result.data.resize(static_cast<std::size_t>(length_ * channels_) * size_);
    std::byte* to = result.data.data();
    for (std::int64_t t = 0; t < length_; ++t) {
      for (std::int64_t n = 0; n < channels_; ++n, to += size_) {
        std::memcpy(to, at(t, n), size_);
        std::memset(at(t, n), static_cast<int>(poison), size_);
      }
    }
    return result;
  }
  // After take(): nothing was written between or around the elements.
  bool only_poison() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](std::byte b) { return b == poison; });
  }

 private:
  std::int64_t index(std::int64_t t, std::int64_t n) const {
    return t * operand_.time_stride + n * operand_.channel_stride;
  }
  std::byte* at(std::int64_t t, std::int64_t n) {
    return data_ + static_cast<std::size_t>(index(t, n)) * size_;
  }

  std::size_t size_;
  std::int64_t length_, channels_;
  Operand operand_;
  std::vector<std::byte> bytes_, original_;
  std::byte* data_ = nullptr;
};

const Tensor* find(const Case& value, const char* name) {
  const auto found = value.inputs.find(name);
  return found == value.inputs.end() ? nullptr : &found->second;
}

Tensor convert(const Tensor& from, ElementType type) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < from.size(); ++i) values.push_back(from.at(i));
  return Tensor::of(type, from.shape, values);
}

}  // namespace

ElementType state_type(ElementType type) {
  return type == ElementType::f64 ? ElementType::f64 : ElementType::f32;
}

std::string describe(const Placement& placement) {
  static constexpr const char* layouts[] = {"time-major", "channel-major", "scattered"};
  static constexpr const char* outputs[] = {"apart", "over a", "over b"};
  return fmt::format("{}, {} elements between rows, {} off alignment, h {}",
                     layouts[static_cast<int>(placement.layout)], placement.padding, placement.misaligned,
                     outputs[placement.output]);
}

Outcome run(const Implementation& implementation, const Case& inputs, const Placement& placement) {
  const bool ssm = inputs.op == "diagonal_ssm";
  const Tensor& timed = inputs.inputs.at(ssm ? "x" : "a");
  Call call;
  call.type = timed.type;
  call.length = timed.shape[0];
  call.channels = timed.shape[1];
  const auto place = [&](const Tensor* source) {
    return std::make_unique<Placed>(source, call.type, call.length, call.channels, placement);
  };
  const auto a = place(find(inputs, ssm ? "A" : "a")), b = place(find(inputs, ssm ? "B" : "b")),
             x = ssm ? place(find(inputs, "x")) : nullptr;
  auto fresh = place(nullptr);
  // A constant tensor has no room for the outputs.
  const bool over_a = placement.output == Placement::over_a && !ssm,
             over_b = placement.output == Placement::over_b;
  Placed& h = over_a ? *a : over_b ? (ssm ? *x : *b) : *fresh;
  call.a = a->operand();
  call.b = b->operand();
  if (ssm) call.x = x->operand();
  call.h = h.operand();
  const ElementType state = state_type(call.type);
  std::vector<std::byte> last(static_cast<std::size_t>(call.channels) * element_size(state) + 2 * guard,
                              poison);
  call.last = last.data() + guard;
  Tensor initial;
  if (const Tensor* h0 = find(inputs, "h0"); h0 != nullptr) {
    initial = convert(*h0, state);
    call.initial = initial.data.data();
  }
  implementation.run(call);

  Outcome outcome{inputs, ""};
  outcome.judged.outputs["h"] = h.take(call.type);
  if (!h.only_poison()) outcome.fault = "wrote around or between the rows of h";
  for (const Placed* input : {a.get(), b.get(), x.get()}) {
    if (input != nullptr && input != &h && !input->unchanged()) outcome.fault = "changed an input";
  }
  Tensor after{state, {call.channels}, {last.begin() + guard, last.end() - guard}};
  std::fill(last.begin() + guard, last.end() - guard, poison);
  if (std::any_of(last.begin(), last.end(), [](std::byte v) { return v != poison; }))
    outcome.fault = "wrote around the last state";
  if (!ssm) outcome.judged.outputs["h_last"] = std::move(after);
  return outcome;
}

}  // namespace exactscan::kernels
