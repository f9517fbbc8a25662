// Every kernel under test, behind one call for each of its operations, in one list. Adding a kernel is one
// registration.
#pragma once

#include <cstdint>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "oracle/casefile/element_type.hpp"

namespace exactscan::kernels {

// Element (t, n) is at data + (t * time_stride + n * channel_stride) elements.
struct Operand {
  void* data = nullptr;
  std::int64_t time_stride = 0, channel_stride = 0;
};

// A scan. Without x: h[t] = a[t] h[t-1] + b[t]. With x: b[t] x[t] in place of b[t].
struct Call {
  ElementType type = ElementType::f32;
  std::int64_t length = 0, channels = 0;
  Operand a, b, x, h;
  void* initial = nullptr;  // [channels], in state_type(type); null: zero
  void* last = nullptr;     // [channels], the same type; null: not wanted
};

// The gradients of the scan with x, from dh. Where a is constant in time (time_stride 0) da is summed over
// time: [channels] in state_type(type); else it is one a step, of `type`. The same of b and db.
struct BackwardCall {
  ElementType type = ElementType::f32;
  std::int64_t length = 0, channels = 0;
  Operand a, b, x, dh;
  void* initial = nullptr;  // as above
  Operand states;           // h of the forward pass, in state_type(type); no data: to be computed again
  Operand da, db, dx;
  void* dinitial = nullptr;  // [channels] in state_type(type)
};

// A diagonal S4 layer. Matrices: time is the row, channel the column.
struct LayerCall {
  ElementType type = ElementType::f32;
  std::int64_t length = 0, states = 0, inputs = 0, outputs = 0;
  Operand in_proj, out_proj, x,
      y;                    // [inputs, states], [states, outputs], [length, inputs], [length, outputs]
  Operand a, b, c, d;       // [states]
  void* initial = nullptr;  // [states], in state_type(type); null: zero
  void* last = nullptr;     // the same
};

// float32 for 16-bit types.
ElementType state_type(ElementType type);

// How a tensor over time and channels lies in memory.
enum class Layout : std::uint8_t { time_major, channel_major, scattered };

struct Implementation {
  std::string name;
  std::vector<Layout> layouts;
  std::vector<ElementType> types;
  bool takes_input = false;  // x, with a and b varying in time or constant
  bool strided = true;       // rows may lie apart
  bool in_place = true;      // h may be a or b; dx may be dh or x
  bool causal_bits = true;   // a longer input leaves earlier outputs bit-identical
  bool repeatable = true;    // the same bits in every run
  std::int64_t enough = 0;   // length * channels from which it uses its parallel schedule; 0: no such size

  // What it can do; an empty function: it cannot.
  std::function<void(const Call&)> run = nullptr;
  std::function<void(const BackwardCall&)> run_backward = nullptr;
  std::function<void(const LayerCall&)> run_layer = nullptr;
  // One channel of float32: h receives the states before each step; last is left alone.
  std::function<void(const Call&)> run_exclusive = nullptr;

  friend std::ostream& operator<<(std::ostream& out, const Implementation& i) { return out << i.name; }
};

// All of them.
const std::vector<Implementation>& implementations();

// The lists that make it up.
void add_simd(std::vector<Implementation>& list);
void add_thrust(std::vector<Implementation>& list);

}  // namespace exactscan::kernels
