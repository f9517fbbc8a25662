// Loads and stores of states in any storage type, for the target that foreach_target.h is at.
// Compiled once a target: no include guard of the usual kind.
#if defined(EXACTSCAN_IMPL_VECTOR_STORAGE_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef EXACTSCAN_IMPL_VECTOR_STORAGE_INL
#undef EXACTSCAN_IMPL_VECTOR_STORAGE_INL
#else
#define EXACTSCAN_IMPL_VECTOR_STORAGE_INL
#endif

#include <hwy/highway.h>

#include "impl/storage.hpp"

HWY_BEFORE_NAMESPACE();
namespace exactscan::impl::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Both conversions are spelled out, each the vector form of storage.cpp, because an output is promised to be
// rounded to nearest even: Highway 1.0.3's DemoteTo to bfloat16 cuts on x86, and what it gives for binary16
// was not examined on every target.
template <class D>
HWY_INLINE auto bits_of(D, const void* from) {
  const hn::Rebind<std::uint16_t, D> narrow;
  const hn::RebindToUnsigned<D> wide;
  return hn::PromoteTo(wide, hn::LoadU(narrow, static_cast<const std::uint16_t*>(from)));
}
template <class D, class V>
HWY_INLINE void put_bits(D, V bits, void* to) {
  const hn::Rebind<std::uint16_t, D> narrow;
  const hn::RebindToSigned<D> wide;
  hn::StoreU(hn::DemoteTo(narrow, hn::BitCast(wide, bits)), narrow, static_cast<std::uint16_t*>(to));
}

template <class D, class T>
HWY_INLINE hn::Vec<D> load(D d, const T* from) {
  return hn::LoadU(d, from);
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const BFloat16* from) {
  return hn::BitCast(d, hn::ShiftLeft<16>(bits_of(d, from)));
}
template <class D>
HWY_INLINE hn::Vec<D> load(D d, const Float16* from) {
  const hn::RebindToUnsigned<D> u;
  const auto bits = bits_of(d, from);
  const auto magnitude = hn::And(bits, hn::Set(u, 0x7fffU));
  const auto sign = hn::ShiftLeft<16>(hn::Xor(bits, magnitude));
  const auto special = hn::RebindMask(
      d, hn::Gt(hn::BitCast(hn::RebindToSigned<D>(), magnitude), hn::Set(hn::RebindToSigned<D>(), 0x7bff)));
  const auto pattern = hn::ShiftLeft<13>(magnitude);
  const auto finite = hn::Mul(hn::BitCast(d, pattern), hn::Set(d, 0x1p112F));
  const auto other = hn::BitCast(d, hn::Or(pattern, hn::Set(u, 0x7f800000U)));
  return hn::Or(hn::IfThenElse(special, other, finite), hn::BitCast(d, sign));
}

template <class D, class T>
HWY_INLINE void store(D d, hn::Vec<D> value, T* to) {
  hn::StoreU(value, d, to);
}
template <class D>
HWY_INLINE void store(D d, hn::Vec<D> value, BFloat16* to) {
  const hn::RebindToUnsigned<D> u;
  const auto bits = hn::BitCast(u, value);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(u, 1U));
  const auto rounded = hn::Add(bits, hn::Add(odd, hn::Set(u, 0x7fffU)));
  const auto nan = hn::RebindMask(u, hn::IsNaN(value));
  put_bits(d, hn::ShiftRight<16>(hn::IfThenElse(nan, hn::Or(bits, hn::Set(u, 0x400000U)), rounded)), to);
}
template <class D>
HWY_INLINE void store(D d, hn::Vec<D> value, Float16* to) {
  const hn::RebindToUnsigned<D> u;
  const auto magnitude = hn::Abs(value);
  const auto bits = hn::BitCast(u, magnitude);
  const auto sign = hn::And(hn::ShiftRight<16>(hn::BitCast(u, value)), hn::Set(u, 0x8000U));
  const auto odd = hn::And(hn::ShiftRight<13>(bits), hn::Set(u, 1U));
  const auto normal =
      hn::ShiftRight<13>(hn::Add(hn::Sub(bits, hn::Set(u, 0x38000000U)), hn::Add(odd, hn::Set(u, 0xfffU))));
  const auto small = hn::Sub(hn::BitCast(u, hn::Add(magnitude, hn::Set(d, 0.5F))), hn::Set(u, 0x3f000000U));
  const auto is_small = hn::RebindMask(u, hn::Lt(magnitude, hn::Set(d, 0x1p-14F)));
  const auto is_large = hn::RebindMask(u, hn::Ge(magnitude, hn::Set(d, 65520.0F)));
  const auto is_nan = hn::RebindMask(u, hn::IsNaN(value));
  auto half = hn::IfThenElse(is_small, small, normal);
  half = hn::IfThenElse(is_large, hn::Set(u, 0x7c00U), half);
  half = hn::IfThenElse(is_nan, hn::Set(u, 0x7e00U), half);
  put_bits(d, hn::Or(half, sign), to);
}

}  // namespace exactscan::impl::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
