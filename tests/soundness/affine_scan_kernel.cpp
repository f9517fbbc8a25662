#include "tests/soundness/affine_scan_kernel.hpp"

#include "tests/soundness/attack.hpp"

namespace exactscan::soundness {
namespace {

using namespace emulation;

struct Outputs {
  std::vector<double> h, h_last, summary_a, summary_b;
};

// One channel.
template <class A>
void run_channel(const A& arithmetic, Random& random, const Setting& setting, Schedule schedule,
                 const Sequence& data, bool with_h0, std::size_t channel, std::size_t channels, Outputs& out,
                 int* depth) {
  Kernel<A> kernel(arithmetic, static_cast<Fma>(random.below(3)), random);
  Windows<Kernel<A>> leaves;
  for (std::size_t t = 0; t < data.a.size(); ++t)
    leaves.push_back({kernel.read(data.a[t]), kernel.read(data.b[t])});
  const auto h0 = kernel.read(data.h0);
  schedule = within_scope(schedule, data, setting.accumulate);
  const auto states = scan_states(kernel, leaves, with_h0 ? &h0 : nullptr, schedule);
  const auto give = [&](const auto& x) {
    if constexpr (requires { x.depth; }) *depth = std::max(*depth, x.depth);
    return stored(kernel.get(x), setting, random);
  };
  for (std::size_t t = 0; t < states.size(); ++t) out.h[t * channels + channel] = give(states[t]);
  out.h_last[channel] =
      random.coin() ? out.h[(states.size() - 1) * channels + channel]
                    : give(scan_states(kernel, leaves, with_h0 ? &h0 : nullptr, Schedule::sequential).back());
  const auto summary = reduce_tree(kernel, leaves, 0, leaves.size(), static_cast<Lean>(random.below(5)));
  out.summary_a[channel] = give(summary.a);
  out.summary_b[channel] = give(summary.b);
}

}  // namespace

std::vector<Sequence> draw_channels(Random& random, const Setting& setting, ScanShape shape) {
  std::vector<Sequence> channels;
  for (std::size_t n = 0; n < shape.channels; ++n) {
    channels.push_back(draw_sequence(random, setting.in_format,
                                     static_cast<Profile>(random.below(profile_count)), shape.steps));
    const double first = channels.back().a[0];
    sprinkle(random, setting, channels.back().a);
    channels.back().a[0] = first;  // not every schedule multiplies a zero state by it
    sprinkle(random, setting, channels.back().b);
  }
  return channels;
}

Case affine_scan_inputs(const Setting& setting, const std::vector<Sequence>& channels, bool with_h0) {
  const std::size_t steps = channels[0].a.size(), n = channels.size();
  std::vector<double> a(steps * n), b(steps * n), h0(n);
  for (std::size_t i = 0; i < n; ++i) {
    h0[i] = channels[i].h0;
    for (std::size_t t = 0; t < steps; ++t) a[t * n + i] = channels[i].a[t], b[t * n + i] = channels[i].b[t];
  }
  const auto rows = static_cast<std::int64_t>(steps), columns = static_cast<std::int64_t>(n);
  Case value;
  value.op = "affine_scan";
  value.inputs["a"] = make_tensor(setting.in, {rows, columns}, a);
  value.inputs["b"] = make_tensor(setting.in, {rows, columns}, b);
  if (with_h0) value.inputs["h0"] = make_tensor(setting.in, {columns}, h0);
  return value;
}

Case affine_scan_case(Random& random, const Setting& setting, Schedule schedule,
                      const std::vector<Sequence>& channels, int* depth) {
  const std::size_t steps = channels[0].a.size(), n = channels.size();
  const bool with_h0 = !random.one_in(4);
  Outputs out{std::vector<double>(steps * n), std::vector<double>(n), std::vector<double>(n),
              std::vector<double>(n)};
  for (std::size_t i = 0; i < n; ++i) {
    with_arithmetic(setting, random, [&](const auto& arithmetic) {
      if (depth == nullptr) {
        run_channel(arithmetic, random, setting, schedule, channels[i], with_h0, i, n, out, depth);
      } else {
        run_channel(CountingDepth(arithmetic), random, setting, schedule, channels[i], with_h0, i, n, out,
                    depth);
      }
    });
  }
  const auto rows = static_cast<std::int64_t>(steps), columns = static_cast<std::int64_t>(n);
  Case value = affine_scan_inputs(setting, channels, with_h0);
  value.outputs["h"] = make_tensor(setting.out, {rows, columns}, out.h);
  value.outputs["h_last"] = make_tensor(setting.out, {columns}, out.h_last);
  value.outputs["summary_a"] = make_tensor(setting.out, {columns}, out.summary_a);
  value.outputs["summary_b"] = make_tensor(setting.out, {columns}, out.summary_b);
  return value;
}

}  // namespace exactscan::soundness
