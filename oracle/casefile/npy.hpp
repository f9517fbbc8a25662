// The .npy format: one array. (The members of an .npz archive.)
// Source: numpy/lib/format.py, format versions 1.0, 2.0 and 3.0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "oracle/casefile/case.hpp"

namespace exactscan {

// Fills as much of the buffer as it can and returns how much; less than asked for means the end.
// May throw CaseError (damaged data).
using ByteReader = std::function<std::size_t(std::span<std::byte>)>;

enum class NpyKind : std::uint8_t { number, utf32, bytes };

struct NpyHeader {
  NpyKind kind = NpyKind::number;
  ElementType element = ElementType::f32;  // of a number
  bool big_endian = false;
  std::int64_t item_size = 0;  // bytes of one item in the file: a number, or a whole string
  bool fortran_order = false;
  std::vector<std::int64_t> shape;
};

// An array as the file holds it: payload.size() is what the header promises.
struct NpyArray {
  NpyHeader header;
  std::vector<std::byte> payload;
};

// The dictionary of a header, such as "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }".
// Types: f2 f4 f8, V2 (bfloat16), c8 c16, i1..i8, u1..u8, b1, U, S. Errors: CaseError.
NpyHeader parse_npy_header(std::string_view dictionary);

// Reads a whole .npy file that is said to have `size` bytes. Nothing is allocated by a size that the header
// claims unless `size` confirms it, and then in steps, as bytes arrive. Errors: CaseError, also when `read`
// gives fewer or more bytes than `size`.
NpyArray read_npy(const ByteReader& read, std::int64_t size);

// As a tensor in C order, little-endian. Errors: CaseError for strings.
Tensor npy_tensor(NpyArray array);
// The string of a 0-d U or S array, as UTF-8, without trailing NULs (NumPy's padding). Errors: CaseError.
std::string npy_string(const NpyArray& array);
// The value of a 0-d array: string, bool, an integer that fits in int64, or a floating-point number. Errors:
// CaseError.
OptionValue npy_option(NpyArray array);

// The bytes of a .npy file (version 1.0, data starting at a multiple of 64).
// Errors: CaseError if the data is not as long as type and shape say.
std::vector<std::byte> npy_bytes(const Tensor& tensor);
// The same of a 0-d array: strings as <U, doubles as <f8, integers as <i8, bools as |b1.
// Errors: CaseError for a string that is not UTF-8 or ends in NUL (the format cannot hold it).
std::vector<std::byte> npy_bytes(const OptionValue& value);

}  // namespace exactscan
