#include "tests/soundness/diagonal_s4_kernel.hpp"

#include "tests/soundness/attack.hpp"

namespace exactscan::soundness {
namespace {

using namespace emulation;

struct Layer {
  std::size_t steps, states, inputs, outputs;
  std::vector<double> in_proj, out_proj, A, B, C, D, x, h0;
};

struct Results {
  std::vector<double> y, h_last;
};

Layer draw_layer(Random& random, const Setting& setting, ScanShape shape) {
  Layer s{shape.steps, shape.channels, 1 + random.below(9), 1 + random.below(9), {}, {}, {}, {}, {}, {}, {},
          {}};
  const int width = random.one_in(8) ? 60 : random.between(0, 6);
  const auto draw = [&](std::size_t count) {
    std::vector<double> v;
    for (std::size_t i = 0; i < count; ++i) {
      v.push_back(special_number(random, setting.in_format, -width, width / 2));
      // Pairs of nearly opposite numbers, for sums that cancel.
      if (i > 0 && random.one_in(4)) v[i] = -v[i - 1];
    }
    sprinkle(random, setting, v);
    return v;
  };
  s.in_proj = draw(s.inputs * s.states), s.out_proj = draw(s.states * s.outputs);
  s.B = draw(s.states), s.C = draw(s.states), s.D = draw(s.states), s.x = draw(s.steps * s.inputs);
  s.h0 = draw(s.states);
  const auto profile = static_cast<Profile>(random.below(profile_count));
  s.A = draw_sequence(random, setting.in_format, profile, s.states).a;
  return s;
}

// All steps' dot products of a row of `left` [steps, k] with column n of `right` [k, columns].
template <class K>
std::vector<typename K::Value> dots(K& kernel, const std::vector<typename K::Value>& left,
                                    const std::vector<double>& right, std::size_t steps, std::size_t k,
                                    std::size_t columns, std::size_t n) {
  std::vector<typename K::Value> out;
  for (std::size_t t = 0; t < steps; ++t) {
    std::vector<Addend<typename K::Value>> terms;
    for (std::size_t i = 0; i < k; ++i)
      terms.push_back({left[t * k + i], kernel.read(right[i * columns + n]), true});
    out.push_back(sum(kernel, std::move(terms)));
  }
  return out;
}

template <class A>
Results run_layer(const A& arithmetic, Random& random, const Setting& setting, Schedule schedule,
                  const Layer& layer, bool with_h0) {
  using K = Kernel<A>;
  K kernel(arithmetic, static_cast<Fma>(random.below(3)), random);
  const auto give = [&](const auto& v) { return stored(kernel.get(v), setting, random); };
  std::vector<typename K::Value> x, readout(layer.steps * layer.states);
  for (const double v : layer.x) x.push_back(kernel.read(v));
  Results out;
  for (std::size_t n = 0; n < layer.states; ++n) {
    const auto s = dots(kernel, x, layer.in_proj, layer.steps, layer.inputs, layer.states, n);
    const auto a = kernel.read(layer.A[n]), b = kernel.read(layer.B[n]), c = kernel.read(layer.C[n]),
               d = kernel.read(layer.D[n]), h0 = kernel.read(layer.h0[n]);
    Windows<K> leaves;
    Sequence values{layer.h0[n], {}, {}};
    for (std::size_t t = 0; t < layer.steps; ++t) {
      leaves.push_back({a, kernel.mul(b, s[t])});
      values.a.push_back(layer.A[n]), values.b.push_back(kernel.get(leaves.back().b));
    }
    const Schedule chosen = within_scope(schedule, values, setting.accumulate);
    const auto h = scan_states(kernel, leaves, with_h0 ? &h0 : nullptr, chosen);
    out.h_last.push_back(give(h.back()));
    for (std::size_t t = 0; t < layer.steps; ++t) {
      std::vector<Addend<typename K::Value>> parts{{c, h[t], true}, {d, s[t], true}};
      readout[t * layer.states + n] = sum(kernel, std::move(parts));
    }
  }
  out.y.resize(layer.steps * layer.outputs);
  for (std::size_t o = 0; o < layer.outputs; ++o) {
    const auto column = dots(kernel, readout, layer.out_proj, layer.steps, layer.states, layer.outputs, o);
    for (std::size_t t = 0; t < layer.steps; ++t) out.y[t * layer.outputs + o] = give(column[t]);
  }
  return out;
}

}  // namespace

Case diagonal_s4_case(Random& random, const Setting& setting, Schedule schedule, ScanShape shape) {
  const Layer layer = draw_layer(random, setting, shape);
  const bool with_h0 = setting.not_finite || random.coin();
  const Results r = with_arithmetic(setting, random, [&](const auto& arithmetic) {
    return run_layer(arithmetic, random, setting, schedule, layer, with_h0);
  });
  const auto l = static_cast<std::int64_t>(layer.steps), n = static_cast<std::int64_t>(layer.states),
             i = static_cast<std::int64_t>(layer.inputs), o = static_cast<std::int64_t>(layer.outputs);
  Case value;
  value.op = "diagonal_s4";
  value.inputs["in_proj"] = make_tensor(setting.in, {i, n}, layer.in_proj);
  value.inputs["out_proj"] = make_tensor(setting.in, {n, o}, layer.out_proj);
  value.inputs["A"] = make_tensor(setting.in, {n}, layer.A);
  value.inputs["B"] = make_tensor(setting.in, {n}, layer.B);
  value.inputs["C"] = make_tensor(setting.in, {n}, layer.C);
  value.inputs["D"] = make_tensor(setting.in, {n}, layer.D);
  value.inputs["x"] = make_tensor(setting.in, {l, i}, layer.x);
  if (with_h0) value.inputs["h0"] = make_tensor(setting.in, {n}, layer.h0);
  value.outputs["y"] = make_tensor(setting.out, {l, o}, r.y);
  value.outputs["h_last"] = make_tensor(setting.out, {n}, r.h_last);
  return value;
}

}  // namespace exactscan::soundness
