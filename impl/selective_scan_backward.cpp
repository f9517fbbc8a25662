#include "impl/selective_tiles.hpp"

namespace exactscan::impl {
namespace {

// The gradients of one group in all batch entries.
template <class T>
class GroupGradients {
 public:
  using S = State<T>;

  GroupGradients(const SelectiveShape& shape, const SelectiveInputs<T>& in, const T* dy, const S* dlast,
                 const SelectiveGradients<T>& out, std::vector<ChannelTile> tiles)
      : shape_(shape), in_(in), dy_(dy), dlast_(dlast), out_(out), tiles_(std::move(tiles)) {
    for (const ChannelTile& tile : tiles_) {
      constants_.push_back(constants_of(in, tile, shape.states));
      sums_.push_back({tile_rows<S>(shape.states), tile_rows<S>(shape.states), tile_rows<S>(shape.states),
                       tile_rows<S>(1), tile_rows<S>(1)});
    }
    dB_.resize(static_cast<std::size_t>(kSelectiveSteps * shape.states + 1)), dC_ = dB_;
    transposed_.resize(dB_.size());
  }

  void run_all(std::int64_t b) {
    keep_states(b);
    carry_.clear();
    for (const ChannelTile& tile : tiles_)
      carry_.push_back(by_state(of_batch(dlast_, b), tile, shape_.states));
    for (std::int64_t chunk = chunks(); chunk-- > 0;) {
      const std::int64_t t = chunk * kSelectiveSteps, steps = steps_from(t);
      weights_.fetch(shape_, in_, b, tiles_[0].group, t, steps);
      std::fill(dB_.begin(), dB_.end(), S(0)), std::fill(dC_.begin(), dC_.end(), S(0));
      for (std::size_t i = 0; i < tiles_.size(); ++i)
        reverse(i, b, t, kept_[tiles_.size() * chunk_index(chunk) + i]);
      if (in_.constant_B == nullptr) write_weights(dB_, out_.dB, b, t, steps);
      if (in_.constant_C == nullptr) write_weights(dC_, out_.dC, b, t, steps);
    }
    if (out_.dinitial == nullptr) return;
    for (std::size_t i = 0; i < tiles_.size(); ++i) {
      scatter_rows(carry_[i].data(), tiles_[i].count, shape_.states,
                   of_batch(out_.dinitial, b) + tiles_[i].first * shape_.states, shape_.states);
    }
  }

  // What is summed over the batch.
  void finish() const {
    for (std::size_t i = 0; i < tiles_.size(); ++i) {
      const auto give = [&](const TileRows<S>& sum, std::int64_t rows, S* to) {
        if (to != nullptr) scatter_rows(sum.data(), tiles_[i].count, rows, to + tiles_[i].first * rows, rows);
      };
      give(sums_[i].A, shape_.states, out_.dA);
      if (in_.constant_B != nullptr) give(sums_[i].B, shape_.states, out_.constant_dB);
      if (in_.constant_C != nullptr) give(sums_[i].C, shape_.states, out_.constant_dC);
      give(sums_[i].D, 1, out_.dD);
      give(sums_[i].bias, 1, out_.ddelta_bias);
    }
  }

 private:
  struct Sums {
    TileRows<S> A, B, C, D, bias;
  };

  std::int64_t chunks() const { return (shape_.length + kSelectiveSteps - 1) / kSelectiveSteps; }
  std::int64_t steps_from(std::int64_t t) const { return std::min(kSelectiveSteps, shape_.length - t); }
  static std::size_t chunk_index(std::int64_t chunk) { return static_cast<std::size_t>(chunk); }
  std::int64_t place(std::size_t i, std::int64_t b, std::int64_t t) const {
    return (b * shape_.channels + tiles_[i].first) * shape_.length + t;
  }

  // Of states, [batch, channels, states], those of one batch entry.
  template <class Pointer>
  Pointer of_batch(Pointer states, std::int64_t b) const {
    return states == nullptr ? nullptr : states + b * shape_.channels * shape_.states;
  }

  // kept_[chunk * tiles + i]: tile i's states before the chunk.
  void keep_states(std::int64_t b) {
    kept_.clear();
    for (const ChannelTile& tile : tiles_)
      kept_.push_back(by_state(of_batch(in_.initial, b), tile, shape_.states));
    for (std::int64_t chunk = 0; chunk + 1 < chunks(); ++chunk) {
      const std::int64_t t = chunk * kSelectiveSteps;
      weights_.fetch(shape_, in_, b, tiles_[0].group, t, kSelectiveSteps);
      for (std::size_t i = 0; i < tiles_.size(); ++i) {
        TileRows<S> h = kept_[tiles_.size() * chunk_index(chunk) + i];
        steps_.fetch(shape_, in_, constants_[i], tiles_[i].count, place(i, b, t), kSelectiveSteps);
        forward(i, kSelectiveSteps, h);
        kept_.push_back(std::move(h));
      }
    }
  }

  void forward(std::size_t i, std::int64_t steps, TileRows<S>& h) {
    const TileConstants<S>& c = constants_[i];
    run(SelectiveTile<S>{steps, shape_.states, steps_.delta.data(), steps_.drive.data(), c.rates.data(),
                         weight_of<T>(in_.constant_B, c.B, weights_.B, 0),
                         weight_of<T>(in_.constant_C, c.C, weights_.C, 0), h.data(), steps_.y.data()});
  }

  void reverse(std::size_t i, std::int64_t b, std::int64_t t, const TileRows<S>& before) {
    const TileConstants<S>& c = constants_[i];
    const std::int64_t steps = steps_from(t), at = place(i, b, t);
    steps_.fetch(shape_, in_, c, tiles_[i].count, at, steps);
    gather_rows(dy_ + at, shape_.length, tiles_[i].count, steps, g_.data(), kTileWidth);
    if (in_.z != nullptr) {
      TileRows<S> h = before;
      forward(i, steps, h);
      gate_gradients(steps_.z.data(), steps_.y.data(), g_.data(), dz_.data(), steps);
      write(dz_, i, at, steps, out_.dz);
    }
    skip(c.skips ? c.D.data() : nullptr, g_.data(), du_.data(), steps);
    std::fill(ddelta_.begin(), ddelta_.end(), S(0));
    Sums& sums = sums_[i];
    run(SelectiveReverseTile<S>{steps,
                                shape_.states,
                                tiles_[i].count,
                                steps_.delta.data(),
                                steps_.drive.data(),
                                steps_.u.data(),
                                g_.data(),
                                c.rates.data(),
                                c.A.data(),
                                weight_of<T>(in_.constant_B, c.B, weights_.B, 0),
                                weight_of<T>(in_.constant_C, c.C, weights_.C, 0),
                                before.data(),
                                carry_[i].data(),
                                du_.data(),
                                ddelta_.data(),
                                sums.A.data(),
                                in_.constant_B != nullptr ? sums.B.data() : dB_.data(),
                                in_.constant_C != nullptr ? sums.C.data() : dC_.data(),
                                decays_.data(),
                                states_.data()});
    if (in_.step.softplus) {
      gather_rows(in_.delta + at, shape_.length, tiles_[i].count, steps, raw_.data(), kTileWidth);
      times_slope(in_.step, c.biased ? c.bias.data() : nullptr, raw_.data(), ddelta_.data(), steps);
    }
    for (std::int64_t k = 0; k < steps * kTileWidth; ++k) {
      const auto j = static_cast<std::size_t>(k), column = static_cast<std::size_t>(k % kTileWidth);
      sums.D[column] += g_[j] * steps_.u[j];
      sums.bias[column] += ddelta_[j];
    }
    write(du_, i, at, steps, out_.du);
    write(ddelta_, i, at, steps, out_.ddelta);
  }

  void write(const TileRows<S>& rows, std::size_t i, std::int64_t at, std::int64_t steps, T* to) const {
    if (to != nullptr) scatter_rows(rows.data(), tiles_[i].count, steps, to + at, shape_.length);
  }

  // [steps][states] to [states, length].
  void write_weights(const std::vector<S>& gradient, T* to, std::int64_t b, std::int64_t t,
                     std::int64_t steps) {
    if (to == nullptr) return;
    for (std::int64_t n = 0; n < shape_.states; ++n) {
      for (std::int64_t k = 0; k < steps; ++k)
        transposed_[static_cast<std::size_t>(k)] = gradient[static_cast<std::size_t>(k * shape_.states + n)];
      narrow(transposed_.data(), steps,
             to + ((b * shape_.groups + tiles_[0].group) * shape_.states + n) * shape_.length + t);
    }
  }

  const SelectiveShape& shape_;
  const SelectiveInputs<T>& in_;
  const T* dy_;
  const S* dlast_;
  const SelectiveGradients<T>& out_;
  std::vector<ChannelTile> tiles_;
  std::vector<TileConstants<S>> constants_;
  std::vector<Sums> sums_;
  std::vector<TileRows<S>> kept_, carry_;
  StepWeights<T> weights_;
  TileSteps<T> steps_;
  TileRows<S> g_ = tile_rows<S>(kSelectiveSteps), du_ = g_, ddelta_ = g_, dz_ = g_, raw_ = g_, decays_ = g_,
              states_ = tile_rows<S>(kSelectiveSteps + 1);
  std::vector<S> dB_, dC_, transposed_;  // [steps][states] of a chunk
};

}  // namespace

template <class T>
void selective_scan_backward(const SelectiveShape& shape, const SelectiveInputs<T>& in, const T* dy,
                             const SelectiveGradients<T>& out, const State<T>* dlast) {
  require_valid(shape, in, dy);
  require_selective(!(in.step.low > std::numeric_limits<double>::lowest()) &&
                        !(in.step.high < std::numeric_limits<double>::max()),
                    "limits of the step size have no gradient here");
  const std::vector<ChannelTile> tiles = channel_tiles(shape);
  if (tiles.empty()) {  // groups without channels have weights nevertheless
    const std::int64_t weights = shape.batch * shape.groups * shape.states * shape.length;
    if (in.constant_B == nullptr && out.dB != nullptr) std::fill_n(out.dB, weights, from_state<T>(0));
    if (in.constant_C == nullptr && out.dC != nullptr) std::fill_n(out.dC, weights, from_state<T>(0));
  }
  for (auto first = tiles.begin(); first != tiles.end();) {
    const auto end =
        std::find_if(first, tiles.end(), [&](const ChannelTile& tile) { return tile.group != first->group; });
    GroupGradients<T> group(shape, in, dy, dlast, out, {first, end});
    for (std::int64_t b = 0; b < shape.batch; ++b) group.run_all(b);
    group.finish();
    first = end;
  }
}

// NOLINTBEGIN(bugprone-macro-parentheses): types cannot stand in parentheses
#define EXACTSCAN_INSTANTIATE(T)                                                                       \
  template void selective_scan_backward<T>(const SelectiveShape&, const SelectiveInputs<T>&, const T*, \
                                           const SelectiveGradients<T>&, const State<T>*)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace exactscan::impl
