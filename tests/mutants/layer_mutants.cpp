// Defects of the S4 layer: projections, readout, skip, state.
#include <bit>
#include <functional>
#include <vector>

#include "tests/mutants/lists.hpp"

namespace exactscan::mutants {
namespace {

using kernels::LayerCall;

float to_bfloat16(float x) { return impl::to_state(impl::from_state<impl::BFloat16>(x)); }
float to_tf32(float x) { return std::bit_cast<float>(std::bit_cast<std::uint32_t>(x) & 0xffffe000U); }

struct Layer {
  std::int64_t length = 0, states = 0, inputs = 0, outputs = 0;
  std::vector<float> in_proj, out_proj, x, a, b, c, d, initial;

  float in(std::int64_t i, std::int64_t n) const { return in_proj[static_cast<std::size_t>(i * states + n)]; }
  float out(std::int64_t n, std::int64_t o) const {
    return out_proj[static_cast<std::size_t>(n * outputs + o)];
  }
};

using Row = std::vector<float>;
std::size_t at(std::int64_t n) { return static_cast<std::size_t>(n); }

// The places where a defect is planted; each default is right.
struct Parts {
  std::function<Row(const Layer&, std::int64_t t)> project;                      // s[t]
  std::function<void(const Layer&, Row& h, const Row& s, std::int64_t t)> step;  // h[t-1] becomes h[t]
  std::function<Row(const Layer&, const Row& before, const Row& h, const Row& s)> read;  // C h + D s
  std::function<Row(const Layer&, const Row& r)> project_out;                            // y[t]
  std::function<Row(const Layer&)> start;                                                // h[-1]
};

template <class Sum, class Term>
float dot(std::int64_t count, const Sum& rounded, const Term& term) {
  float sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum = rounded(sum + term(i));
  return sum;
}
float as_is(float x) { return x; }

Row project(const Layer& l, std::int64_t t) {
  Row s;
  for (std::int64_t n = 0; n < l.states; ++n)
    s.push_back(dot(l.inputs, as_is, [&](std::int64_t i) { return l.x[at(t * l.inputs + i)] * l.in(i, n); }));
  return s;
}
void step(const Layer& l, Row& h, const Row& s, std::int64_t /*t*/) {
  for (std::size_t n = 0; n < h.size(); ++n) h[n] = l.a[n] * h[n] + l.b[n] * s[n];
}
Row read_out(const Layer& l, const Row& /*before*/, const Row& h, const Row& s) {
  Row r;
  for (std::size_t n = 0; n < h.size(); ++n) r.push_back(l.c[n] * h[n] + l.d[n] * s[n]);
  return r;
}
Row project_out(const Layer& l, const Row& r) {
  Row y;
  for (std::int64_t o = 0; o < l.outputs; ++o)
    y.push_back(dot(l.states, as_is, [&](std::int64_t n) { return r[at(n)] * l.out(n, o); }));
  return y;
}
Row start(const Layer& l) { return l.initial; }
Parts clean() { return {project, step, read_out, project_out, start}; }

Row elements(ElementType type, const kernels::Operand& o, std::int64_t rows, std::int64_t columns) {
  Row result;
  for (std::int64_t r = 0; r < rows; ++r) {
    for (std::int64_t c = 0; c < columns; ++c) result.push_back(read_element(type, o, r, c));
  }
  return result;
}

void run_layer(const LayerCall& call, const Parts& parts) {
  Layer l{call.length, call.states, call.inputs, call.outputs, {}, {}, {}, {}, {}, {}, {}, {}};
  l.in_proj = elements(call.type, call.in_proj, call.inputs, call.states);
  l.out_proj = elements(call.type, call.out_proj, call.states, call.outputs);
  l.x = elements(call.type, call.x, call.length, call.inputs);
  l.a = elements(call.type, call.a, 1, call.states);
  l.b = elements(call.type, call.b, 1, call.states);
  l.c = elements(call.type, call.c, 1, call.states);
  l.d = elements(call.type, call.d, 1, call.states);
  l.initial.resize(at(call.states));
  if (call.initial != nullptr)
    l.initial.assign(static_cast<const float*>(call.initial),
                     static_cast<const float*>(call.initial) + call.states);
  Row h = parts.start(l);
  for (std::int64_t t = 0; t < call.length; ++t) {
    const Row s = parts.project(l, t), before = h;
    parts.step(l, h, s, t);
    const Row y = parts.project_out(l, parts.read(l, before, h, s));
    for (std::int64_t o = 0; o < call.outputs; ++o) write_element(call.type, call.y, t, o, y[at(o)]);
  }
  for (std::int64_t n = 0; n < call.states && call.last != nullptr; ++n)
    static_cast<float*>(call.last)[n] = h[at(n)];
}

kernels::Implementation layer(const char* name, Parts parts) {
  kernels::Implementation result;
  result.name = name;
  result.layouts = {kernels::Layout::time_major};
  result.types = {ElementType::f32, ElementType::bf16};
  result.run_layer = [parts = std::move(parts)](const LayerCall& call) { run_layer(call, parts); };
  return result;
}

// Replaces one part.
template <class Part>
void plant_part(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                Part Parts::*place, Part planted) {
  Parts parts = clean();
  parts.*place = std::move(planted);
  list.push_back({layer(name, std::move(parts)), defect, evidence});
}
using Project = decltype(Parts::project);
using Step = decltype(Parts::step);
using Read = decltype(Parts::read);
using ProjectOut = decltype(Parts::project_out);
using Start = decltype(Parts::start);

void add_projections(std::vector<Mutant>& list) {
  plant_part(list, "projection_in_bf16", "the first projection is summed in bfloat16",
             "transformers, torch reduced-precision reductions", &Parts::project,
             Project([](const Layer& l, std::int64_t t) {
               Row s;
               for (std::int64_t n = 0; n < l.states; ++n)
                 s.push_back(dot(l.inputs, to_bfloat16,
                                 [&](std::int64_t i) { return l.x[at(t * l.inputs + i)] * l.in(i, n); }));
               return s;
             }));
  plant_part(list, "projection_in_tf32", "the operands of the second projection are cut to tf32",
             "Triton SSD: float32 dot in tf32", &Parts::project_out,
             ProjectOut([](const Layer& l, const Row& r) {
               Row cut = r;
               for (float& value : cut) value = to_tf32(value);
               return project_out(l, cut);
             }));
  plant_part(list, "projection_lacks_last_input", "the first projection leaves out the last input",
             "fla 1135: masks", &Parts::project, Project([](const Layer& l, std::int64_t t) {
               Row s;
               for (std::int64_t n = 0; n < l.states; ++n)
                 s.push_back(dot(l.inputs - 1, as_is,
                                 [&](std::int64_t i) { return l.x[at(t * l.inputs + i)] * l.in(i, n); }));
               return s;
             }));
  plant_part(list, "projection_transposed", "out_proj is read as if it were [O, N]", "probe: layout",
             &Parts::project_out, ProjectOut([](const Layer& l, const Row& r) {
               Row y;
               for (std::int64_t o = 0; o < l.outputs; ++o)
                 y.push_back(dot(l.states, as_is, [&](std::int64_t n) {
                   return r[at(n)] * l.out_proj[at(o * l.states + n)];
                 }));
               return y;
             }));
}

void add_readouts(std::vector<Mutant>& list) {
  plant_part(list, "skip_missing", "D s is left out", "mamba_ssm 888", &Parts::read,
             Read([](const Layer& l, const Row&, const Row& h, const Row&) {
               Row r;
               for (std::size_t n = 0; n < h.size(); ++n) r.push_back(l.c[n] * h[n]);
               return r;
             }));
  plant_part(list, "skip_by_head", "D of channel n / 4 serves channel n", "mamba_ssm 888, 887: D per head",
             &Parts::read, Read([](const Layer& l, const Row&, const Row& h, const Row& s) {
               Row r;
               for (std::size_t n = 0; n < h.size(); ++n) r.push_back(l.c[n] * h[n] + l.d[n / 4] * s[n]);
               return r;
             }));
  plant_part(list, "readout_before_update", "y reads the state before the step", "probe: off by one",
             &Parts::read, Read([](const Layer& l, const Row& before, const Row&, const Row& s) {
               return read_out(l, before, before, s);
             }));
  plant_part(list, "readout_modulo_group", "C of channel n mod 4 serves channel n", "ggml 15625",
             &Parts::read, Read([](const Layer& l, const Row&, const Row& h, const Row& s) {
               Row r;
               for (std::size_t n = 0; n < h.size(); ++n) r.push_back(l.c[n % 4] * h[n] + l.d[n] * s[n]);
               return r;
             }));
  plant_part(list, "readout_in_bf16", "the readout is handed on as bfloat16",
             "mamba_ssm: out in the input's type", &Parts::read,
             Read([](const Layer& l, const Row& before, const Row& h, const Row& s) {
               Row r = read_out(l, before, h, s);
               for (float& value : r) value = to_bfloat16(value);
               return r;
             }));
}

void add_states(std::vector<Mutant>& list) {
  plant_part(list, "layer_without_initial_state", "the layer starts from zero", "vLLM 22034", &Parts::start,
             Start([](const Layer& l) { return Row(l.initial.size()); }));
  plant_part(list, "layer_state_in_bf16", "the state is bfloat16", "mlx-lm 988", &Parts::step,
             Step([](const Layer& l, Row& h, const Row& s, std::int64_t t) {
               step(l, h, s, t);
               for (float& value : h) value = to_bfloat16(value);
             }));
  plant_part(list, "layer_restarts", "the state restarts at step 32", "vLLM 23279", &Parts::step,
             Step([](const Layer& l, Row& h, const Row& s, std::int64_t t) {
               if (t == 32) h.assign(h.size(), 0.0F);
               step(l, h, s, t);
             }));
  plant_part(list, "layer_input_weight_twice", "B multiplies the carried state as well",
             "modular 5748: twice", &Parts::step,
             Step([](const Layer& l, Row& h, const Row& s, std::int64_t) {
               for (std::size_t n = 0; n < h.size(); ++n) h[n] = l.b[n] * (l.a[n] * h[n] + s[n]);
             }));
}

}  // namespace

kernels::Implementation clean_layer() { return layer("layer", clean()); }

void add_layer_mutants(std::vector<Mutant>& list) {
  add_projections(list);
  add_readouts(list);
  add_states(list);
}

}  // namespace exactscan::mutants
