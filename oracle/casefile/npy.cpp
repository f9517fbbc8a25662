#include "oracle/casefile/npy.hpp"

#include <algorithm>
#include <bit>
#include <cstring>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/shape.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
// NumPy writes less than 200 bytes; by default it refuses to read more than 10000.
constexpr std::size_t max_header = 65536;
constexpr std::size_t first_step = std::size_t{1} << 16;

// Exactly `size` bytes, which the caller has not yet seen: allocates as they arrive.
std::vector<std::byte> read_exactly(const ByteReader& read, std::size_t size) {
  std::vector<std::byte> bytes;
  while (bytes.size() < size) {
    const std::size_t have = bytes.size();
    const std::size_t step = std::min(size - have, std::max(have, first_step));
    bytes.resize(have + step);
    const std::size_t got = read(std::span(bytes).subspan(have, step));
    if (got < step) fail("ends after {} of {} bytes", have + got, size);
  }
  return bytes;
}

std::uint32_t little_endian(std::span<const std::byte> bytes) {
  std::uint32_t value = 0;
  for (std::size_t i = bytes.size(); i-- > 0;)
    value = (value << 8) | std::to_integer<std::uint32_t>(bytes[i]);
  return value;
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Unit of byte order: a complex number is two, a string many.
std::size_t order_unit(const NpyHeader& header) {
  if (header.kind == NpyKind::utf32) return 4;
  if (header.kind == NpyKind::bytes) return 1;
  const std::size_t size = element_size(header.element);
  return header.element == ElementType::c64 || header.element == ElementType::c128 ? size / 2 : size;
}

void to_little_endian(NpyArray& array) {
  const std::size_t unit = order_unit(array.header);
  if (!array.header.big_endian || unit == 1) return;
  for (auto at = array.payload.begin(); at != array.payload.end(); at += static_cast<std::ptrdiff_t>(unit)) {
    std::reverse(at, at + static_cast<std::ptrdiff_t>(unit));
  }
}

// Column-major to row-major: walks the result in order, and keeps the source offset of the current index.
std::vector<std::byte> to_c_order(const std::vector<std::byte>& from, const std::vector<std::int64_t>& shape,
                                  std::size_t item) {
  std::vector<std::byte> to(from.size());
  std::vector<std::size_t> stride(shape.size()), index(shape.size(), 0);
  std::size_t step = item;
  for (std::size_t d = 0; d < shape.size(); ++d) {
    stride[d] = step;
    step *= static_cast<std::size_t>(shape[d]);
  }
  std::size_t source = 0;
  for (std::size_t at = 0; at < to.size(); at += item) {
    std::memcpy(to.data() + at, from.data() + source, item);
    for (std::size_t d = shape.size(); d-- > 0;) {
      source += stride[d];
      if (++index[d] < static_cast<std::size_t>(shape[d])) break;
      source -= stride[d] * index[d];
      index[d] = 0;
    }
  }
  return to;
}

template <typename T>
T load(const std::vector<std::byte>& data) {
  T value;
  std::memcpy(&value, data.data(), sizeof value);
  return value;
}

OptionValue integer_option(const Tensor& tensor) {
  switch (tensor.type) {
    case ElementType::i8:
      return std::int64_t{load<std::int8_t>(tensor.data)};
    case ElementType::i16:
      return std::int64_t{load<std::int16_t>(tensor.data)};
    case ElementType::i32:
      return std::int64_t{load<std::int32_t>(tensor.data)};
    case ElementType::i64:
      return load<std::int64_t>(tensor.data);
    case ElementType::u8:
      return std::int64_t{load<std::uint8_t>(tensor.data)};
    case ElementType::u16:
      return std::int64_t{load<std::uint16_t>(tensor.data)};
    case ElementType::u32:
      return std::int64_t{load<std::uint32_t>(tensor.data)};
    default:
      break;
  }
  const auto value = load<std::uint64_t>(tensor.data);
  if (value > static_cast<std::uint64_t>(INT64_MAX)) fail("the integer {} does not fit in 63 bits", value);
  return static_cast<std::int64_t>(value);
}

}  // namespace

NpyArray read_npy(const ByteReader& read, std::int64_t size) {
  std::size_t header_end = magic.size() + 2;
  if (size < static_cast<std::int64_t>(header_end + 2)) fail("is too short for a .npy array");
  const std::vector<std::byte> prelude = read_exactly(read, header_end);
  if (as_text(prelude).substr(0, magic.size()) != magic) fail("is not a .npy array (wrong magic)");
  const auto version = std::to_integer<unsigned>(prelude[magic.size()]);
  if (version < 1 || version > 3) fail("has .npy format version {}; 1, 2 and 3 are known", version);
  const std::size_t length_size = version == 1 ? 2 : 4;
  const std::size_t length = little_endian(read_exactly(read, length_size));
  header_end += length_size + length;
  if (length > max_header) fail("has a .npy header of {} bytes, more than {}", length, max_header);
  if (static_cast<std::int64_t>(header_end) > size) fail("has a .npy header that is longer than the array");

  NpyArray array;
  array.header = parse_npy_header(as_text(read_exactly(read, length)));
  const std::int64_t promised = byte_size(array.header.shape, array.header.item_size);
  const std::int64_t held = size - static_cast<std::int64_t>(header_end);
  if (promised != held) {
    fail("its .npy header promises {} bytes of data (shape {}), but {} are there", promised,
         shape_text(array.header.shape), held);
  }
  array.payload = read_exactly(read, static_cast<std::size_t>(promised));
  std::byte beyond{};
  if (read(std::span(&beyond, 1)) != 0) fail("inflates past its declared size");
  return array;
}

Tensor npy_tensor(NpyArray array) {
  if (array.header.kind != NpyKind::number) fail("holds strings, not numbers");
  to_little_endian(array);
  const auto item = static_cast<std::size_t>(array.header.item_size);
  if (array.header.fortran_order && array.header.shape.size() > 1) {
    array.payload = to_c_order(array.payload, array.header.shape, item);
  }
  return Tensor{array.header.element, std::move(array.header.shape), std::move(array.payload)};
}

std::string npy_string(const NpyArray& array) {
  if (array.header.kind == NpyKind::number) fail("is not a string");
  if (!array.header.shape.empty()) {
    fail("has shape {}, but must be a single string (0-d)", shape_text(array.header.shape));
  }
  std::string text;
  if (array.header.kind == NpyKind::bytes) {
    text = as_text(array.payload);
    if (!is_utf8(text)) fail("holds bytes that are not UTF-8");
  } else {
    for (std::size_t at = 0; at < array.payload.size(); at += 4) {
      std::uint32_t code = little_endian(std::span(array.payload).subspan(at, 4));
      if (array.header.big_endian) code = __builtin_bswap32(code);
      if (!append_utf8(code, text)) fail("holds {:#x}, which is not a Unicode character", code);
    }
  }
  text.resize(text.find_last_not_of('\0') + 1);
  return text;
}

OptionValue npy_option(NpyArray array) {
  if (array.header.kind != NpyKind::number) return npy_string(array);
  const Tensor tensor = npy_tensor(std::move(array));
  if (!tensor.shape.empty()) fail("has shape {}, but must be a single value (0-d)", shape_text(tensor.shape));
  if (is_real(tensor.type)) return tensor.at(0);
  if (tensor.type == ElementType::c64 || tensor.type == ElementType::c128) {
    fail("is a complex number; an option is a string, a real number or a bool");
  }
  if (tensor.type != ElementType::boolean) return integer_option(tensor);
  const auto value = std::to_integer<unsigned>(tensor.data[0]);
  if (value > 1) fail("is a bool with the value {}", value);
  return value == 1;
}

}  // namespace exactscan
