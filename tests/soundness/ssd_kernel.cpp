#include "tests/soundness/ssd_kernel.hpp"

#include <cstring>
#include <limits>

#include "tests/soundness/attack.hpp"
#include "tests/soundness/ssd_chunk_arithmetic.hpp"

namespace exactscan::soundness {
namespace {

using namespace emulation;

template <class K>
class SsdKernel : private SsdChunkArithmetic<K> {
 public:
  using V = typename K::Value;
  using SsdChunkArithmetic<K>::SsdChunkArithmetic;

  // In stages: chunk after chunk, from the state that enters.
  void chunked() {
    for (std::size_t from = 0; from < in_.T; from += in_.Q) {
      const std::size_t live = std::min(in_.Q, in_.T - from);
      std::vector<V> L;
      for (std::size_t l = 0; l < live; ++l) L.push_back(summed(from, 0, l + 1));
      for (std::size_t l = 0; l < live; ++l) {
        for (std::size_t p = 0; p < in_.P; ++p) y_.push_back(output(from, l, p, L));
      }
      pass(from, live, L);
    }
  }

  // One step after the other.
  void recurrent() {
    for (std::size_t t = 0; t < in_.T; ++t) {
      const V a = f_.exp(z_[t]);
      for (std::size_t i = 0; i < state_.size(); ++i) {
        const V b = product({dt_[t], B(t, i % in_.N), x(t, i / in_.N)});
        state_[i] = starts(t) ? b : k_.multiply_add(a, state_[i], b);
      }
      for (std::size_t p = 0; p < in_.P; ++p) {
        std::vector<Addend<V>> terms{{k_.read(in_.D), x(t, p), true}};
        for (std::size_t n = 0; n < in_.N; ++n) terms.push_back({C(t, n), state_[p * in_.N + n], true});
        y_.push_back(gate(t, p, sum(k_, std::move(terms))));
      }
    }
  }

  const std::vector<V>& outputs() const { return y_; }
  const std::vector<V>& state() const { return state_; }

 private:
  using Base = SsdChunkArithmetic<K>;
  using Base::B, Base::C, Base::x, Base::decay, Base::dot, Base::operand, Base::product, Base::row_decay,
      Base::starts, Base::summed, Base::together;
  using Base::k_, Base::f_, Base::setting_, Base::in_, Base::dt_, Base::z_, Base::state_;

  V output(std::size_t from, std::size_t l, std::size_t p, const std::vector<V>& L) {
    const std::size_t t = from + l;
    std::vector<Addend<V>> entering, own;
    for (std::size_t n = 0; n < in_.N; ++n)
      entering.push_back({operand(C(t, n)), operand(state_[p * in_.N + n]), true});
    V total =
        together(from == 0 ? 0 : from - 1, t) ? k_.mul(dot(entering), row_decay(from, l, L)) : k_.read(0);
    for (std::size_t j = 0; j <= l; ++j) {
      if (!together(from + j, t)) continue;
      std::vector<Addend<V>> scores;
      for (std::size_t n = 0; n < in_.N; ++n)
        scores.push_back({operand(C(t, n)), operand(B(from + j, n)), true});
      const V weight = product({dot(scores), decay(from, j, l, L), dt_[from + j]});
      own.push_back({operand(weight), operand(x(from + j, p)), true});
    }
    if (!own.empty()) total = k_.add(total, dot(own));
    return gate(t, p, k_.multiply_add(k_.read(in_.D), x(t, p), total));
  }
  V gate(std::size_t t, std::size_t p, const V& y) {
    if (!in_.gate) return y;
    const V z = k_.read(in_.z[t * in_.P + p]);
    return product({y, z, f_.sigmoid(z)});
  }

  void pass(std::size_t from, std::size_t live, const std::vector<V>& L) {
    const std::size_t last = from + live - 1;
    const bool enters = together(from == 0 ? 0 : from - 1, last);
    const V whole = row_decay(from, live - 1, L);
    for (std::size_t i = 0; i < state_.size(); ++i) {
      std::vector<Addend<V>> own;
      for (std::size_t j = 0; j < live; ++j) {
        if (!together(from + j, last)) continue;
        const V scaled = product({B(from + j, i % in_.N), decay(from, j, live - 1, L), dt_[from + j]});
        own.push_back({operand(scaled), operand(x(from + j, i / in_.N)), true});
      }
      const V R = dot(own);
      state_[i] = enters ? k_.multiply_add(whole, state_[i], R) : R;
    }
  }

  std::vector<V> y_;
};

Case make_case(const SsdSetting& setting, const SsdInputData& in, const std::vector<double>& y,
               const std::vector<double>& final) {
  const auto i = [](std::size_t n) { return static_cast<std::int64_t>(n); };
  const ElementType narrow = setting.base.base.in, wide = ElementType::f32;
  Case value;
  value.op = "ssd";
  value.options = {
      {"chunk_size", i(in.Q)}, {"dt_softplus", in.softplus}, {"dt_min", in.low}, {"dt_max", in.high}};
  value.inputs["x"] = make_tensor(narrow, {1, i(in.T), 1, i(in.P)}, in.x);
  value.inputs["dt"] = make_tensor(narrow, {1, i(in.T), 1}, in.dt);
  value.inputs["A"] = make_tensor(wide, {1}, {in.A});
  value.inputs["B"] = make_tensor(narrow, {1, i(in.T), 1, i(in.N)}, in.B);
  value.inputs["C"] = make_tensor(narrow, {1, i(in.T), 1, i(in.N)}, in.C);
  value.inputs["D"] = make_tensor(narrow, {1}, {in.D});
  if (in.bias) value.inputs["dt_bias"] = make_tensor(wide, {1}, {in.dt_bias});
  if (in.gate) value.inputs["z"] = make_tensor(narrow, {1, i(in.T), 1, i(in.P)}, in.z);
  if (in.start) value.inputs["initial_states"] = make_tensor(narrow, {1, 1, i(in.P), i(in.N)}, in.initial);
  if (in.sequences) {
    Tensor ids{ElementType::i64, {1, i(in.T)}, {}};
    ids.data.resize(in.T * 8);
    std::memcpy(ids.data.data(), in.sequence.data(), ids.data.size());
    value.inputs["seq_idx"] = ids;
  }
  value.outputs["y"] = make_tensor(setting.base.base.out, {1, i(in.T), 1, i(in.P)}, y);
  value.outputs["final_states"] = make_tensor(wide, {1, 1, i(in.P), i(in.N)}, final);
  return value;
}

}  // namespace

SsdInputData draw_ssd_inputs(Random& random, const SsdSetting& setting) {
  const BinaryFormat& format = setting.base.base.in_format;
  const auto data = static_cast<MambaData>(random.below(mamba_data_count));
  SsdInputData in{1 + random.below(random.coin() ? 8 : 40),
                  1 + random.below(3),
                  1 + random.below(5),
                  1 + random.below(14),
                  random.coin(),
                  random.coin(),
                  random.coin(),
                  random.coin(),
                  random.one_in(3),
                  {},
                  {},
                  {},
                  {},
                  {},
                  {},
                  0,
                  0,
                  0,
                  0,
                  std::numeric_limits<double>::infinity(),
                  {}};
  const auto numbers = [&](std::size_t count) { return draw_numbers(random, format, count, 0, data); };
  in.x = numbers(in.T * in.P), in.B = numbers(in.T * in.N), in.C = numbers(in.T * in.N),
  in.initial = numbers(in.P * in.N);
  for (std::size_t i = 0; i < in.T * in.P; ++i) in.z.push_back(draw_gate(random, format, data));
  for (std::size_t t = 0; t < in.T; ++t) {
    in.dt.push_back(round_to(
        in.softplus ? random.uniform(-2, 2) + (random.one_in(40) ? 30 : 0) : random.uniform(-0.02, 0.3),
        format));
    in.sequence.push_back(t == 0 ? static_cast<std::int64_t>(random.below(3))
                                 : in.sequence.back() + (random.one_in(6) ? 1 : 0));
  }
  in.A = draw_rate(random, binary32, data);
  in.D = numbers(1)[0];
  in.dt_bias = in.softplus ? draw_bias(random, binary32) : round_to(random.uniform(-0.01, 0.05), binary32);
  if (random.one_in(4)) in.low = 0.001953125, in.high = 0.5;
  return in;
}

std::span<const SsdSetting> ssd_settings() {
  using enum ElementType;
  static const auto base = [](const char* name, const char* contract, bool half, bool naive) {
    const BinaryFormat& format = half ? bfloat16 : binary32;
    const bool ftz = naive;
    return MambaSetting{{name, contract, half ? bf16 : f32, half ? bf16 : f32, format, binary32, format, ftz},
                        {binary32, 2, 2, naive ? 2 : 0.5, ftz, naive}};
  };
  static const std::vector<SsdSetting> all{
      {base("fp32 cumsum", "fp32", false, false), Decay::cumsum},
      {base("fp32 segsum", "fp32,decay=segsum", false, false), Decay::segsum},
      {base("fp32 product", "fp32,decay=product", false, false), Decay::product},
      {base("fp32 recurrent", "fp32", false, false), Decay::cumsum, Convert::none, false, true},
      {base("recurrent, product", "fp32,decay=product", false, false), Decay::cumsum, Convert::none, false,
       true},
      {base("triton tf32 truncating", "mamba-triton", false, true), Decay::cumsum, Convert::truncate, true},
      {base("triton tf32 nearest", "mamba-triton,tf32=rn", false, true), Decay::cumsum, Convert::nearest,
       true},
      {base("triton bf16", "mamba-triton", true, true), Decay::cumsum, Convert::storage, true},
      {base("tensor segsum", "mamba-triton,decay=segsum", false, true), Decay::segsum, Convert::truncate,
       true},
      {base("tensor product", "mamba-triton,decay=product", true, true), Decay::product, Convert::storage,
       false},
      {base("bf16 storage", "bf16,softplus=naive,div_ulp=2,underflow=ftz", true, true), Decay::cumsum},
  };
  return all;
}

Case ssd_case(Random& random, const SsdSetting& setting) {
  const SsdInputData in = draw_ssd_inputs(random, setting);
  std::vector<double> y, final;
  with_arithmetic(setting.base.base, random, [&](const auto& arithmetic) {
    using K = Kernel<std::decay_t<decltype(arithmetic)>>;
    K kernel(arithmetic, static_cast<Fma>(random.below(3)), random);
    Functions<K> functions(kernel, setting.base.quality);
    SsdKernel<K> ssd(kernel, functions, setting, in);
    setting.recurrent ? ssd.recurrent() : ssd.chunked();
    for (const auto& v : ssd.outputs()) y.push_back(stored(K::get(v), setting.base.base, random));
    for (const auto& v : ssd.state()) final.push_back(K::get(v));
  });
  return make_case(setting, in, y, final);
}

}  // namespace exactscan::soundness
