// What the spec's property tests share: random choices, and properties over them.
//
// RapidCheck draws and shrinks. It is included in support.cpp alone: its templates cost more to compile than
// all else.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "spec/dyadic.hpp"
#include "spec/matrix2.hpp"
#include "spec/rational.hpp"
#include "spec/residue.hpp"
#include "spec/word.hpp"

namespace exactscan::spec::test {

// Runs `body` on many random draws; on failure reports the shrunk draws. Scaled by RC_PARAMS's max_success.
testing::AssertionResult holds(const std::function<void()>& body);

// Within a property: a random number of [low, high]; 64 random bits. The first draws are small.
std::int64_t draw_int(std::int64_t low, std::int64_t high);
std::uint64_t draw_bits();
inline bool draw_bool() { return draw_int(0, 1) == 1; }

// Within a property: fails it.
[[noreturn]] void fail(const std::string& message);
inline void require(bool condition, const std::string& message) {
  if (!condition) fail(message);
}
template <class T>
void require_equal(const T& actual, const T& expected) {
  if (!(actual == expected)) {
    fail("got " + testing::PrintToString(actual) + ", expected " + testing::PrintToString(expected));
  }
}

// A finite double of any size: subnormals, zeros, powers of two and numbers near one another are common.
double draw_double();
// A float32 the same way.
float draw_float();

// A random value of a number type.
template <class T>
struct Draw;

template <>
struct Draw<Dyadic> {
  Dyadic operator()() const;
};
template <>
struct Draw<Rational> {
  Rational operator()() const { return {Integer(draw_int(-1000, 1000)), Integer(draw_int(1, 50))}; }
};
template <>
struct Draw<Residue<>> {
  Residue<> operator()() const { return Residue<>(draw_bits()); }
};
template <>
struct Draw<IntegerMatrix2> {
  IntegerMatrix2 operator()() const {
    const auto entry = [] { return Integer(draw_int(-9, 9)); };
    return {entry(), entry(), entry(), entry()};
  }
};
template <>
struct Draw<WordSum> {
  WordSum operator()() const;
};

template <class T>
T draw() {
  return Draw<T>()();
}

template <class T>
std::vector<T> draw_vector(std::size_t size) {
  std::vector<T> result;
  for (std::size_t i = 0; i < size; ++i) result.push_back(draw<T>());
  return result;
}

template <class T>
std::vector<std::vector<T>> draw_rows(std::size_t rows, std::size_t size) {
  std::vector<std::vector<T>> result;
  for (std::size_t t = 0; t < rows; ++t) result.push_back(draw_vector<T>(size));
  return result;
}

template <class T>
std::vector<T> concatenate(std::vector<T> first, const std::vector<T>& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

// Names of the number types in the names of typed tests.
struct NumberName {
  template <class T>
  static std::string GetName(int) {
    if constexpr (std::is_same_v<T, Dyadic>) return "Dyadic";
    if constexpr (std::is_same_v<T, Rational>) return "Rational";
    if constexpr (std::is_same_v<T, Residue<>>) return "Residue";
    if constexpr (std::is_same_v<T, IntegerMatrix2>) return "Matrix2";
    if constexpr (std::is_same_v<T, WordSum>) return "WordSum";
  }
};

using AllSemirings = testing::Types<Dyadic, Rational, Residue<>, IntegerMatrix2, WordSum>;
using CommutativeRings = testing::Types<Dyadic, Rational, Residue<>>;
using OrderedRings = testing::Types<Dyadic, Rational>;

}  // namespace exactscan::spec::test
