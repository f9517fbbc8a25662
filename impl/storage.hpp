// The types that tensors are stored in, and the type that a state is kept in while it is updated.
#pragma once

#include <cstdint>

namespace exactscan::impl {

// Bit patterns of IEEE binary16 and of bfloat16: storage only, no arithmetic.
enum class Float16 : std::uint16_t {};
enum class BFloat16 : std::uint16_t {};

// float32 for 16-bit storage, the type itself otherwise.
template <class T>
struct StateOf {
  using type = float;
};
template <>
struct StateOf<double> {
  using type = double;
};
template <class T>
using State = typename StateOf<T>::type;

// Exact.
float to_state(Float16 value);
float to_state(BFloat16 value);
inline float to_state(float value) { return value; }
inline double to_state(double value) { return value; }

// Rounded to nearest, ties to even, subnormals included; overflow gives infinity, a NaN stays one.
template <class T>
T from_state(State<T> value);

}  // namespace exactscan::impl
