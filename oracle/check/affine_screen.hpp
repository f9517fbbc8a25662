// AffineScreen: a first look at a float32 affine scan, many channels at a time, in the order in which memory
// holds them. It accepts nearly every element with few operations and never refutes.
//
// It evaluates lower bounds E' of the allowance E, with cuts that move at the same steps (SlideClock), so
// that |candidate - h| <= E' implies what the full judgement would find. And it says how large |candidate -
// h| / E can be at most in a block, so that the few blocks that may hold the largest ratio can be judged in
// full: the report is the same as if all had been.
//
// Lower bound [proof: Theorems 1 and 2 of rounding-bounds.md]: with e the sum of (t-s) w_s over inexact
// products,
//   E >= v (e + min over the two cuts of (c-1) M + tail/v),
// since q^k - 1 >= k v, Gamma >= 1 and M' >= M; N M >= (c-1) M + tail/v for the older cut, whose tail weighed
// at most v M when it moved, and before which lies a leaf if the tail is not 0. In float32, with at most four
// roundings a step, all but a part (4 L + 64) 2^-24 of it is certain; 2^-100 covers underflow. h is evaluated
// in binary64, where it errs by at most 2 L 2^-53 M (Theorem 1, one schedule). Requires |a| <= 1 and M <=
// 2^80: a block where that fails is not accepted. Where M < 2^-100 nothing is, but what is certainly exact:
// there both tails are 0, and the cuts move by any rule.
#pragma once

#include <atomic>
#include <cstdint>
#include <limits>
#include <vector>

#include "oracle/bounds/arithmetic.hpp"
#include "oracle/check/request.hpp"

namespace exactscan {

class AffineScreen {
 public:
  static constexpr std::int64_t block_width = 8;  // channels; a block is accepted whole or not at all

  // Whether it can look at such a case on this machine: float32 throughout, gradual underflow, no declared
  // depth.
  static bool can_judge(const TensorView& a, const TensorView& b, const Output& h,
                        const Arithmetic& arithmetic);

  // `threads`: how many will judge tiles at the same time.
  AffineScreen(const TensorView& a, const TensorView& b, const TensorView& h0, const Output& h,
               const Arithmetic& arithmetic, int threads);

  std::int64_t tiles() const { return (blocks() + tile_blocks_ - 1) / tile_blocks_; }
  std::int64_t blocks() const { return static_cast<std::int64_t>(highest_.size()); }  // whole blocks alone
  void judge_tile(std::int64_t tile);  // tiles may be judged at the same time

  // After all tiles. An upper bound of the largest ratio in the block of a channel; 0 where it is below
  // `ratio_bar()`; infinity where the block was not accepted, or there is none.
  double highest_ratio(std::int64_t channel) const {
    return channel / block_width < blocks() ? highest_[static_cast<std::size_t>(channel / block_width)]
                                            : std::numeric_limits<double>::infinity();
  }
  // Every ratio that was not looked at is less than this.
  double ratio_bar() const { return record_ * (1 - slack_); }
  double max_ulp() const { return ulp_record_; }  // exactly, over all accepted blocks

 private:
  struct State;
  struct Row;
  // What a row's comparison uses, rounded downward.
  struct Limits {
    float ratio, ulp;
  };

  State start(std::int64_t block) const;
  void judge_rows(State* states, std::int64_t first, std::int64_t count, std::int64_t row, std::int64_t rows);
  bool look_closely(const Row& row, std::int64_t block, bool starting);
  Limits limits() const;

  const float *a_, *b_, *h_;
  TensorView h0_;
  std::int64_t rows_, columns_;
  std::int64_t group_rows_;     // rows that a block goes through before the next block
  std::int64_t tile_blocks_;    // a tile is as wide as that: one unit of work
  double v_, certain_, slack_;  // certain_: the part of a computed lower bound that is certain
  float radius_;                // of the enclosure, over M
  std::vector<double> highest_;
  std::atomic<double> record_{0}, ulp_record_{0};
};

}  // namespace exactscan
