// Four lanes share a channel (or two): each has a quarter of the states. A warp takes eight steps at a time:
// its lanes first make the steps' shared balls (step size, u), two steps each; then each lane advances its
// states through the eight and leaves its parts of the readouts; then each lane finishes two of them. Warps
// share nothing but the tables: no barrier wider than a warp in the loop.
#include "oracle/cuda/check_selective.hpp"

#include <type_traits>

namespace exactscan::device {
namespace {

constexpr int kUnroll = 4;
constexpr int kWarps = 2, kSteps = 8, kQuads = 8, kLanes = 4;

// `Floats`: every tensor that has a time is of binary32.
template <bool Floats>
__device__ float load_timed(const DeviceTensor& tensor, std::int64_t i) {
  if constexpr (Floats) return static_cast<const float*>(tensor.data)[i];
  return load(tensor, i);
}

// Sixteen bytes that leave and enter shared memory at once: a midpoint and two binary32 numbers.
struct alignas(16) Packed {
  double2 words;

  __device__ static Packed of(double mid, float x, float y) {
    return {make_double2(mid, __hiloint2double(__float_as_int(y), __float_as_int(x)))};
  }
  __device__ double mid() const { return words.x; }
  __device__ float first() const { return __int_as_float(__double2loint(words.y)); }
  __device__ float second() const { return __int_as_float(__double2hiint(words.y)); }
};

// kChannels a quad, kStates a lane.
template <int kChannels, int kStates>
struct WarpSpace {
  // Rows are padded by 16 bytes: lanes store down a column.
  static constexpr int kRow = kLanes * kStates + 4, kTokens = kQuads * kChannels + 1;
  Packed delta[kSteps][kTokens];  // midpoint, magnitude, error
  float4 token[kSteps][kTokens];  // u, z, y
  // One lane's part of one readout: midpoint, error, allowance. Every such error is at least its magnitude,
  // and stands for it.
  Packed part[kSteps][kChannels][32];
  alignas(16) float B[kSteps][kRow], C[kSteps][kRow];
};

// Where a warp works.
struct Place {
  std::int64_t batch, group, first, end;  // channels of the group: first … end-1
};
template <int kChannels>
__device__ bool place_of(const SelectiveScreen& p, std::int64_t warp, Place& place) {
  constexpr int kWidth = kQuads * kChannels;
  const std::int64_t in_group = p.channels / p.groups, blocks = (in_group + kWidth - 1) / kWidth;
  if (warp >= p.batch * p.groups * blocks) return false;
  place.batch = warp / (p.groups * blocks);
  place.group = warp / blocks % p.groups;
  place.first = place.group * in_group + warp % blocks * kWidth;
  place.end = (place.group + 1) * in_group;
  return true;
}

template <bool Floats, int kChannels, int kStates>
class Warp {
  using Space = WarpSpace<kChannels, kStates>;

 public:
  __device__ Warp(const SelectiveScreen& problem, const Place& place, Space& space)
      : p_(problem),
        place_(place),
        space_(space),
        lane_(threadIdx.x % 32),
        quad_(lane_ / 4),
        part_(lane_ % 4) {
    const std::int64_t first = place_.first + quad_ * kChannels;
    const std::int64_t left = place_.end - first;
    live_ = static_cast<int>(left < 0 ? 0 : left < kChannels ? left : kChannels);
    unit_ = place_.batch * p_.channels + first;
    token_ = unit_ * p_.length + 2 * part_;
    states_ = static_cast<int>(p_.states);
    weights_ =
        ((place_.batch * p_.groups + place_.group) * p_.states + lane_ / 2) * p_.length + lane_ % 2 * 4;
    whole_ = Floats && p_.length % 4 == 0 && aligned(p_.u) && aligned(p_.delta) && aligned(p_.z) &&
             aligned(p_.y) && aligned(p_.B) && aligned(p_.C);
#pragma unroll
    for (int c = 0; c < kChannels; ++c) {
      bias_[c] = live(c) ? load_or_zero(p_.delta_bias, first + c) : 0;
      D_[c] = live(c) ? load_or_zero(p_.D, first + c) : 0;
      widest_[c] = 0;
#pragma unroll
      for (int i = 0; i < kStates; ++i) {
        const std::int64_t n = part_ * kStates + i;
        const bool there = live(c) && n < p_.states;
        A_[c][i] = there ? load(p_.A, (first + c) * p_.states + n) : 0;
        widest_[c] = std::fmax(widest_[c], std::fabs(A_[c][i]));
        state_[c][i] = StateCheck::initial(
            there ? load_or_zero(p_.initial_state, (unit_ + c) * p_.states + n) : 0, p_.floor);
      }
#pragma unroll
      for (int off = 1; off < kLanes; off *= 2)
        widest_[c] = std::fmax(widest_[c], __shfl_xor_sync(0xffffffff, widest_[c], off));
    }
  }

  __device__ void run(std::uint8_t* suspect, float* ratio) {
    for (std::int64_t t = 0; t < p_.length; t += kSteps) {
      const int steps = static_cast<int>(p_.length - t < kSteps ? p_.length - t : kSteps);
      load_weights(t, steps);
      p_.softplus ? prepare<true>(t, steps) : prepare<false>(t, steps);
      __syncwarp();
      advance(steps);
      __syncwarp();
      finish(steps);
      __syncwarp();
    }
    finish_states();
    report(suspect, ratio);
  }

 private:
  __device__ static bool aligned(const DeviceTensor& tensor) {
    return reinterpret_cast<std::uintptr_t>(tensor.data) % 16 == 0;
  }
  // Dead channels are carried along as zeros: a quad's channels beyond its group's end.
  __device__ bool live(int c) const { return c < live_; }

  // B and C of the group, eight steps of every state: task by task four steps of one state.
  __device__ void load_weights(std::int64_t t, int steps) {
    constexpr int kTasks = kLanes * kStates * kSteps / 4;
#pragma unroll
    for (int k = 0; k < (kTasks + 31) / 32; ++k) {
      const int n = (lane_ + 32 * k) / 2, from = lane_ % 2 * 4;
      if (kTasks % 32 != 0 && n >= kLanes * kStates) continue;
      float B[4] = {}, C[4] = {};
      if (n < states_) {
        const std::int64_t row = weights_ + 16 * k * p_.length + t;
        load_run(p_.B, row, steps - from, B);
        load_run(p_.C, row, steps - from, C);
      }
#pragma unroll
      for (int j = 0; j < 4; ++j) space_.B[from + j][n] = B[j], space_.C[from + j][n] = C[j];
    }
  }

  // Elements i …, as many as there are; in one access where `whole_` says so.
  template <int kCount>
  __device__ void load_run(const DeviceTensor& tensor, std::int64_t i, int there,
                           float (&values)[kCount]) const {
    if constexpr (Floats) {
      if (whole_ && there >= kCount) {
        using Vector = std::conditional_t<kCount == 4, float4, float2>;
        const Vector vector = *reinterpret_cast<const Vector*>(static_cast<const float*>(tensor.data) + i);
        values[0] = vector.x, values[1] = vector.y;
        if constexpr (kCount == 4) values[2] = vector.z, values[3] = vector.w;
        return;
      }
    }
#pragma unroll
    for (int j = 0; j < kCount; ++j)
      if (j < there) values[j] = load_timed<Floats>(tensor, i + j);
  }

  // Two steps of each of the quad's channels.
  template <bool Softplus>
  __device__ void prepare(std::int64_t t, int steps) {
#pragma unroll
    for (int c = 0; c < kChannels; ++c) {
      float raw[2] = {}, u[2] = {}, z[2] = {}, y[2] = {};
      const std::int64_t from = token_ + c * p_.length + t;
      const int there = steps - 2 * part_;
      if (live(c)) {
        load_run(p_.delta, from, there, raw);
        load_run(p_.u, from, there, u);
        if (p_.z.data != nullptr) load_run(p_.z, from, there, z);
        if (p_.y.data != nullptr) load_run(p_.y, from, there, y);
      }
#pragma unroll
      for (int j = 0; j < 2; ++j) {
        const Ball delta = token_step(raw[j], bias_[c], u[j], Softplus, widest_[c]);
        const int step = 2 * part_ + j, at = quad_ * kChannels + c;
        space_.delta[step][at] = Packed::of(delta.mid, delta.mag, delta.error);
        space_.token[step][at] = make_float4(u[j], z[j], y[j], 0);
      }
    }
  }

  // The lane's states through `steps` steps, and its part of each readout.
  __device__ void advance(int steps) {
#pragma unroll(kUnroll)
    for (int t = 0; t < steps; ++t) {
      float B[kStates], C[kStates];
      weights(space_.B[t], B);
      weights(space_.C[t], C);
#pragma unroll
      for (int c = 0; c < kChannels; ++c) {
        const Packed size = space_.delta[t][quad_ * kChannels + c];
        const Ball delta(size.mid(), size.first(), size.second());
        const float u = space_.token[t][quad_ * kChannels + c].x;
        float allowance = 0;
#pragma unroll
        for (int i = 0; i < kStates; ++i) {
          state_[c][i].step(delta, A_[c][i], B[i], u, p_.floor);
          allowance = fma_down(std::fabs(C[i]), state_[c][i].allowance(p_.floor), allowance);
        }
        const Ball part = spec::dot<Ball>(
            kStates, [&](std::size_t i) { return Ball::exactly(C[i]); },
            [&](std::size_t i) -> const Ball& { return state_[c][i].h; });
        space_.part[t][c][lane_] = Packed::of(part.mid, part.error, allowance);
      }
    }
  }

  __device__ void weights(const float* row, float (&w)[kStates]) const {
    if constexpr (kStates % 4 == 0) {
#pragma unroll
      for (int i = 0; i < kStates; i += 4) {
        const float4 four = *reinterpret_cast<const float4*>(row + part_ * kStates + i);
        w[i] = four.x, w[i + 1] = four.y, w[i + 2] = four.z, w[i + 3] = four.w;
      }
    } else {
#pragma unroll
      for (int i = 0; i < kStates; ++i) w[i] = row[part_ * kStates + i];
    }
  }

  // The sum of the quad's parts of one readout: the spec's dot, a quarter of its terms at a time.
  __device__ ElementFloor readout(int t, int c) const {
    Ball value;
    float allowance = 0;
#pragma unroll
    for (int i = 0; i < kLanes; ++i) {
      // Lanes of a quad read different steps: each begins with its own part, so no two meet in a bank.
      const Packed part = space_.part[t][c][quad_ * kLanes + (i + t) % kLanes];
      const Ball summand(part.mid(), part.first(), part.first());
      value = i == 0 ? summand : value + summand;
      allowance = i == 0 ? part.second() : add_down(part.second(), allowance);
    }
    return {value, allowance};
  }

  // Two of the steps, each in all its parts at once: what is long here are chains of dependent operations.
  __device__ void finish(int steps) {
    if (p_.y.data == nullptr) return;
#pragma unroll
    for (int c = 0; c < kChannels; ++c) {
      ElementFloor y[2];
      float4 token[2];
#pragma unroll
      for (int k = 0; k < 2; ++k) {
        const int t = part_ + kLanes * k;
        token[k] = space_.token[t][quad_ * kChannels + c];
        const ElementFloor states = readout(t, c);
        y[k] = ungated(states.value + Ball::exactly(D_[c]) * Ball::exactly(token[k].x), states.allowance,
                       p_.floor);
      }
      if (p_.z.data != nullptr) {
#pragma unroll
        for (int k = 0; k < 2; ++k) y[k] = gated(y[k], token[k].y, p_.floor);
      }
#pragma unroll
      for (int k = 0; k < 2; ++k)
        if (part_ + kLanes * k < steps && live(c)) note(c, y[k], token[k].z, p_.y_rule);
    }
  }

  __device__ void finish_states() {
    if (p_.last_state.data == nullptr) return;
#pragma unroll
    for (int c = 0; c < kChannels; ++c) {
#pragma unroll
      for (int i = 0; i < kStates; ++i) {
        const std::int64_t n = part_ * kStates + i;
        if (!live(c) || n >= p_.states) continue;
        const StateCheck& s = state_[c][i];
        note(c, {s.h, s.allowance(p_.floor)}, load(p_.last_state, (unit_ + c) * p_.states + n),
             p_.last_state_rule);
      }
    }
  }

  __device__ void note(int c, const ElementFloor& element, float candidate, const StoreRule& rule) {
    if (!certainly_explained(element, candidate, rule, p_.floor, largest_[c])) suspect_[c] = true;
  }

  __device__ void report(std::uint8_t* suspect, float* ratio) {
#pragma unroll
    for (int c = 0; c < kChannels; ++c) {
      int any = suspect_[c] ? 1 : 0;
      float most = largest_[c].value();
#pragma unroll
      for (int off = 1; off < kLanes; off *= 2) {
        any |= __shfl_xor_sync(0xffffffff, any, off);
        most = fmaxf(most, __shfl_xor_sync(0xffffffff, most, off));
      }
      if (part_ != 0 || !live(c)) continue;
      suspect[unit_ + c] = static_cast<std::uint8_t>(any);
      ratio[unit_ + c] = most;
    }
  }

  const SelectiveScreen& p_;
  const Place& place_;
  Space& space_;
  const int lane_, quad_, part_;
  int live_, states_;
  bool whole_;                 // every run of steps within a row begins at a multiple of its own size
  std::int64_t unit_, token_;  // the quad's first channel; the lane's first step of it
  std::int64_t weights_;       // the lane's first element of B and C
  float bias_[kChannels], D_[kChannels], widest_[kChannels], A_[kChannels][kStates];
  StateCheck state_[kChannels][kStates];
  bool suspect_[kChannels] = {};
  LargestRatio largest_[kChannels];
};

// Copies the tables into the block's own.
__device__ void fill_tables(const Tables& constants) {
  auto* to = const_cast<double*>(reinterpret_cast<const double*>(&tables()));
  const auto* from = reinterpret_cast<const double*>(&constants);
  for (unsigned i = threadIdx.x; i < sizeof(Tables) / sizeof(double); i += blockDim.x) to[i] = from[i];
  __syncthreads();
}

template <bool Floats, int kChannels, int kStates, int kBlocks>
__global__ __launch_bounds__(32 * kWarps,
                             kBlocks) void screen_kernel(const __grid_constant__ SelectiveScreen p,
                                                         const __grid_constant__ Tables constants,
                                                         std::uint8_t* suspect, float* ratio) {
  __shared__ WarpSpace<kChannels, kStates> space[kWarps];
  fill_tables(constants);
  const int warp = static_cast<int>(threadIdx.x) / 32;
  Place place;
  if (!place_of<kChannels>(p, static_cast<std::int64_t>(blockIdx.x) * kWarps + warp, place)) return;
  Warp<Floats, kChannels, kStates>(p, place, space[warp]).run(suspect, ratio);
}

template <int kChannels, int kStates, int kBlocks>
cudaError_t launch(const SelectiveScreen& p, std::uint8_t* suspect, float* ratio, cudaStream_t stream) {
  constexpr int kWidth = kQuads * kChannels;
  const std::int64_t in_group = p.channels / p.groups, blocks = (in_group + kWidth - 1) / kWidth;
  const std::int64_t grid = (p.batch * p.groups * blocks + kWarps - 1) / kWarps;
  if (grid == 0) return cudaSuccess;
  if (grid > 0x7fffffff) return cudaErrorInvalidConfiguration;
  bool floats = true;
  for (const DeviceTensor* tensor : {&p.u, &p.delta, &p.z, &p.y, &p.B, &p.C})
    floats = floats && (tensor->data == nullptr || tensor->type == Storage::f32);
  const auto kernel = floats ? screen_kernel<true, kChannels, kStates, kBlocks>
                             : screen_kernel<false, kChannels, kStates, kBlocks>;
  kernel<<<static_cast<unsigned>(grid), 32 * kWarps, 0, stream>>>(p, make_tables(), suspect, ratio);
  return cudaGetLastError();
}

}  // namespace

cudaError_t screen(const SelectiveScreen& p, std::uint8_t* suspect, float* ratio, cudaStream_t stream) {
  if (p.states > most_states || p.groups < 1 || p.channels % p.groups != 0) return cudaErrorInvalidValue;
  // Channels a quad, states a lane, blocks a multiprocessor: 20 warps there leave 96 registers a thread, and
  // are 1.94 waves at 8 x 5120 channels. Two channels a quad save little and fill the machine worse.
  if (p.states <= 16) return launch<1, 4, 10>(p, suspect, ratio, stream);
  return launch<1, 16, 4>(p, suspect, ratio, stream);
}

}  // namespace exactscan::device
