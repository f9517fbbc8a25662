// The screen of oracle/cuda/check_selective.cu one channel after the other, on the host: what the kernel
// should find, and what can be held against the whole oracle without a device.
#pragma once

#include <algorithm>
#include <vector>

#include "oracle/cuda/selective_screen.hpp"

namespace exactscan::device {

struct ScreenResult {
  std::vector<std::uint8_t> suspect;
  std::vector<float> ratio;
};

// One channel; tensors in host memory.
class HostScreen {
 public:
  HostScreen(const SelectiveScreen& problem, std::int64_t unit)
      : p_(problem), unit_(unit), b_(unit / problem.channels), d_(unit % problem.channels) {}

  bool suspect() const { return suspect_; }
  float ratio() const { return largest_.value(); }

  void run() {
    float widest = 0;
    for (std::int64_t n = 0; n < p_.states; ++n) {
      widest = std::max(widest, std::fabs(load(p_.A, d_ * p_.states + n)));
      states_.push_back(StateCheck::initial(load_or_zero(p_.initial_state, unit_ * p_.states + n), p_.floor));
    }
    for (std::int64_t t = 0; t < p_.length; ++t) step(t, widest);
    for (std::int64_t n = 0; n < p_.states && p_.last_state.data != nullptr; ++n) {
      const StateCheck& s = states_[static_cast<std::size_t>(n)];
      note({s.h, s.allowance(p_.floor)}, load(p_.last_state, unit_ * p_.states + n), p_.last_state_rule);
    }
  }

 private:
  float weight(const DeviceTensor& w, std::int64_t n, std::int64_t t) const {
    const std::int64_t group = d_ / (p_.channels / p_.groups);
    return load(w, ((b_ * p_.groups + group) * p_.states + n) * p_.length + t);
  }
  void note(const ElementFloor& element, float candidate, const StoreRule& rule) {
    if (!certainly_explained(element, candidate, rule, p_.floor, largest_)) suspect_ = true;
  }
  void step(std::int64_t t, float widest) {
    const std::int64_t token = unit_ * p_.length + t;
    const float u = load(p_.u, token);
    const Ball delta =
        token_step(load(p_.delta, token), load_or_zero(p_.delta_bias, d_), u, p_.softplus, widest);
    float errors = 0;
    for (std::int64_t n = 0; n < p_.states; ++n) {
      StateCheck& s = states_[static_cast<std::size_t>(n)];
      s.step(delta, load(p_.A, d_ * p_.states + n), weight(p_.B, n, t), u, p_.floor);
      errors = fma_down(std::fabs(weight(p_.C, n, t)), s.allowance(p_.floor), errors);
    }
    const auto c = [&](std::size_t n) {
      return Ball::exactly(weight(p_.C, static_cast<std::int64_t>(n), t));
    };
    const auto h = [&](std::size_t n) -> const Ball& { return states_[n].h; };
    const Ball value = spec::selective_readout(states_.size(), c, h, Ball::exactly(load_or_zero(p_.D, d_)),
                                               Ball::exactly(u));
    ElementFloor y = ungated(value, errors, p_.floor);
    if (p_.z.data != nullptr) y = gated(y, load(p_.z, token), p_.floor);
    if (p_.y.data != nullptr) note(y, load(p_.y, token), p_.y_rule);
  }

  const SelectiveScreen& p_;
  std::int64_t unit_, b_, d_;
  std::vector<StateCheck> states_;
  bool suspect_ = false;
  LargestRatio largest_;
};

inline ScreenResult screen_on_host(const SelectiveScreen& problem) {
  ScreenResult result;
  for (std::int64_t unit = 0; unit < problem.batch * problem.channels; ++unit) {
    HostScreen screen(problem, unit);
    screen.run();
    result.suspect.push_back(screen.suspect() ? 1 : 0);
    result.ratio.push_back(screen.ratio());
  }
  return result;
}

}  // namespace exactscan::device
