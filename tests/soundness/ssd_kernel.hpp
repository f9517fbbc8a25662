// Emulated SSD kernels: in chunks, with decays formed in each of the ways that a contract can name and dots
// as a tensor core has them, or one step after the other.
#pragma once

#include "oracle/contract/contract.hpp"
#include "tests/soundness/data.hpp"
#include "tests/soundness/mamba_setting.hpp"

namespace exactscan::soundness {

enum class Convert : std::uint8_t { none, truncate, nearest, storage };

struct SsdSetting {
  MambaSetting base;
  Decay decay = Decay::cumsum;
  Convert convert = Convert::none;
  bool coarse_accumulate = false;  // additions of dots round toward zero to 24 bits
  bool recurrent = false;          // no chunks at all
};
std::span<const SsdSetting> ssd_settings();

// A case of the operation ssd, with outputs of a kernel that keeps the contract.
Case ssd_case(Random& random, const SsdSetting& setting);

}  // namespace exactscan::soundness
