#include <bit>
#include <cstring>
#include <stdexcept>

#include "oracle/casefile/case.hpp"
#include "oracle/casefile/float_bits.hpp"

namespace exactscan {

static_assert(std::endian::native == std::endian::little, "tensors in memory are little-endian");

namespace {

template <typename Bits>
double widen_at(const Tensor& tensor, std::int64_t index, FloatFormat format) {
  Bits bits;
  std::memcpy(&bits, tensor.data.data() + static_cast<std::size_t>(index) * sizeof bits, sizeof bits);
  return widen_from_format(format, bits);
}

template <typename Bits>
void store_rounded(std::span<const double> values, FloatFormat format, std::byte* to) {
  for (const double value : values) {
    const auto bits = static_cast<Bits>(round_to_format(format, value));
    std::memcpy(to, &bits, sizeof bits);
    to += sizeof bits;
  }
}

}  // namespace

std::string_view element_name(ElementType type) {
  switch (type) {
    case ElementType::f64:
      return "float64";
    case ElementType::f32:
      return "float32";
    case ElementType::f16:
      return "float16";
    case ElementType::bf16:
      return "bfloat16";
    case ElementType::c64:
      return "complex64";
    case ElementType::c128:
      return "complex128";
    case ElementType::i8:
      return "int8";
    case ElementType::i16:
      return "int16";
    case ElementType::i32:
      return "int32";
    case ElementType::i64:
      return "int64";
    case ElementType::u8:
      return "uint8";
    case ElementType::u16:
      return "uint16";
    case ElementType::u32:
      return "uint32";
    case ElementType::u64:
      return "uint64";
    case ElementType::boolean:
      return "bool";
  }
  return "unknown";
}

std::int64_t Tensor::size() const {
  std::int64_t count = 1;
  for (const std::int64_t dimension : shape) count *= dimension;
  return count;
}

double Tensor::at(std::int64_t index) const {
  switch (type) {
    case ElementType::f64: {
      double value = 0;
      std::memcpy(&value, data.data() + static_cast<std::size_t>(index) * sizeof value, sizeof value);
      return value;
    }
    case ElementType::f32:
      return widen_at<std::uint32_t>(*this, index, binary32);
    case ElementType::f16:
      return widen_at<std::uint16_t>(*this, index, binary16);
    case ElementType::bf16:
      return widen_at<std::uint16_t>(*this, index, bfloat16);
    default:
      throw std::invalid_argument("Tensor::at: the tensor is not of a real floating-point type");
  }
}

std::complex<double> Tensor::complex_at(std::int64_t index) const {
  if (!is_complex(type)) return at(index);
  const auto part = [&](std::int64_t i) {
    if (type == ElementType::c64) return widen_at<std::uint32_t>(*this, i, binary32);
    double value = 0;
    std::memcpy(&value, data.data() + static_cast<std::size_t>(i) * sizeof value, sizeof value);
    return value;
  };
  return {part(2 * index), part(2 * index + 1)};
}

Tensor Tensor::of_complex(ElementType type, std::vector<std::int64_t> shape,
                          std::span<const std::complex<double>> values) {
  if (!is_complex(type)) throw std::invalid_argument("Tensor::of_complex: not a complex type");
  std::vector<double> parts;
  for (const std::complex<double>& z : values) parts.push_back(z.real()), parts.push_back(z.imag());
  std::vector<std::int64_t> wider = shape;
  wider.push_back(2);
  Tensor tensor = of(part_type(type), std::move(wider), parts);
  tensor.type = type;
  tensor.shape = std::move(shape);
  return tensor;
}

Tensor Tensor::of(ElementType type, std::vector<std::int64_t> shape, std::span<const double> values) {
  Tensor tensor{type, std::move(shape), {}};
  if (!is_real(type)) throw std::invalid_argument("Tensor::of: not a real floating-point type");
  if (tensor.size() != static_cast<std::int64_t>(values.size())) {
    throw std::invalid_argument("Tensor::of: the number of values is not the product of the shape");
  }
  tensor.data.resize(values.size() * element_size(type));
  std::byte* const to = tensor.data.data();
  switch (type) {
    case ElementType::f64:
      if (!values.empty()) std::memcpy(to, values.data(), values.size_bytes());
      break;
    case ElementType::f32:
      store_rounded<std::uint32_t>(values, binary32, to);
      break;
    case ElementType::f16:
      store_rounded<std::uint16_t>(values, binary16, to);
      break;
    default:
      store_rounded<std::uint16_t>(values, bfloat16, to);
      break;
  }
  return tensor;
}

}  // namespace exactscan
