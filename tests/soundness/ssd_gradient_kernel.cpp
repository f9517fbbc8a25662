#include "tests/soundness/ssd_gradient_kernel.hpp"

#include <algorithm>
#include <cstring>

#include "tests/soundness/attack.hpp"
#include "tests/soundness/ssd_head_gradients.hpp"

namespace exactscan::soundness {
namespace {

struct GradientInputs {
  std::vector<SsdInputData> heads;              // alike but for x, dt, z, the initial state and parameters
  std::vector<std::vector<double>> dy, dfinal;  // by head
  bool end;                                     // whether there is a gradient of the final states
};

GradientInputs draw_gradient_inputs(Random& random, const SsdSetting& setting) {
  GradientInputs in;
  const std::size_t count = 1 + random.below(2);
  in.end = random.coin();
  for (std::size_t h = 0; h < count; ++h) {
    SsdInputData head = draw_ssd_inputs(random, setting);
    if (h == 0) {
      head.T = 1 + random.below(random.coin() ? 7 : 22), head.Q = 1 + random.below(9);
    } else {
      const SsdInputData& first = in.heads[0];
      head.T = first.T, head.P = first.P, head.N = first.N, head.Q = first.Q, head.softplus = first.softplus,
      head.bias = first.bias, head.gate = first.gate, head.start = first.start,
      head.sequences = first.sequences, head.B = first.B, head.C = first.C, head.low = first.low,
      head.high = first.high, head.sequence = first.sequence;
    }
    const auto cycled = [&](std::vector<double>& v, std::size_t size) {
      const std::vector<double> all = v;
      v.resize(size);
      for (std::size_t i = 0; i < size; ++i) v[i] = all[i % all.size()];
    };
    cycled(head.x, head.T * head.P), cycled(head.z, head.T * head.P), cycled(head.dt, head.T),
        cycled(head.B, head.T * head.N), cycled(head.C, head.T * head.N),
        cycled(head.initial, head.P * head.N);
    if (head.sequence.size() < head.T) head.sequence.resize(head.T, head.sequence.back());
    head.sequence.resize(head.T);
    const auto data = static_cast<MambaData>(random.below(mamba_data_count));
    const BinaryFormat& format = setting.base.base.in_format;
    in.dy.push_back(draw_numbers(random, format, head.T * head.P, 0, data));
    in.dfinal.push_back(in.end ? draw_numbers(random, binary32, head.P * head.N, 0, data)
                               : std::vector<double>(head.P * head.N, 0));
    in.heads.push_back(std::move(head));
  }
  return in;
}

// [step][head][column] of what each head has as [step][column].
std::vector<double> interleaved(const std::vector<std::vector<double>>& by_head, std::size_t steps) {
  std::vector<double> all;
  for (std::size_t t = 0; t < steps; ++t) {
    for (const auto& head : by_head) {
      const std::size_t columns = head.size() / steps;
      all.insert(all.end(), head.begin() + static_cast<std::ptrdiff_t>(t * columns),
                 head.begin() + static_cast<std::ptrdiff_t>((t + 1) * columns));
    }
  }
  return all;
}
std::vector<double> joined(const std::vector<std::vector<double>>& by_head) {
  std::vector<double> all;
  for (const auto& head : by_head) all.insert(all.end(), head.begin(), head.end());
  return all;
}

struct Shapes {
  std::int64_t T, H, P, N;
};

Case without_outputs(const GradientInputs& in, const SsdSetting& setting, const Shapes& s) {
  const ElementType narrow = setting.base.base.in, wide = ElementType::f32;
  const SsdInputData& first = in.heads[0];
  const auto each = [&](auto&& member) {
    std::vector<std::vector<double>> all;
    for (const SsdInputData& head : in.heads) all.push_back(member(head));
    return all;
  };
  const auto one = [&](double SsdInputData::*member) {
    std::vector<double> all;
    for (const SsdInputData& head : in.heads) all.push_back(head.*member);
    return all;
  };
  Case value;
  value.op = "ssd";
  value.options = {{"chunk_size", static_cast<std::int64_t>(first.Q)},
                   {"dt_softplus", first.softplus},
                   {"dt_min", first.low},
                   {"dt_max", first.high}};
  auto& inputs = value.inputs;
  inputs["x"] =
      make_tensor(narrow, {1, s.T, s.H, s.P}, interleaved(each([](const auto& h) { return h.x; }), first.T));
  inputs["dt"] =
      make_tensor(narrow, {1, s.T, s.H}, interleaved(each([](const auto& h) { return h.dt; }), first.T));
  inputs["A"] = make_tensor(wide, {s.H}, one(&SsdInputData::A));
  inputs["B"] = make_tensor(narrow, {1, s.T, 1, s.N}, first.B);
  inputs["C"] = make_tensor(narrow, {1, s.T, 1, s.N}, first.C);
  inputs["D"] = make_tensor(narrow, {s.H}, one(&SsdInputData::D));
  inputs["dy"] = make_tensor(narrow, {1, s.T, s.H, s.P}, interleaved(in.dy, first.T));
  if (in.end) inputs["dfinal_states"] = make_tensor(wide, {1, s.H, s.P, s.N}, joined(in.dfinal));
  if (first.bias) inputs["dt_bias"] = make_tensor(wide, {s.H}, one(&SsdInputData::dt_bias));
  if (first.gate)
    inputs["z"] = make_tensor(narrow, {1, s.T, s.H, s.P},
                              interleaved(each([](const auto& h) { return h.z; }), first.T));
  if (first.start)
    inputs["initial_states"] =
        make_tensor(narrow, {1, s.H, s.P, s.N}, joined(each([](const auto& h) { return h.initial; })));
  if (first.sequences) {
    Tensor ids{ElementType::i64, {1, s.T}, {}};
    ids.data.resize(first.T * 8);
    std::memcpy(ids.data.data(), first.sequence.data(), ids.data.size());
    inputs["seq_idx"] = ids;
  }
  return value;
}

// Runs the heads and puts their gradients, summed where heads share, into the case.
template <class K>
void fill(K& kernel, const SsdSetting& setting, const GradientInputs& in, const Shapes& s, Case& value,
          Random& random) {
  using V = typename K::Value;
  const ElementType out = setting.base.base.out, wide = ElementType::f32;
  Functions<K> functions(kernel, setting.base.quality);
  const SsdInputData& first = in.heads[0];
  std::vector<std::vector<double>> dx, ddt, dz, dinitial;
  std::vector<double> dA, dD, bias;
  std::vector<std::vector<Addend<V>>> dB(first.T * first.N), dC(first.T * first.N);
  const auto plain = [&](const std::vector<V>& values, bool store) {
    std::vector<double> v;
    for (const V& e : values) v.push_back(store ? stored(K::get(e), setting.base.base, random) : K::get(e));
    return v;
  };
  for (std::size_t h = 0; h < in.heads.size(); ++h) {
    SsdGradientKernel<K> run(kernel, functions, setting, in.heads[h], in.dy[h], in.dfinal[h]);
    HeadGradients<V> d = run.run();
    dx.push_back(plain(d.dx, true)), dz.push_back(plain(d.dz, true)), ddt.push_back(plain(d.ddt, true));
    dinitial.push_back(plain(d.dinitial, false));
    std::vector<Addend<V>> steps;
    for (const V& e : d.ddt) steps.push_back({e, {}, false});
    bias.push_back(K::get(sum(kernel, std::move(steps))));
    dA.push_back(K::get(sum(kernel, std::move(d.dA)))), dD.push_back(K::get(sum(kernel, std::move(d.dD))));
    for (std::size_t i = 0; i < dB.size(); ++i)
      dB[i].push_back({d.dB[i], {}, false}), dC[i].push_back({d.dC[i], {}, false});
  }
  const auto shared = [&](std::vector<std::vector<Addend<V>>>& parts) {
    std::vector<V> v;
    for (auto& terms : parts) v.push_back(sum(kernel, std::move(terms)));
    return plain(v, true);
  };
  auto& outputs = value.outputs;
  outputs["dx"] = make_tensor(out, {1, s.T, s.H, s.P}, interleaved(dx, first.T));
  outputs["ddt"] = make_tensor(out, {1, s.T, s.H}, interleaved(ddt, first.T));
  outputs["dA"] = make_tensor(wide, {s.H}, dA), outputs["dD"] = make_tensor(wide, {s.H}, dD);
  outputs["dB"] = make_tensor(out, {1, s.T, 1, s.N}, shared(dB));
  outputs["dC"] = make_tensor(out, {1, s.T, 1, s.N}, shared(dC));
  if (first.gate) outputs["dz"] = make_tensor(out, {1, s.T, s.H, s.P}, interleaved(dz, first.T));
  if (first.bias) outputs["ddt_bias"] = make_tensor(wide, {s.H}, bias);
  if (first.start) outputs["dinitial_states"] = make_tensor(wide, {1, s.H, s.P, s.N}, joined(dinitial));
}

}  // namespace

Case ssd_gradient_case(Random& random, const SsdSetting& setting) {
  const GradientInputs in = draw_gradient_inputs(random, setting);
  const auto i = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  const Shapes s{i(in.heads[0].T), i(in.heads.size()), i(in.heads[0].P), i(in.heads[0].N)};
  Case value = without_outputs(in, setting, s);
  with_arithmetic(setting.base.base, random, [&](const auto& arithmetic) {
    using K = Kernel<std::decay_t<decltype(arithmetic)>>;
    K kernel(arithmetic, static_cast<Fma>(random.below(3)), random);
    fill(kernel, setting, in, s, value, random);
  });
  return value;
}

}  // namespace exactscan::soundness
