// LaneSink: the filter in front of the ladder. Takes enclosure and allowance of eight channels at a time,
// accepts the elements that are certainly explained, and marks the others for the careful judgement. It never
// refutes.
#pragma once

#include <vector>

#include "oracle/check/findings.hpp"
#include "oracle/numbers/ball.hpp"

namespace exactscan {

class LaneSink {
 public:
  // `exact`: the lattice's claim was verified, so the allowance is 0 and evaluation in doubles is exact.
  // `whole`: columns of all outputs belong to this sink; else only the eight from `first` on.
  LaneSink(const std::vector<Output>& outputs, std::int64_t first, bool whole, bool exact)
      : first_(whole ? 0 : first), exact_(exact) {
    for (const Output& output : outputs) slots_.emplace_back(output, whole);
  }

  bool wants(int output) const {
    return slots_[static_cast<std::size_t>(output)].output->candidate.present();
  }

  void put(int id, std::int64_t row, std::int64_t column, const Ball<Lanes>& value, const Lanes& allowance,
           const LaneMask& /*overflow_possible*/) {
    Slot& slot = slots_[static_cast<std::size_t>(id)];
    const Lanes c = slot.output->candidate.load<Lanes>(row, column);
    const Lanes off = magnitude(c - value.mid);
    const Lanes half = slot.output->rule.direct ? Lanes{} : slot.half_cell(c, value.mid);
    Lanes reach = up(off + value.rad), limit = allowance;
    if (exact_) reach = off, limit = Lanes{};
    // Within the cell, or within the allowance of it. A limit out of range decides nothing.
    const LaneMask ok =
        (reach < half) | ((reach <= limit + half * down_) & (limit < broadcast<Lanes>(0x1p500)));
    const LaneMask dead = slot.dead_lanes(column);
    const LaneMask missed = ~ok & ~dead;
    if (any(missed)) slot.mark(row, (column - first_) / lane_count, missed);
    slot.track(row, column, off, larger(off - half, Lanes{}), limit, value.mid, ok & ~dead);
  }

  // Bit i of the mask: lane i of (row, block of columns) needs the careful judgement.
  unsigned missed(int output, std::int64_t row, std::int64_t block) const {
    const Slot& slot = slots_[static_cast<std::size_t>(output)];
    if (slot.missed.empty()) return 0;
    return slot.missed[static_cast<std::size_t>(row * slot.blocks + block)];
  }
  bool any_missed(int output) const { return !slots_[static_cast<std::size_t>(output)].missed.empty(); }

  // The accepted elements' counts and extremes.
  Findings findings(int output) const {
    const Slot& slot = slots_[static_cast<std::size_t>(output)];
    Findings found;
    found.explained = found.ladder.fp64 = slot.accepted();
    for (int i = 0; i < lane_count; ++i) {
      if (slot.best_row[i] < 0) continue;
      const double ratio = slot.best_allowance[i] > 0 ? slot.best_off[i] / slot.best_allowance[i] : 0;
      found.max_ratio = ratio > found.max_ratio ? ratio : found.max_ratio;
      const double ulp = slot.best_ulp_off[i] / slot.best_ulp[i];
      found.max_ulp = ulp > found.max_ulp ? ulp : found.max_ulp;
      const Request at{output, static_cast<std::int64_t>(slot.best_row[i]),
                       static_cast<std::int64_t>(slot.best_column[i]) + i};
      found.note({at, slot.output->candidate.load<double>(at.row, at.column), slot.best_allowance[i], ratio,
                  Verdict::explained, ""},
                 1);
    }
    return found;
  }

 private:
  static constexpr double down_ = 1 - 0x1p-50;

  struct alignas(alignment_for<Lanes>) Slot {
    Lanes best_off{}, best_allowance = broadcast<Lanes>(1), best_row = broadcast<Lanes>(-1), best_column{};
    Lanes best_ulp_off{}, best_ulp = broadcast<Lanes>(1);

    Slot(const Output& o, bool whole)
        : output(&o),
          blocks(whole ? (o.columns + lane_count - 1) / lane_count : 1),
          half_unit(std::ldexp(1.0, -o.rule.format.precision)),
          smallest_normal(std::ldexp(1.0, o.rule.format.min_normal_exponent())) {}

    const Output* output;
    std::int64_t blocks;
    double half_unit, smallest_normal;
    std::vector<std::uint8_t> missed;  // rows * blocks, allocated when first needed
    std::int64_t puts = 0, missed_count = 0, dead_count = 0;

    std::int64_t accepted() const { return puts * lane_count - dead_count - missed_count; }

    // 2^floor(log2 |x|), at least the smallest normal.
    Lanes binade(const Lanes& x) const {
      constexpr std::int64_t e = 0x7ff0000000000000;
      return larger(masked(x, e), broadcast<Lanes>(smallest_normal));
    }

    // A lower bound of the distance from c to the edge of its rounding cell on the side of m (store=nearest;
    // for store=any the cell is larger still). Below a power of two the gap is half as wide.
    Lanes half_cell(const Lanes& c, const Lanes& m) const {
      const Lanes wide = binade(c);
      const Lanes half = select(wide < broadcast<Lanes>(0x1p1023), wide * half_unit,
                                Lanes{});  // an infinite c has no cell here
      return select(zero_or_power_of_two(c) & (magnitude(m) < magnitude(c)), half * 0.5, half);
    }

    LaneMask dead_lanes(std::int64_t column) {
      const std::int64_t live = output->columns - column;
      LaneMask dead{};
      if (live < lane_count) {
        for (std::int64_t i = live; i < lane_count; ++i) dead.set(i);
      }
      return dead;
    }

    [[gnu::noinline]] void mark(std::int64_t row, std::int64_t block, const LaneMask& lanes) {
      if (missed.empty()) missed.resize(static_cast<std::size_t>(output->rows * blocks));
      std::uint8_t& bits = missed[static_cast<std::size_t>(row * blocks + block)];
      for (int i = 0; i < lane_count; ++i) {
        if (lanes[i] != 0) bits |= static_cast<std::uint8_t>(1u << i), ++missed_count;
      }
    }

    // Largest off/allowance and off/ulp so far, by cross-multiplication: no division in the loop.
    void track(std::int64_t row, std::int64_t column, const Lanes& off, const Lanes& excess,
               const Lanes& allowance, const Lanes& exact, const LaneMask& ok) {
      ++puts;
      if (output->columns - column < lane_count) dead_count += lane_count - (output->columns - column);
      const LaneMask first = best_row < Lanes{};
      const LaneMask better = ok & ((excess * best_allowance > best_off * allowance) | first);
      best_off = select(better, excess, best_off);
      best_allowance = select(better, allowance, best_allowance);
      best_row = select(better, broadcast<Lanes>(static_cast<double>(row)), best_row);
      best_column = select(better, broadcast<Lanes>(static_cast<double>(column)), best_column);
      const Lanes ulp = binade(exact) * (2 * half_unit);
      const LaneMask wider = ok & (off * best_ulp > best_ulp_off * ulp);
      best_ulp_off = select(wider, off, best_ulp_off);
      best_ulp = select(wider, ulp, best_ulp);
    }
  };

  std::vector<Slot> slots_;
  std::int64_t first_;
  bool exact_;
};

}  // namespace exactscan
