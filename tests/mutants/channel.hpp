// One channel of a scan in float32, and how a kernel of one channel becomes a kernel of all.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "impl/storage.hpp"
#include "tests/kernels/implementation.hpp"

namespace exactscan::mutants {

struct Channel {
  std::int64_t index = 0, count = 0;  // which channel of how many
  float initial = 0;
  std::vector<float> a, b, h;
  float last = 0;  // the state after the last step; set by the kernel

  std::int64_t length() const { return static_cast<std::int64_t>(a.size()); }
};

using ChannelKernel = std::function<void(Channel&)>;

// Element access by type, 16-bit or float32.
inline float read_element(ElementType type, const kernels::Operand& o, std::int64_t t, std::int64_t n) {
  const std::int64_t i = t * o.time_stride + n * o.channel_stride;
  if (type == ElementType::bf16) return impl::to_state(static_cast<const impl::BFloat16*>(o.data)[i]);
  return static_cast<const float*>(o.data)[i];
}
inline void write_element(ElementType type, const kernels::Operand& o, std::int64_t t, std::int64_t n,
                          float value) {
  const std::int64_t i = t * o.time_stride + n * o.channel_stride;
  if (type == ElementType::bf16) {
    static_cast<impl::BFloat16*>(o.data)[i] = impl::from_state<impl::BFloat16>(value);
  } else {
    static_cast<float*>(o.data)[i] = value;
  }
}
inline float read(const kernels::Call& call, const kernels::Operand& o, std::int64_t t, std::int64_t n) {
  return read_element(call.type, o, t, n);
}
inline void write(const kernels::Call& call, std::int64_t t, std::int64_t n, float value) {
  write_element(call.type, call.h, t, n, value);
}
inline float initial_state(const kernels::Call& call, std::int64_t n) {
  return call.initial == nullptr ? 0.0F : static_cast<const float*>(call.initial)[n];
}
inline void set_last(const kernels::Call& call, std::int64_t n, float value) {
  if (call.last != nullptr) static_cast<float*>(call.last)[n] = value;
}

inline kernels::Implementation each_channel(std::string name, ChannelKernel kernel) {
  kernels::Implementation result;
  result.name = std::move(name);
  result.layouts = {kernels::Layout::time_major};
  result.types = {ElementType::f32, ElementType::bf16};
  result.run = [kernel = std::move(kernel)](const kernels::Call& call) {
    for (std::int64_t n = 0; n < call.channels; ++n) {
      Channel c;
      c.index = n;
      c.count = call.channels;
      c.initial = c.last = initial_state(call, n);
      for (std::int64_t t = 0; t < call.length; ++t) {
        c.a.push_back(read(call, call.a, t, n));
        c.b.push_back(read(call, call.b, t, n));
      }
      c.h.assign(c.a.size(), 0.0F);
      kernel(c);
      for (std::int64_t t = 0; t < call.length; ++t) write(call, t, n, c.h[static_cast<std::size_t>(t)]);
      set_last(call, n, c.last);
    }
  };
  return result;
}

}  // namespace exactscan::mutants
