// The screen on a device: against the same screen on the host, channel by channel, over shapes, storage types
// and missing tensors; with defects planted at the edge, NaN, infinity. Exit code 77: no device.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "oracle/cuda/check_selective.hpp"
#include "tests/cuda/check_reference.hpp"

using namespace exactscan::device;

namespace {

int failures = 0;
void fail(const std::string& what) {
  std::printf("FAILED %s\n", what.c_str());
  ++failures;
}
void require(cudaError_t error, const char* what) {
  if (error == cudaSuccess) return;
  std::printf("FATAL %s: %s\n", what, cudaGetErrorString(error));
  std::exit(1);
}

struct Shape {
  std::int64_t batch, channels, groups, states, length;
  bool z, D, bias, initial, softplus;
  Storage type;
};

// Host memory of a problem; every tensor of one type but the parameters.
class Problem {
 public:
  SelectiveScreen screen;

  Problem(const Shape& s, std::uint64_t seed) : random_(seed) {
    screen.batch = s.batch, screen.channels = s.channels, screen.groups = s.groups;
    screen.states = s.states, screen.length = s.length, screen.softplus = s.softplus;
    const std::int64_t tokens = s.batch * s.channels * s.length,
                       weights = s.batch * s.groups * s.states * s.length;
    add(screen.u, tokens, s.type, -2, 2);
    add(screen.delta, tokens, s.type, s.softplus ? -4.0F : 0.001F, s.softplus ? 1.0F : 0.3F);
    add(screen.A, s.channels * s.states, Storage::f32, -8, -0.01F);
    add(screen.B, weights, s.type, -2, 2);
    add(screen.C, weights, s.type, -2, 2);
    if (s.z) add(screen.z, tokens, s.type, -4, 4);
    if (s.D) add(screen.D, s.channels, Storage::f32, -1, 1);
    if (s.bias) add(screen.delta_bias, s.channels, Storage::f32, -2, 0);
    if (s.initial) add(screen.initial_state, s.batch * s.channels * s.states, Storage::f32, -3, 3);
    add(screen.y, tokens, s.type, 0, 0);
    add(screen.last_state, s.batch * s.channels * s.states, Storage::f32, 0, 0);
    if (s.type != Storage::f32)
      screen.y_rule = {false, s.type == Storage::bf16 ? 0x1p-8F : 0x1p-11F, 0x1p-126F};
    if (s.type == Storage::f16) screen.y_rule.smallest_normal = 0x1p-14F;
    const float u = 0x1p-24F;  // fp32's floor, as allowance_floor makes it
    screen.floor.multiplier = std::fmin(4.9F * u, 0.03F / static_cast<float>(s.length < 1 ? 1 : s.length));
    screen.floor.summand = s.initial ? 4 * u : 5.9F * u;
    screen.floor.readout = static_cast<float>(s.states + (s.D ? 1 : 0)) * 0.99F * u;
    screen.floor.gate = 4.9F * u;
    evaluate();
  }

  static void store(const DeviceTensor& tensor, std::int64_t i, float x) {
    if (tensor.type == Storage::f32) {
      static_cast<float*>(const_cast<void*>(tensor.data))[i] = x;
      return;
    }
    // The nearest number of the type, by trying: slow and sure.
    auto* to = static_cast<std::uint16_t*>(const_cast<void*>(tensor.data)) + i;
    std::uint32_t bits = 0;
    std::memcpy(&bits, &x, sizeof bits);
    if (tensor.type == Storage::bf16) {
      const bool special = (bits & 0x7f800000U) == 0x7f800000U;
      *to = static_cast<std::uint16_t>((bits + (special ? 0U : 0x7fffU + (bits >> 16 & 1U))) >> 16);
      if (x != x) *to = 0x7fc0;
      return;
    }
    const std::uint16_t sign = static_cast<std::uint16_t>(bits >> 31 << 15);
    std::uint16_t low = 0, high = 0x7c00;
    while (high - low > 1) {
      const auto middle = static_cast<std::uint16_t>((low + high) / 2);
      (half_value(middle) <= std::fabs(x) ? low : high) = middle;
    }
    const bool up = std::fabs(x) - half_value(low) > half_value(high) - std::fabs(x);
    *to = x != x ? std::uint16_t{0x7e00} : static_cast<std::uint16_t>(sign | (up ? high : low));
  }

  std::int64_t bytes_of(const DeviceTensor& t) const {
    for (const Held& held : held_)
      if (held.memory.get() == t.data) return held.bytes;
    return 0;
  }

 private:
  struct Held {
    std::unique_ptr<std::byte[]> memory;
    std::int64_t bytes;
  };
  void add(DeviceTensor& tensor, std::int64_t count, Storage type, float low, float high) {
    const std::int64_t bytes = count * (type == Storage::f32 ? 4 : 2);
    held_.push_back({std::make_unique<std::byte[]>(static_cast<std::size_t>(bytes + 1)), bytes});
    tensor = {held_.back().memory.get(), type};
    std::uniform_real_distribution<float> values(low, high);
    for (std::int64_t i = 0; i < count && high > low; ++i) store(tensor, i, values(random_));
  }
  // The candidates: a plain evaluation in doubles.
  void evaluate() {
    const SelectiveScreen& p = screen;
    for (std::int64_t unit = 0; unit < p.batch * p.channels; ++unit) {
      const std::int64_t b = unit / p.channels, d = unit % p.channels, group = d / (p.channels / p.groups);
      std::vector<double> h;
      for (std::int64_t n = 0; n < p.states; ++n)
        h.push_back(load_or_zero(p.initial_state, unit * p.states + n));
      for (std::int64_t t = 0; t < p.length; ++t) {
        const std::int64_t token = unit * p.length + t;
        const double raw = static_cast<double>(load(p.delta, token)) + load_or_zero(p.delta_bias, d);
        const double delta = p.softplus ? std::log1p(std::exp(raw)) : raw, u = load(p.u, token);
        double y = static_cast<double>(load_or_zero(p.D, d)) * u;
        for (std::int64_t n = 0; n < p.states; ++n) {
          const std::int64_t at = ((b * p.groups + group) * p.states + n) * p.length + t;
          auto& state = h[static_cast<std::size_t>(n)];
          state = std::exp(delta * load(p.A, d * p.states + n)) * state + delta * u * load(p.B, at);
          y += load(p.C, at) * state;
        }
        if (p.z.data != nullptr)
          y *= load(p.z, token) / (1 + std::exp(-static_cast<double>(load(p.z, token))));
        store(p.y, token, static_cast<float>(y));
      }
      for (std::int64_t n = 0; n < p.states; ++n)
        store(p.last_state, unit * p.states + n, static_cast<float>(h[static_cast<std::size_t>(n)]));
    }
  }

  std::mt19937_64 random_;
  std::vector<Held> held_;
};

ScreenResult on_device(const Problem& problem) {
  SelectiveScreen p = problem.screen;
  std::vector<void*> memory;
  for (DeviceTensor SelectiveScreen::*place :
       {&SelectiveScreen::u, &SelectiveScreen::delta, &SelectiveScreen::A, &SelectiveScreen::B,
        &SelectiveScreen::C, &SelectiveScreen::D, &SelectiveScreen::z, &SelectiveScreen::delta_bias,
        &SelectiveScreen::initial_state, &SelectiveScreen::y, &SelectiveScreen::last_state}) {
    DeviceTensor& tensor = p.*place;
    if (tensor.data == nullptr) continue;
    const auto bytes = static_cast<std::size_t>(problem.bytes_of(tensor));
    void* to = nullptr;
    require(cudaMalloc(&to, bytes), "memory");  // exactly: memcheck sees every element beyond
    require(cudaMemcpy(to, tensor.data, bytes, cudaMemcpyHostToDevice), "copy");
    memory.push_back(to), tensor.data = to;
  }
  const auto units = static_cast<std::size_t>(p.batch * p.channels);
  ScreenResult result{std::vector<std::uint8_t>(units, 9), std::vector<float>(units, -1)};
  std::uint8_t* suspect = nullptr;
  float* ratio = nullptr;
  require(cudaMalloc(&suspect, units), "memory");
  require(cudaMalloc(&ratio, units * sizeof(float)), "memory");
  require(cudaMemset(suspect, 9, units), "memory");
  require(cudaMemset(ratio, 0xff, units * sizeof(float)), "memory");
  require(screen(p, suspect, ratio, nullptr), "launch");
  require(cudaMemcpy(result.suspect.data(), suspect, units, cudaMemcpyDeviceToHost), "run");
  require(cudaMemcpy(result.ratio.data(), ratio, units * sizeof(float), cudaMemcpyDeviceToHost), "run");
  memory.push_back(suspect), memory.push_back(ratio);
  for (void* m : memory) cudaFree(m);
  return result;
}

// Equal findings; ratios agree but for the order of operations.
void compare(const Problem& problem, const std::string& what, int expect_suspects = -1) {
  const ScreenResult device = on_device(problem), host = screen_on_host(problem.screen);
  int suspects = 0;
  for (std::size_t unit = 0; unit < host.suspect.size(); ++unit) {
    suspects += device.suspect[unit];
    if (device.suspect[unit] != host.suspect[unit])
      fail(what + ": suspect of channel " + std::to_string(unit));
    if (host.suspect[unit] == 0 &&
        !(std::fabs(device.ratio[unit] - host.ratio[unit]) <= 0.01F * host.ratio[unit] + 1e-4F))
      fail(what + ": ratio of channel " + std::to_string(unit) + ": " + std::to_string(device.ratio[unit]) +
           " and " + std::to_string(host.ratio[unit]));
  }
  if (expect_suspects >= 0 && suspects != expect_suspects)
    fail(what + ": " + std::to_string(suspects) + " suspects, expected " + std::to_string(expect_suspects));
}

// Each kind of bad element in one channel: that channel, and no other, is handed to the host.
void plant(const Shape& shape, const std::string& what) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  Problem problem(shape, 5);
  const SelectiveScreen& p = problem.screen;
  const std::int64_t tokens = p.batch * p.channels * p.length;
  for (const std::int64_t at : {std::int64_t{0}, tokens / 2, tokens - 1}) {
    const float old = load(p.y, at);
    for (const float x : {nan, infinity, -infinity, old * 1.0625F + 0.0625F, -old - 1}) {
      Problem::store(p.y, at, x);
      compare(problem, what + ": y = " + std::to_string(x), 1);
    }
    Problem::store(p.y, at, old);
    for (const DeviceTensor SelectiveScreen::*place :
         {&SelectiveScreen::u, &SelectiveScreen::delta, &SelectiveScreen::z}) {
      if ((p.*place).data == nullptr) continue;
      const float before = load(p.*place, at);
      for (const float x : {nan, infinity, -infinity}) {
        Problem::store(p.*place, at, x);
        compare(problem, what + ": an input = " + std::to_string(x), 1);
      }
      Problem::store(p.*place, at, before);
    }
  }
  const std::int64_t states = p.batch * p.channels * p.states;
  const float old = load(p.last_state, states - 1);
  for (const float x : {nan, infinity, old * 1.0001F}) {
    Problem::store(p.last_state, states - 1, x);
    compare(problem, what + ": last_state", 1);
  }
  Problem::store(p.last_state, states - 1, old);
  // At the edge: candidates that leave the floor step by step; device and host must part from it together.
  for (int k = 1; k < 4096 && p.y.type == Storage::f32; k *= 2) {
    const std::int64_t at = tokens / 3;
    const float before = load(p.y, at);
    float moved = before;
    for (int i = 0; i < k; ++i) moved = std::nextafter(moved, infinity);
    Problem::store(p.y, at, moved);
    compare(problem, what + ": " + std::to_string(k) + " ulps off");
    Problem::store(p.y, at, before);
  }
}

}  // namespace

int main(int argc, char** argv) {
  int devices = 0;
  if (cudaGetDeviceCount(&devices) != cudaSuccess || devices == 0) {
    std::printf("no device\n");
    return 77;
  }
  const bool small = argc > 1 && std::string(argv[1]) == "--small";
  int cases = 0;
  for (const Storage type : {Storage::f32, Storage::bf16, Storage::f16}) {
    for (const std::int64_t states : {1, 5, 16, 17, 64}) {
      for (const std::int64_t length : {0, 1, 7, 8, 13, 40}) {
        for (int k = 0; k < (small ? 2 : 4); ++k) {
          const bool odd = k % 2 != 0;
          const Shape shape{odd ? 1 : 2, odd ? 6 : 33, odd ? 3 : 1, states, length, k != 1,
                            k != 2,      k < 2,        odd,         k != 3, type};
          Problem problem(shape, static_cast<std::uint64_t>(++cases));
          compare(problem,
                  "states " + std::to_string(states) + " length " + std::to_string(length) + " kind " +
                      std::to_string(k) + " type " + std::to_string(static_cast<int>(type)),
                  0);
        }
      }
    }
    plant({1, 9, 1, 16, 21, true, true, true, true, true, type}, "planted");
  }
  // Long enough for memory to build up, and a channel width beyond one warp.
  if (!small)
    compare(Problem({1, 80, 1, 16, 3000, true, true, true, false, true, Storage::f32}, 77), "long", 0);
  std::printf("%d cases, %d failures\n", cases, failures);
  return failures == 0 ? 0 : 1;
}
