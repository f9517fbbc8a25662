#include "oracle/generate/lattice.hpp"

#include <algorithm>
#include <cmath>

namespace exactscan {
namespace {

constexpr std::uint64_t lattice_stream = 2000;  // apart from the roles' streams

// fp16 holds 2^-14 … 2^15: with c in -7 … 4, windows are within 2^±11 (times < 2) and sums below 2^(11 + 4).
int lowest_exponent(LatticeKind kind, ElementType type) {
  if (kind == LatticeKind::zigzag) return 0;
  return type == ElementType::f16 ? -7 : -20;
}
// zigzag: four times this passes the largest exponent, and it leaves room for sums of `precision` bits.
int highest_exponent(LatticeKind kind, ElementType type) {
  if (kind == LatticeKind::zigzag) return type_limits(type).max_exponent * 2 / 7;
  return type == ElementType::f16 ? 4 : 20;
}

}  // namespace

std::optional<LatticeKind> lattice_kind(std::string_view profile) {
  if (profile == "gauge") return LatticeKind::gauge;
  if (profile == "mantissa") return LatticeKind::mantissa;
  if (profile == "zigzag") return LatticeKind::zigzag;
  return std::nullopt;
}

Lattice::Lattice(LatticeKind kind, std::uint64_t seed, ElementType type, std::int64_t length,
                 std::int64_t channels, bool constant)
    : kind_(kind),
      precision_(type_limits(type).precision),
      lowest_(lowest_exponent(kind, type)),
      highest_(highest_exponent(kind, type)),
      budget_((std::int64_t{1} << precision_) - 1),
      // Large integers fill more bits; a quarter of the budget, spread over the length, leaves few resets.
      largest_(kind == LatticeKind::zigzag ? 1
                                           : std::clamp<std::int64_t>(budget_ / 4 / (length + 1), 3, 4095)),
      constant_(constant) {
  if (constant) rarity_ = std::max<std::int64_t>(1, 2 * largest_ * length / budget_);
  channels_.reserve(static_cast<std::size_t>(channels));
  for (std::int64_t n = 0; n < channels; ++n) {
    Channel channel{Random(seed, lattice_stream, static_cast<std::uint64_t>(n))};
    channel.exponent =
        kind == LatticeKind::zigzag ? lowest_ : static_cast<int>(channel.random.between(lowest_, highest_));
    channel.sign = channel.random.sign();
    channel.spent = draw_integer(channel.random);
    const double integer = kind == LatticeKind::mantissa ? 1.0 : static_cast<double>(channel.spent);
    channel.initial = std::ldexp(channel.random.sign() * integer, channel.exponent);
    start_segment(channel);
    channels_.push_back(channel);
  }
}

double Lattice::initial_state(std::int64_t channel) const {
  return channels_[static_cast<std::size_t>(channel)].initial;
}

double Lattice::constant_coefficient(std::int64_t channel) const {
  return channels_[static_cast<std::size_t>(channel)].sign;
}

Lattice::Step Lattice::step(std::int64_t channel) {
  Channel& state = channels_[static_cast<std::size_t>(channel)];
  return kind_ == LatticeKind::mantissa ? mantissa_step(state) : gauge_step(state);
}

double Lattice::power_of_two(std::int64_t channel) {
  Random& random = channels_[static_cast<std::size_t>(channel)].random;
  return random.power_of_two(-1, 1);
}

std::int64_t Lattice::draw_integer(Random& random) const { return random.between(1, largest_); }

// Zigzag: from either bound to the other; else by at most 6 within them.
int Lattice::next_exponent(Channel& channel) const {
  if (kind_ == LatticeKind::zigzag) return channel.exponent == highest_ ? lowest_ : highest_;
  return std::clamp(channel.exponent + static_cast<int>(channel.random.between(-6, 6)), lowest_, highest_);
}

// Moves c; returns the change.
int Lattice::walk(Channel& channel) const {
  const int next = next_exponent(channel);
  const int change = next - channel.exponent;
  channel.exponent = next;
  return change;
}

Lattice::Step Lattice::gauge_step(Channel& channel) const {
  std::int64_t k = draw_integer(channel.random);
  const double sign = channel.random.sign();
  if (constant_) {
    if (!channel.random.once_in(rarity_) || channel.spent + k > budget_) k = 0;
    channel.spent += k;
    // k = 0: plain zero, whatever the sign, so that no -0 appears in the data.
    return {channel.sign, k == 0 ? 0.0 : std::ldexp(sign * static_cast<double>(k), channel.exponent)};
  }
  const int change = walk(channel);
  double a = std::ldexp(channel.random.sign(), change);
  if (channel.spent + k > budget_) {
    a = 0;
    channel.spent = 0;
  }
  channel.spent += k;
  return {a, std::ldexp(sign * static_cast<double>(k), channel.exponent)};
}

void Lattice::start_segment(Channel& channel) const {
  channel.remaining = static_cast<int>(channel.random.between(2, 64));
  channel.full = static_cast<int>(channel.random.between(1, channel.remaining));
}

Lattice::Step Lattice::mantissa_step(Channel& channel) const {
  if (channel.remaining == 0) {
    start_segment(channel);
    walk(channel);
    return {0, std::ldexp(channel.random.sign(), channel.exponent)};
  }
  const int change = walk(channel);
  double a = std::ldexp(channel.random.sign(), change);
  if (channel.remaining == channel.full) {
    // An odd integer of `precision` bits.
    const auto top = static_cast<unsigned>(precision_ - 1);
    const std::uint64_t bits = (channel.random.word() >> (64U - top)) | (std::uint64_t{1} << top) | 1U;
    a *= std::ldexp(static_cast<double>(bits), 1 - precision_);
  }
  --channel.remaining;
  return {a, 0};
}

}  // namespace exactscan
