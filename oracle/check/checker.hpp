// Checker: the way of every operation from enclosures to findings.
//
// A unit of work is eight channels (or the whole case, where an operation's outputs mix channels). LaneSink
// accepts what is certainly explained; the rest is judged again one channel at a time by CarefulSink with
// wider bounds, and what binary64 leaves open climbs the ladder.
#pragma once

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <mutex>
#include <numeric>
#include <thread>
#include <utility>
#include <vector>

#include "oracle/check/careful_sink.hpp"
#include "oracle/check/checker_settings.hpp"
#include "oracle/check/ladder.hpp"
#include "oracle/check/lane_sink.hpp"
#include "oracle/check/parallel.hpp"

namespace exactscan {

// The lanes for this machine's instruction set. No vector may cross a call between functions compiled for
// different sets: they pass it in different places. g++ inlines the whole way down where it optimizes and is
// told to flatten; clang++ inlines one level, so there the baseline serves.
#if defined(__x86_64__) && defined(__OPTIMIZE__) && !defined(__clang__)
#define EXACTSCAN_AVX2_LANES
#endif
#ifdef EXACTSCAN_AVX2_LANES
template <class Op>
[[gnu::target("avx2"), gnu::flatten]] void enclose_lanes_avx2(const Op& op, std::int64_t n, LaneSink& sink) {
  op.template enclose<Lanes, Lanes>(n, sink);
}
#endif
template <class Op>
[[gnu::flatten]] void enclose_lanes_baseline(const Op& op, std::int64_t n, LaneSink& sink) {
  op.template enclose<Lanes, Lanes>(n, sink);
}
template <class Op>
void enclose_lanes(const Op& op, std::int64_t n, LaneSink& sink) {
#ifdef EXACTSCAN_AVX2_LANES
  if (__builtin_cpu_supports("avx2")) return enclose_lanes_avx2(op, n, sink);
#endif
  enclose_lanes_baseline(op, n, sink);
}

template <class Op>
class Checker {
 public:
  Checker(const Op& op, CheckerSettings settings) : op_(op), settings_(std::move(settings)) {}

  std::vector<Findings> run() {
    total_.assign(op_.outputs().size(), {});
    std::vector<std::int64_t> units(
        static_cast<std::size_t>(Op::channelwise ? (op_.channels() + lane_count - 1) / lane_count : 1));
    std::iota(units.begin(), units.end(), std::int64_t{0});
    if constexpr (requires { op_.screen(1); }) {
      if (settings_.lanes && !settings_.exact) {
        const int threads =
            settings_.threads > 0 ? settings_.threads : static_cast<int>(std::thread::hardware_concurrency());
        if (const auto screen = op_.screen(threads)) units = screened(*screen, std::move(units));
      }
    }
    judge_units(units, settings_.progress);
    return std::move(total_);
  }

 private:
  // Judges units in full and adds what is found to the total.
  void judge_units(const std::vector<std::int64_t>& units, const std::function<void(double)>& progress) {
    std::mutex mutex;
    std::size_t done = 0;
    parallel_for(static_cast<std::int64_t>(units.size()), settings_.threads, [&](std::int64_t i) {
      const std::vector<Findings> found = judge_unit(units[static_cast<std::size_t>(i)] * lane_count);
      const std::scoped_lock lock(mutex);
      for (std::size_t k = 0; k < total_.size(); ++k) total_[k].merge(found[k], settings_.keep);
      if (progress) progress(static_cast<double>(++done) / static_cast<double>(units.size()));
    });
  }

  // Lets the screen look at everything first, and judges in full what it did not accept and what may hold the
  // largest ratio. Returns the units that are left to be judged; the report will be the same as if all had
  // been.
  template <class Screen>
  std::vector<std::int64_t> screened(Screen& screen, std::vector<std::int64_t> units) {
    std::mutex mutex;
    std::int64_t done = 0;
    parallel_for(screen.tiles(), settings_.threads, [&](std::int64_t tile) {
      screen.judge_tile(tile);
      const std::scoped_lock lock(mutex);
      if (settings_.progress)
        settings_.progress(static_cast<double>(++done) / static_cast<double>(screen.tiles() + 1));
    });
    const auto ratio = [&](std::int64_t unit) { return screen.highest_ratio(unit * lane_count); };
    std::sort(units.begin(), units.end(), [&](std::int64_t x, std::int64_t y) {
      return ratio(x) != ratio(y) ? ratio(x) > ratio(y) : x < y;
    });
    const Findings& found = total_[static_cast<std::size_t>(Op::screened_output)];
    auto next =
        std::find_if(units.begin(), units.end(), [&](std::int64_t unit) { return !std::isinf(ratio(unit)); });
    judge_units({units.begin(), next}, {});
    for (; next != units.end() && ratio(*next) >= found.max_ratio; ++next) judge_units({*next}, {});
    if (next != units.end() && found.max_ratio < screen.ratio_bar()) return {next, units.end()};
    accept(units.end() - next, screen.max_ulp());
    return {};
  }

  // Counts whole units of the screened output as explained.
  void accept(std::int64_t units, double max_ulp) {
    Findings& found = total_[static_cast<std::size_t>(Op::screened_output)];
    const std::int64_t elements =
        op_.outputs()[static_cast<std::size_t>(Op::screened_output)].rows * lane_count * units;
    found.explained += elements;
    found.ladder.fp64 += elements;
    found.max_ulp = std::max(found.max_ulp, max_ulp);
  }

  using Index = std::map<std::pair<int, std::int64_t>, ValueClass>;  // (output, row * columns + column)

  std::vector<Findings> judge_unit(std::int64_t first) const {
    std::vector<Findings> found(op_.outputs().size());
    LaneSink sink(op_.outputs(), first, !Op::channelwise, settings_.exact);
    if (settings_.lanes) {
      enclose_lanes(op_, first, sink);
      for (int i = 0; i < static_cast<int>(found.size()); ++i) {
        if (sink.wants(i)) found[static_cast<std::size_t>(i)] = sink.findings(i);
      }
      if (!any_missed(sink)) return found;
    }
    const std::int64_t last =
        Op::channelwise ? std::min<std::int64_t>(first + lane_count, op_.channels()) : first + 1;
    for (std::int64_t n = first; n < last; ++n) {
      const auto missed = [&](const Request& at) { return !settings_.lanes || lane_missed(sink, first, at); };
      if (!settings_.lanes || !Op::channelwise || channel_missed(sink, first, n))
        judge_carefully(n, missed, found);
    }
    return found;
  }

  bool any_missed(const LaneSink& sink) const {
    for (int i = 0; i < static_cast<int>(op_.outputs().size()); ++i) {
      if (sink.any_missed(i)) return true;
    }
    return false;
  }

  static bool lane_missed(const LaneSink& sink, std::int64_t first, const Request& at) {
    const std::int64_t column = Op::channelwise ? at.column - first : at.column;
    return ((sink.missed(at.output, at.row, column / lane_count) >> (column % lane_count)) & 1u) != 0;
  }

  bool channel_missed(const LaneSink& sink, std::int64_t first, std::int64_t n) const {
    for (int i = 0; i < static_cast<int>(op_.outputs().size()); ++i) {
      if (!sink.any_missed(i)) continue;
      for (std::int64_t row = 0; row < op_.outputs()[static_cast<std::size_t>(i)].rows; ++row) {
        if (lane_missed(sink, first, {i, row, n})) return true;
      }
    }
    return false;
  }

  void judge_carefully(std::int64_t n, const CarefulSink::Missed& missed,
                       std::vector<Findings>& found) const {
    const bool finite = settings_.finite_inputs();
    const Index classes = finite ? Index() : classify(n, missed);
    const auto class_of = [&](const Request& at) { return classes.at(key(at)); };
    const CarefulSink::Classes lookup = finite ? CarefulSink::Classes() : CarefulSink::Classes(class_of);
    CarefulSink careful(op_.outputs(), found, missed, lookup, settings_.keep, settings_.exact);
    op_.template enclose<double, long double>(n, careful);
    std::vector<Pending> pending = widen(n, std::move(careful.pending()), found);
    climb_all(op_, std::move(pending), found, settings_.keep);
  }

  // Allowances that left the range of long double are computed again with an unbounded exponent.
  std::vector<Pending> widen(std::int64_t n, std::vector<Pending> pending,
                             std::vector<Findings>& found) const {
    const auto narrow = std::partition(pending.begin(), pending.end(),
                                       [](const Pending& p) { return p.allowance < 0x1p16000L; });
    if (narrow == pending.end()) return pending;
    Index again;
    for (auto p = narrow; p != pending.end(); ++p) again.emplace(key(p->at), ValueClass());
    pending.erase(narrow, pending.end());
    CarefulSink wide(
        op_.outputs(), found, [&](const Request& at) { return again.count(key(at)) != 0; }, {},
        settings_.keep, settings_.exact);
    op_.template enclose<double, Wide>(n, wide);
    for (Pending& p : wide.pending()) pending.push_back(std::move(p));
    return pending;
  }

  Index classify(std::int64_t n, const CarefulSink::Missed& missed) const {
    std::vector<Request> requests;
    for (int i = 0; i < static_cast<int>(op_.outputs().size()); ++i) {
      const Output& output = op_.outputs()[static_cast<std::size_t>(i)];
      if (!output.candidate.present()) continue;
      for (std::int64_t row = 0; row < output.rows; ++row) {
        const std::int64_t from = Op::channelwise ? n : 0, to = Op::channelwise ? n + 1 : output.columns;
        for (std::int64_t column = from; column < to; ++column) {
          if (missed({i, row, column})) requests.push_back({i, row, column});
        }
      }
    }
    Index classes;
    op_.template evaluate<ValueClass>(
        requests, [&](std::size_t i, const ValueClass& c) { classes.emplace(key(requests[i]), c); });
    return classes;
  }

  std::pair<int, std::int64_t> key(const Request& at) const {
    return {at.output, at.row * op_.outputs()[static_cast<std::size_t>(at.output)].columns + at.column};
  }

  const Op& op_;
  CheckerSettings settings_;
  std::vector<Findings> total_;
};

}  // namespace exactscan
