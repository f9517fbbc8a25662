#include "impl/selective_scan.hpp"

#include "impl/selective_tiles.hpp"
#include "impl/threads.hpp"

namespace exactscan::impl {
namespace {

// Some tiles of a batch entry, all steps: a span of them of every tile, then the next span, so that B and C
// are transposed once and stay in a second-level cache.
template <class T>
class Tiles {
 public:
  using S = State<T>;

  Tiles(const SelectiveShape& shape, const SelectiveInputs<T>& in, std::vector<ChannelTile> tiles)
      : shape_(shape), in_(in), tiles_(std::move(tiles)) {
    for (const ChannelTile& tile : tiles_) constants_.push_back(constants_of(in, tile, shape.states));
  }

  void run_all(std::int64_t b, T* y, S* last) {
    h_.clear();
    for (const ChannelTile& tile : tiles_)
      h_.push_back(
          by_state(in_.initial == nullptr ? nullptr : in_.initial + b * shape_.channels * shape_.states, tile,
                   shape_.states));
    for (std::int64_t t = 0; t < shape_.length; t += kSelectiveSpan) {
      weights_.group = -1;
      for (std::size_t i = 0; i < tiles_.size(); ++i) run_span(i, b, t, y);
    }
    if (last == nullptr) return;
    for (std::size_t i = 0; i < tiles_.size(); ++i)
      scatter_rows(h_[i].data(), tiles_[i].count, shape_.states,
                   last + (b * shape_.channels + tiles_[i].first) * shape_.states, shape_.states);
  }

 private:
  void run_span(std::size_t i, std::int64_t b, std::int64_t first, T* y) {
    const std::int64_t end = std::min(first + kSelectiveSpan, shape_.length);
    if (weights_.group != tiles_[i].group)
      weights_.fetch(shape_, in_, b, tiles_[i].group, first, end - first);
    for (std::int64_t t = first; t < end; t += kSelectiveSteps) {
      if (t + kSelectiveSteps < end) {
        prefetch(tiles_[i], b, t + kSelectiveSteps, y);
      } else if (i + 1 < tiles_.size()) {
        prefetch(tiles_[i + 1], b, first, y);
      }
      run_tile(i, b, t, y);
    }
  }

  void run_tile(std::size_t i, std::int64_t b, std::int64_t t, T* y) {
    const ChannelTile& tile = tiles_[i];
    const TileConstants<S>& c = constants_[i];
    const std::int64_t steps = steps_from(t), offset = (t - weights_.first) * shape_.states;
    const std::int64_t at = (b * shape_.channels + tile.first) * shape_.length + t;
    steps_.fetch(shape_, in_, c, tile.count, at, steps);
    run(SelectiveTile<S>{steps, shape_.states, steps_.delta.data(), steps_.drive.data(), c.rates.data(),
                         weight_of<T>(in_.constant_B, c.B, weights_.B, offset),
                         weight_of<T>(in_.constant_C, c.C, weights_.C, offset), h_[i].data(),
                         steps_.y.data()});
    if (in_.z != nullptr) gate(steps_.z.data(), steps_.y.data(), steps);
    scatter_rows(steps_.y.data(), tile.count, steps, y + at, shape_.length);
  }

  std::int64_t steps_from(std::int64_t t) const { return std::min(kSelectiveSteps, shape_.length - t); }
  void prefetch(const ChannelTile& next, std::int64_t b, std::int64_t t, const T* y) const {
    const std::int64_t at = (b * shape_.channels + next.first) * shape_.length + t;
    for (const T* tensor : {in_.u, in_.delta, in_.z, y}) {
      if (tensor != nullptr) prefetch_rows(tensor + at, shape_.length, next.count, steps_from(t));
    }
  }

  const SelectiveShape& shape_;
  const SelectiveInputs<T>& in_;
  std::vector<ChannelTile> tiles_;
  std::vector<TileConstants<S>> constants_;
  std::vector<TileRows<S>> h_;
  StepWeights<T> weights_;
  TileSteps<T> steps_;
};

}  // namespace

template <class T>
void selective_scan(const SelectiveShape& shape, const SelectiveInputs<T>& in, T* y, State<T>* last,
                    const ScanOptions& options) {
  require_valid(shape, in, y);
  require_selective(options.threads >= 0, "the number of threads is negative");
  require_selective(options.grain > 0, "the grain is not positive");
  const std::vector<ChannelTile> tiles = channel_tiles(shape);
  const auto count = static_cast<std::int64_t>(tiles.size());
  const int threads = static_cast<int>(std::clamp<std::int64_t>(
      count, 1, usable_threads(options.threads, shape.batch * shape.channels * shape.length, options.grain)));
  in_threads(threads, [&](int i) {
    Tiles<T> mine(shape, in,
                  {tiles.begin() + count * i / threads, tiles.begin() + count * (i + 1) / threads});
    for (std::int64_t b = 0; b < shape.batch; ++b) mine.run_all(b, y, last);
  });
}

// NOLINTBEGIN(bugprone-macro-parentheses): types cannot stand in parentheses
#define EXACTSCAN_INSTANTIATE(T)                                                                   \
  template void selective_scan<T>(const SelectiveShape&, const SelectiveInputs<T>&, T*, State<T>*, \
                                  const ScanOptions&)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace exactscan::impl
