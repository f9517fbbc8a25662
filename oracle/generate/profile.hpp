// The families of data, apart from the lattices: what each draws for each role that a tensor can have.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "oracle/casefile/element_type.hpp"
#include "oracle/generate/random.hpp"

namespace exactscan {

// What a profile must know of a storage type: values are m * 2^e with 1 <= m < 2.
struct TypeLimits {
  int precision;     // significant bits
  int min_exponent;  // of the smallest normal number
  int max_exponent;  // of the largest number
};
TypeLimits type_limits(ElementType type);  // requires is_real(type)

// coefficient multiplies the state (a, A); drive is added to it (b); gain times signal is added to it (B, x).
enum class Role : std::uint8_t {
  coefficient,
  drive,
  gain,
  signal,
  state,
  weight_in,
  weight_out,
  readout,
  skip,
  cotangent
};

// A source of elements: each is a pure function of its role and place, so one element may be drawn from
// another.
struct Source {
  double (*draw)(const Source&, Role, std::int64_t row, std::int64_t column);
  std::uint64_t seed = 0;
  TypeLimits limits{};
  std::int64_t length = 0;            // time steps
  bool coefficients_in_time = false;  // rows of coefficient and gain are time steps (else there is one row)
  bool mixes_channels = false;        // one NaN would reach every output of its time step and after

  double operator()(Role role, std::int64_t row, std::int64_t column) const {
    return draw(*this, role, row, column);
  }
  // A generator of its own for the element.
  Random random(Role role, std::int64_t row, std::int64_t column) const {
    return {seed, static_cast<std::uint64_t>(role),
            (static_cast<std::uint64_t>(row) << 32U) + static_cast<std::uint64_t>(column)};
  }
};

struct Profile {
  std::string_view name;
  double (*draw)(const Source&, Role, std::int64_t row, std::int64_t column);
};
// nullptr if there is none of that name.
const Profile* find_profile(std::string_view name);

}  // namespace exactscan
