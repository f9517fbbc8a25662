#include "impl/ssd.hpp"

#include <algorithm>
#include <string>
#include <vector>

#include "impl/ssd_tile.hpp"
#include "impl/threads.hpp"

namespace exactscan::impl {
namespace {

constexpr std::int64_t kSteps = 128;  // worked at together: x and y of a tile fit the first-level cache
static_assert(kSteps % kTileWidth == 0);

void require(bool condition, const char* what) {
  if (!condition) throw ArgumentError(std::string("state space duality: ") + what);
}

// A piece of a chunk in one sequence: steps [first, end), counted from the chunk's first.
struct Piece {
  std::int64_t first, end;
  bool starts;            // from a state of 0
  std::int64_t sequence;  // whose state is wanted after it, or -1
};

template <class T>
class Heads {
 public:
  using S = State<T>;

  Heads(const SsdShape& shape, const SsdTensors<T>& in, std::int64_t first, std::int64_t end)
      : s_(shape), in_(in), first_(first), end_(end), tiles_((shape.width + kTileWidth - 1) / kTileWidth) {
    x_ = y_ = drive_ = z_ = rows(kSteps);
    bias_ = skip_ = rows(1);
    dt_ = decay_ = rows(kSteps / kTileWidth);
    blocks_ = (shape.states + kSsdStates - 1) / kSsdStates;
    weights_ = std::vector<S>(static_cast<std::size_t>(blocks_ * kSteps * 2 * kSsdStates + 1));
    row_ = std::vector<S>(static_cast<std::size_t>(shape.states + 1));
  }

  void run_all(std::int64_t b, T* y, S* final, S* sequence_states) {
    states_.clear();
    for (std::int64_t h = first_; h < end_; ++h) {
      for (std::int64_t i = 0; i < tiles_; ++i) {
        std::vector<S>& state = states_.emplace_back(rows(s_.states));
        if (in_.initial != nullptr)
          gather_rows(in_.initial + state_place(b, h, i), s_.states, columns(i), s_.states, state.data(),
                      kTileWidth);
      }
    }
    for (std::int64_t t = 0; t < s_.steps; t += kSteps) {
      find_pieces(b, t);
      std::int64_t group = -1;
      for (std::int64_t h = first_; h < end_; ++h) {
        const std::int64_t g = h / (s_.heads / s_.groups);
        if (g != group) pack_weights(b, t, group = g);
        find_decays(b, t, h);
        for (std::int64_t i = 0; i < tiles_; ++i) run_tile(b, t, h, i, y, sequence_states);
      }
    }
    if (final == nullptr) return;
    for (std::int64_t h = first_; h < end_; ++h) {
      for (std::int64_t i = 0; i < tiles_; ++i) give_state(h, i, final + state_place(b, h, i));
    }
  }

 private:
  static std::vector<S> rows(std::int64_t count) {
    return std::vector<S>(static_cast<std::size_t>(std::max<std::int64_t>(count, 1) * kTileWidth));
  }
  std::int64_t columns(std::int64_t i) const { return std::min(kTileWidth, s_.width - i * kTileWidth); }
  std::int64_t steps_from(std::int64_t t) const { return std::min(kSteps, s_.steps - t); }
  std::int64_t state_place(std::int64_t b, std::int64_t h, std::int64_t i) const {
    return ((b * s_.heads + h) * s_.width + i * kTileWidth) * s_.states;
  }
  std::vector<S>& state_of(std::int64_t h, std::int64_t i) {
    return states_[static_cast<std::size_t>((h - first_) * tiles_ + i)];
  }
  void give_state(std::int64_t h, std::int64_t i, S* to) {
    scatter_rows(state_of(h, i).data(), columns(i), s_.states, to, s_.states);
  }

  bool starts(std::int64_t b, std::int64_t t) const {
    if (t == 0) return false;
    if (in_.sequence != nullptr) return in_.sequence[b * s_.steps + t] != in_.sequence[b * s_.steps + t - 1];
    return in_.ends != nullptr && std::binary_search(in_.ends, in_.ends + in_.sequences, t);
  }
  std::int64_t ending(std::int64_t t) const {
    if (in_.ends == nullptr) return -1;
    const auto* const found = std::lower_bound(in_.ends, in_.ends + in_.sequences, t);
    return found != in_.ends + in_.sequences && *found == t ? found - in_.ends : -1;
  }
  void find_pieces(std::int64_t b, std::int64_t t) {
    pieces_.clear();
    for (std::int64_t k = 0; k < steps_from(t); ++k) {
      const bool begins = starts(b, t + k);
      if (k == 0 || begins || ending(t + k) >= 0) pieces_.push_back({k, k, begins, -1});
      pieces_.back().end = k + 1;
      pieces_.back().sequence = ending(t + k + 1);
    }
  }

  void pack_weights(std::int64_t b, std::int64_t t, std::int64_t group) {
    for (std::int64_t k = 0; k < steps_from(t); ++k) {
      for (const bool second : {false, true}) {
        widen((second ? in_.C : in_.B) + ((b * s_.steps + t + k) * s_.groups + group) * s_.states, s_.states,
              row_.data());
        S* to = weights_.data() + (2 * k + (second ? 1 : 0)) * kSsdStates;
        for (std::int64_t n = 0; n < s_.states; n += kSsdStates, to += kSteps * 2 * kSsdStates)
          std::copy_n(row_.data() + n, std::min(kSsdStates, s_.states - n), to);
      }
    }
  }

  void find_decays(std::int64_t b, std::int64_t t, std::int64_t h) {
    const std::int64_t steps = steps_from(t), whole = (steps + kTileWidth - 1) / kTileWidth;
    for (std::int64_t k = 0; k < steps; ++k)
      dt_[static_cast<std::size_t>(k)] = to_state(in_.dt[(b * s_.steps + t + k) * s_.heads + h]);
    if (in_.dt_bias != nullptr) std::fill(bias_.begin(), bias_.end(), in_.dt_bias[h]);
    make_step_sizes(in_.step, in_.dt_bias == nullptr ? nullptr : bias_.data(), dt_.data(), whole);
    exponentials(in_.A[h], dt_.data(), decay_.data(), whole);
  }

  void run_tile(std::int64_t b, std::int64_t t, std::int64_t h, std::int64_t i, T* y, S* sequence_states) {
    const std::int64_t steps = steps_from(t), count = columns(i), distance = s_.heads * s_.width;
    const std::int64_t at = ((b * s_.steps + t) * s_.heads + h) * s_.width + i * kTileWidth;
    gather_columns(in_.x + at, distance, count, steps, x_.data());
    scale_rows(dt_.data(), x_.data(), drive_.data(), steps);
    if (in_.D != nullptr) {
      for (std::int64_t c = 0; c < count; ++c)
        skip_[static_cast<std::size_t>(c)] =
            in_.D[in_.skip_each_column ? h * s_.width + i * kTileWidth + c : h];
    }
    skip(in_.D == nullptr ? nullptr : skip_.data(), x_.data(), y_.data(), steps);
    std::vector<S>& state = state_of(h, i);
    for (const Piece& piece : pieces_) {
      if (piece.starts) std::fill(state.begin(), state.end(), S(0));
      run(SsdTile<S>{piece.end - piece.first, s_.states, decay_.data() + piece.first,
                     drive_.data() + piece.first * kTileWidth, weights_.data() + piece.first * 2 * kSsdStates,
                     kSteps * 2 * kSsdStates, state.data(), y_.data() + piece.first * kTileWidth});
      if (sequence_states != nullptr && piece.sequence >= 0)
        give_state(h, i, sequence_states + state_place(piece.sequence, h, i));
    }
    if (in_.z != nullptr) {
      gather_columns(in_.z + at, distance, count, steps, z_.data());
      gate(z_.data(), y_.data(), steps);
    }
    scatter_columns(y_.data(), count, steps, y + at, distance);
  }

  const SsdShape& s_;
  const SsdTensors<T>& in_;
  std::int64_t first_, end_, tiles_, blocks_ = 0;
  std::vector<S> x_, y_, drive_, z_, bias_, skip_, dt_, decay_, weights_, row_;
  std::vector<std::vector<S>> states_;  // of head and tile, [N][kTileWidth]
  std::vector<Piece> pieces_;
};

template <class T>
void require_valid(const SsdShape& s, const SsdTensors<T>& in, const T* y) {
  require(s.batch >= 0 && s.steps >= 0 && s.heads >= 0 && s.width >= 0 && s.states >= 0 && s.groups >= 1,
          "a size is negative, or there is no group");
  require(s.heads % s.groups == 0, "the heads cannot share so many groups");
  const bool empty = s.batch == 0 || s.steps == 0 || s.heads == 0;
  require(empty || (in.dt != nullptr && in.A != nullptr), "a tensor is missing");
  require(empty || s.width == 0 || (in.x != nullptr && y != nullptr), "a tensor is missing");
  require(empty || s.states == 0 || (in.B != nullptr && in.C != nullptr), "a tensor is missing");
  if (in.ends == nullptr) return;
  require(s.batch == 1, "packed sequences are for a batch of 1");
  for (std::int64_t i = 0; i < in.sequences; ++i)
    require(in.ends[i] > (i == 0 ? 0 : in.ends[i - 1]) && in.ends[i] <= s.steps,
            "the ends of sequences do not rise, or lie outside");
}

}  // namespace

template <class T>
void ssd(const SsdShape& shape, const SsdTensors<T>& in, T* y, State<T>* final, State<T>* sequence_states,
         const ScanOptions& options) {
  require_valid(shape, in, y);
  require(options.threads >= 0, "the number of threads is negative");
  require(options.grain > 0, "the grain is not positive");
  const std::int64_t heads = shape.heads, updates = shape.batch * shape.steps * heads * shape.width;
  const int threads = static_cast<int>(
      std::clamp<std::int64_t>(heads, 1, usable_threads(options.threads, updates, options.grain)));
  in_threads(threads, [&](int i) {
    Heads<T> mine(shape, in, heads * i / threads, heads * (i + 1) / threads);
    for (std::int64_t b = 0; b < shape.batch; ++b) mine.run_all(b, y, final, sequence_states);
  });
}

// NOLINTBEGIN(bugprone-macro-parentheses): types cannot stand in parentheses
#define EXACTSCAN_INSTANTIATE(T) \
  template void ssd<T>(const SsdShape&, const SsdTensors<T>&, T*, State<T>*, State<T>*, const ScanOptions&)
EXACTSCAN_INSTANTIATE(float);
EXACTSCAN_INSTANTIATE(double);
EXACTSCAN_INSTANTIATE(Float16);
EXACTSCAN_INSTANTIATE(BFloat16);
#undef EXACTSCAN_INSTANTIATE
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace exactscan::impl
