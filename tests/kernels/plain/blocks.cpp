// TorchLean's two Mamba blocks, token by token.
#include <vector>

#include "tests/kernels/plain/elements.hpp"
#include "tests/kernels/plain/plain.hpp"
#include "tests/kernels/plain/step.hpp"

namespace exactscan::kernels {
namespace {

using Index = std::int64_t;
using Row = std::vector<float>;
std::size_t at(Index i) { return static_cast<std::size_t>(i); }

Row row_of(const Buffer& matrix, Index row) {
  const Index columns = matrix.shape.back();
  Row values;
  for (Index i = 0; i < columns; ++i) values.push_back(get(matrix, row * columns + i));
  return values;
}

// x times a matrix; `transposed`: its transpose (requires a square one).
Row times(const Row& x, const Buffer& matrix, bool transposed = false) {
  const Index rows = matrix.shape[0], columns = matrix.shape[1];
  Row result(at(columns), 0.0F);
  for (Index i = 0; i < rows; ++i) {
    for (Index j = 0; j < columns; ++j)
      result[at(j)] += x[at(i)] * get(matrix, transposed ? j * columns + i : i * columns + j);
  }
  return result;
}

Row initial(const SystemCall& call, std::size_t size, bool dropped) {
  Row state(size, 0.0F);
  for (std::size_t i = 0; i < size && !dropped; ++i)
    state[i] = get_or_zero(call.input("h0"), static_cast<Index>(i));
  return state;
}

void write_row(const Buffer& to, Index row, const Row& values) {
  for (std::size_t i = 0; i < values.size(); ++i)
    set(to, row * static_cast<Index>(values.size()) + static_cast<Index>(i), values[i]);
}

}  // namespace

void plain_mamba_block(const SystemCall& call, Planted planted) {
  const auto has = [planted](Planted p) { return planted == p; };
  const Index length = call.size("x", 0);
  const Buffer &A = call.in.at("A"), &B = call.in.at("B"), &C = call.in.at("C"), &D = call.in.at("D"),
               &x = call.in.at("x");
  Row h = initial(call, at(A.size()), has(Planted::no_initial_state_of_one_batch));
  Row previous = h;
  for (Index t = 0; t < length; ++t) {
    const Row s = times(row_of(x, t), call.in.at("in_proj"));
    const Row gate = times(row_of(x, has(Planted::gate_of_first_token) ? 0 : t), call.in.at("gate_proj"));
    previous = h;
    Row readout;
    for (std::size_t i = 0; i < h.size(); ++i) {
      const auto n = static_cast<Index>(i);
      h[i] = get(A, n) * h[i] + get(B, n) * s[i];
      if (has(Planted::state_in_bf16)) h[i] = to_bfloat16(h[i]);
      const float state = has(Planted::state_before_the_update) ? previous[i] : h[i];
      const float factor = has(Planted::gate_is_sigmoid) ? silu(gate[i]) : sigmoid(gate[i]);
      const float skipped = get(D, n) * s[i], read = get(C, n) * state;
      readout.push_back(has(Planted::gate_before_skip) ? read * factor + skipped : (read + skipped) * factor);
    }
    write_row(call.out.at("y"), t, times(readout, call.in.at("out_proj")));
  }
  const Row& last = has(Planted::last_state_one_early) ? previous : h;
  if (call.wants("h_last")) write_row(call.out.at("h_last"), 0, last);
}

namespace {

class SelectiveBlock {
 public:
  SelectiveBlock(const SystemCall& call, Planted planted)
      : call_(call), planted_(planted), inner_(call.size("A", 0)), states_(call.size("A", 1)) {
    h_ = initial(call, at(inner_ * states_), has(Planted::no_initial_state_of_one_batch));
    if (!call.has("history") || has(Planted::history_ignored)) return;
    const Index tokens = call.size("history", 0);
    for (Index i = 0; i < tokens; ++i)
      history_.push_back(
          row_of(call.in.at("history"), has(Planted::history_oldest_first) ? tokens - 1 - i : i));
  }

  void run() {
    const Index length = call_.size("x", 0);
    for (Index t = 0; t < length; ++t) write_row(call_.out.at("y"), t, token(row_of(call_.in.at("x"), t)));
    if (call_.wants("h_last")) write_row(call_.out.at("h_last"), 0, h_);
  }

 private:
  bool has(Planted planted) const { return planted_ == planted; }

  Row token(const Row& x) {
    const Row u = convolved(times(x, call_.in.at("x_proj")));
    const Row z = times(x, call_.in.at("z_proj"));
    const Row raw = times(u, call_.in.at("dt_proj"), has(Planted::step_projection_transposed));
    const Row B = times(u, call_.in.at("b_proj")), C = times(u, call_.in.at("c_proj"));
    const StepRule rule{true, 20, planted_};
    Row y;
    for (Index d = 0; d < inner_; ++d) {
      const float step = rule.size(raw[at(d)], get(call_.in.at("dt_bias"), d));
      float sum = 0;
      for (Index n = 0; n < states_; ++n) {
        float& h = h_[at(d * states_ + n)];
        const float old = h, rate = get(call_.in.at("A"), d * states_ + n);
        h = plain_exp(has(Planted::growing_rate) ? step * rate : -(step * rate), planted_) * h +
            step * B[at(n)] * u[at(d)];
        sum += (has(Planted::state_before_the_update) ? old : h) * C[at(n)];
      }
      const float source = has(Planted::skip_of_input) ? newest_[at(d)] : u[at(d)];
      y.push_back(plain_gated(sum, get(call_.in.at("d_skip"), d) * source, &z[at(d)], planted_));
    }
    return times(y, call_.in.at("out_proj"));
  }

  // silu of the convolution of the tokens so far, of which `token` is the newest.
  Row convolved(const Row& token) {
    newest_ = token;
    const Buffer& kernel = call_.in.at("conv_kernel");
    const Index taps = kernel.shape[0];
    history_.insert(history_.begin(), token);
    if (has(Planted::newest_token_twice)) history_.insert(history_.begin(), token);
    Row u;
    for (Index c = 0; c < inner_; ++c) {
      float sum = has(Planted::convolution_bias_dropped) ? 0 : get(call_.in.at("conv_bias"), c);
      for (Index tap = 0; tap < taps; ++tap) {
        const Index place = has(Planted::window_off_by_one) ? tap + 1 : tap;
        if (place >= static_cast<Index>(history_.size())) continue;
        const float value = history_[at(place)][at(c)];
        const Index weight = has(Planted::window_reversed) ? taps - 1 - tap : tap;
        sum += (has(Planted::activation_before_convolution) ? silu(value) : value) *
               get(kernel, weight * inner_ + c);
      }
      u.push_back(has(Planted::activation_before_convolution) ? sum : silu(sum));
    }
    if (has(Planted::newest_token_twice)) history_.erase(history_.begin());
    if (static_cast<Index>(history_.size()) > taps) history_.pop_back();
    return u;
  }

  const SystemCall& call_;
  Planted planted_;
  Index inner_, states_;
  Row h_, newest_;
  std::vector<Row> history_;  // newest first
};

}  // namespace

void plain_selective_mamba_block(const SystemCall& call, Planted planted) {
  SelectiveBlock(call, planted).run();
}

}  // namespace exactscan::kernels
