// A case: one operation, its inputs and options, and the outputs of the kernel under test, as tensors in
// memory.
//
// Every reader produces this form, whatever the file held: C order, little-endian. `check` takes it as well,
// so a test or a fuzzer needs no file.
#pragma once

#include <complex>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "oracle/casefile/element_type.hpp"

namespace exactscan {

// A case that could not be read or does not make sense. what() is one sentence naming the file, the tensor
// and the fault. The program ends with exit code 2.
class CaseError : public std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Tensor {
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;  // empty: 0-d, one element
  std::vector<std::byte> data;      // C order, little-endian, element_size(type) * size() bytes

  std::int64_t size() const;  // product of the shape
  // Element `index` of the flattened tensor, exactly (every real type fits in a double). Requires
  // is_real(type).
  double at(std::int64_t index) const;
  // The same of a real or a complex type; a real element's imaginary part is 0.
  std::complex<double> complex_at(std::int64_t index) const;

  // A float32, float64, … tensor from values: each is converted, to nearest even, to `type`.
  static Tensor of(ElementType type, std::vector<std::int64_t> shape, std::span<const double> values);
  // A complex64 or complex128 tensor likewise, part by part.
  static Tensor of_complex(ElementType type, std::vector<std::int64_t> shape,
                           std::span<const std::complex<double>> values);
  bool operator==(const Tensor&) const = default;
};

using OptionValue = std::variant<std::string, double, std::int64_t, bool>;

// An option as the kind that an operation wants; its text form, as .safetensors holds it, is as good.
// Errors: CaseError with the fault alone ("is 'maybe', not a bool …"): the caller names file and option.
//
// A bool, or the text "true", "True", "false" or "False".
bool as_bool(const OptionValue& value);
// A double, an integer (rounded to nearest beyond 2^53), or text that is a number: "0.5", "1e-3", "inf".
double as_number(const OptionValue& value);
// An integer, a double without a fraction that fits, or decimal text.
std::int64_t as_integer(const OptionValue& value);

struct Case {
  std::string file;                            // where it came from: only for messages
  std::string op;                              // "affine_scan", …
  std::map<std::string, Tensor> inputs;        // by the name after "in."
  std::map<std::string, OptionValue> options;  // by the name after "opt."
  std::map<std::string, Tensor> outputs;       // by the name after "out."
};

// Reads an .npz or .safetensors file; which of the two it is, its first bytes say.
// Errors: CaseError. Memory: bounded by a small multiple of the file's own size and of what it inflates to,
// which is at most 256 MiB or 64 times the file's size, whichever is more (oracle/casefile/zip_audit.hpp).
Case read_case(const std::filesystem::path& path);

// The same from bytes in memory; `file` is used in messages alone.
Case read_case(std::span<const std::byte> bytes, std::string file);

// Writes by the extension of `path` (.npz or .safetensors). Errors: CaseError (unknown extension, not
// writable; a type that the format has no name for). Writes a temporary file first: an existing file is
// replaced whole or not at all.
void write_case(const Case& value, const std::filesystem::path& path);

}  // namespace exactscan
