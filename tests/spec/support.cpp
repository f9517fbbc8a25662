#include "tests/spec/support.hpp"

#include <rapidcheck.h>

#include <bit>
#include <cmath>
#include <limits>

namespace exactscan::spec::test {

testing::AssertionResult holds(const std::function<void()>& body) {
  return rc::check(body) ? testing::AssertionSuccess() : testing::AssertionFailure() << "property fails";
}

std::int64_t draw_int(std::int64_t low, std::int64_t high) { return *rc::gen::inRange(low, high + 1); }

std::uint64_t draw_bits() { return *rc::gen::arbitrary<std::uint64_t>(); }

void fail(const std::string& message) {
  RC_FAIL(message);
  std::abort();  // RC_FAIL throws
}

namespace {

// A pattern of `bits` bits, spread over the whole range whatever size RapidCheck is at.
std::uint64_t spread(int bits) {
  const std::uint64_t mixed = draw_bits() * 0x9E3779B97F4A7C15U;
  return bits == 64 ? mixed : mixed >> (64 - bits);
}

}  // namespace

double draw_double() {
  const double sign = draw_bool() ? -1 : 1;
  switch (draw_int(0, 5)) {
    case 0:
      return std::copysign(0.0, sign);
    case 1:
      return sign * std::ldexp(1.0, static_cast<int>(draw_int(-1074, 1023)));
    case 2:
      return sign * std::ldexp(static_cast<double>(draw_int(1, 1000)), -1074);
    case 3:
      return sign * (1 + static_cast<double>(draw_int(-8, 8)) * std::numeric_limits<double>::epsilon());
    default:
      break;
  }
  const auto value = std::bit_cast<double>(spread(64));
  return std::isfinite(value) ? value : sign * std::numeric_limits<double>::max();
}

float draw_float() {
  const float sign = draw_bool() ? -1 : 1;
  switch (draw_int(0, 5)) {
    case 0:
      return std::copysign(0.0F, sign);
    case 1:
      return sign * std::ldexp(1.0F, static_cast<int>(draw_int(-149, 127)));
    case 2:
      return sign * std::ldexp(static_cast<float>(draw_int(1, 1000)), -149);
    case 3:
      return sign * (1 + static_cast<float>(draw_int(-8, 8)) * std::numeric_limits<float>::epsilon());
    default:
      break;
  }
  const auto value = std::bit_cast<float>(static_cast<std::uint32_t>(spread(32)));
  return std::isfinite(value) ? value : sign * std::numeric_limits<float>::max();
}

Dyadic Draw<Dyadic>::operator()() const {
  switch (draw_int(0, 3)) {
    case 0:
      return Dyadic(draw_int(-3, 3));
    case 1:
      return Dyadic(draw_float());
    case 2:
      return {Integer(draw_int(-1'000'000, 1'000'000)), draw_int(-80, 80)};
    default:
      return Dyadic(draw_double());
  }
}

WordSum Draw<WordSum>::operator()() const {
  WordSum sum(draw_int(0, 1));
  for (auto words = draw_int(0, 1); words >= 0; --words) {
    std::string word;
    for (auto letters = draw_int(0, 2); letters > 0; --letters)
      word += static_cast<char>('a' + draw_int(0, 4));
    sum = sum + WordSum::word(word);
  }
  return sum;
}

}  // namespace exactscan::spec::test
