// The CPU kernels of the Mamba family, once for each instruction set that this machine has and with several
// threads.
#include <fmt/format.h>
#include <hwy/targets.h>

#include <cstring>
#include <limits>
#include <set>

#include "impl/mamba_block.hpp"
#include "impl/selective_scan.hpp"
#include "impl/ssd.hpp"
#include "tests/kernels/on_target.hpp"
#include "tests/kernels/system_kernel.hpp"

namespace exactscan::kernels {
namespace {

impl::StepRule step_rule(const SystemCall& call, const char* softplus) {
  impl::StepRule rule;
  rule.softplus = call.flag(softplus);
  rule.threshold = call.number("softplus_threshold", 20);
  return rule;
}

template <class T>
impl::SelectiveInputs<T> scan_inputs(const SystemCall& call) {
  using S = impl::State<T>;
  impl::SelectiveInputs<T> in;
  in.u = call.input("u").as<T>(), in.delta = call.input("delta").as<T>(), in.A = call.input("A").as<S>();
  (call.in.at("B").shape.size() == 2 ? void(in.constant_B = call.input("B").as<S>())
                                     : void(in.B = call.input("B").as<T>()));
  (call.in.at("C").shape.size() == 2 ? void(in.constant_C = call.input("C").as<S>())
                                     : void(in.C = call.input("C").as<T>()));
  in.D = call.input("D").as<S>(), in.z = call.input("z").as<T>();
  in.delta_bias = call.input("delta_bias").as<S>(), in.initial = call.input("initial_state").as<S>();
  in.step = step_rule(call, "delta_softplus");
  return in;
}

std::int64_t groups_of(const SystemCall& call) {
  for (const char* name : {"B", "C"}) {
    if (call.in.at(name).shape.size() == 4) return call.size(name, 1);
  }
  return 1;
}

template <class T>
void run_selective_scan(const SystemCall& call, const impl::ScanOptions& options) {
  using S = impl::State<T>;
  const impl::SelectiveShape shape{call.size("u", 0), call.size("u", 1), groups_of(call), call.size("A", 1),
                                   call.size("u", 2)};
  const impl::SelectiveInputs<T> in = scan_inputs<T>(call);
  if (call.wants("y"))
    impl::selective_scan<T>(shape, in, call.output("y").as<T>(), call.output("last_state").as<S>(), options);
  if (!call.has("dy")) return;
  impl::SelectiveGradients<T> out;
  out.du = call.output("du").as<T>(), out.ddelta = call.output("ddelta").as<T>();
  out.dz = call.output("dz").as<T>(), out.dA = call.output("dA").as<S>();
  out.dB = call.output("dB").as<T>(), out.constant_dB = call.output("dB").as<S>();
  out.dC = call.output("dC").as<T>(), out.constant_dC = call.output("dC").as<S>();
  out.dD = call.output("dD").as<S>(), out.ddelta_bias = call.output("ddelta_bias").as<S>();
  out.dinitial = call.output("dinitial_state").as<S>();
  impl::selective_scan_backward<T>(shape, in, call.input("dy").as<T>(), out,
                                   call.input("dlast_state").as<S>());
}

// The channels of all heads are one scan's.
template <class T>
void run_state_update(const SystemCall& call) {
  using S = impl::State<T>;
  const std::vector<std::int64_t>& state = call.in.at("state").shape;
  const std::vector<std::int64_t>& weights = call.in.at("B").shape;
  impl::SelectiveShape shape{state[0], state.size() == 4 ? state[1] * state[2] : state[1],
                             weights.size() == 3 ? weights[1] : 1, state.back(), 1};
  impl::SelectiveInputs<T> in;
  in.u = call.input("x").as<T>(), in.delta = call.input("dt").as<T>(), in.A = call.input("A").as<S>();
  in.B = call.input("B").as<T>(), in.C = call.input("C").as<T>(), in.D = call.input("D").as<S>();
  in.z = call.input("z").as<T>(), in.delta_bias = call.input("dt_bias").as<S>();
  in.step = step_rule(call, "dt_softplus");
  const Buffer before = call.input("state"), after = call.output("state");
  if (before.type != after.type) {
    impl::widen(before.as<T>(), before.size(), after.as<S>());
  } else if (before.data != after.data) {
    std::memcpy(after.data, before.data, static_cast<std::size_t>(before.size()) * sizeof(S));
  }
  impl::selective_state_update<T>(shape, in, after.as<S>(), call.output("y").as<T>());
}

template <class T>
void run_ssd(const SystemCall& call, const impl::ScanOptions& options) {
  using S = impl::State<T>;
  const impl::SsdShape shape{call.size("x", 0), call.size("x", 1), call.size("x", 2),
                             call.size("x", 3), call.size("B", 3), call.size("B", 2)};
  impl::SsdTensors<T> in;
  in.x = call.input("x").as<T>(), in.dt = call.input("dt").as<T>(), in.A = call.input("A").as<S>();
  in.B = call.input("B").as<T>(), in.C = call.input("C").as<T>(), in.z = call.input("z").as<T>();
  in.D = call.input("D").as<S>(), in.skip_each_column = call.has("D") && call.in.at("D").shape.size() == 2;
  in.dt_bias = call.input("dt_bias").as<S>(), in.initial = call.input("initial_states").as<S>();
  in.step = step_rule(call, "dt_softplus");
  in.step.low = call.number("dt_min", 0);
  in.step.high = call.number("dt_max", std::numeric_limits<double>::infinity());
  in.sequence = call.input("seq_idx").as<std::int64_t>();
  if (call.has("cu_seqlens")) {
    in.ends = call.input("cu_seqlens").as<std::int64_t>() + 1;
    in.sequences = call.size("cu_seqlens", 0) - 1;
  }
  impl::ssd<T>(shape, in, call.output("y").as<T>(), call.output("final_states").as<S>(),
               call.output("varlen_states").as<S>(), options);
}

template <class T>
impl::MatrixView<const T> matrix(const Buffer& buffer) {
  return {buffer.as<T>(), buffer.shape.at(1), 1};
}

template <class T>
void run_mamba_block(const SystemCall& call) {
  using S = impl::State<T>;
  const impl::LayerShape shape{call.size("x", 0), call.size("A", 0), call.size("x", 1),
                               call.size("out_proj", 1)};
  const impl::MambaBlock<T> block{
      {matrix<T>(call.in.at("in_proj")), matrix<T>(call.in.at("out_proj")), call.input("A").as<T>(),
       call.input("B").as<T>(), call.input("C").as<T>(), call.input("D").as<T>()},
      matrix<T>(call.in.at("gate_proj"))};
  impl::mamba_block<T>(shape, block, matrix<T>(call.in.at("x")), call.input("h0").as<S>(),
                       {call.output("y").as<T>(), shape.outputs, 1}, call.output("h_last").as<S>());
}

template <class T>
void run_selective_block(const SystemCall& call) {
  using S = impl::State<T>;
  const auto parameter = [&](const char* name) { return call.input(name).as<S>(); };
  const impl::SelectiveBlockShape shape{call.size("x", 0),
                                        call.size("x", 1),
                                        call.size("A", 0),
                                        call.size("A", 1),
                                        call.size("out_proj", 1),
                                        call.size("conv_kernel", 0),
                                        call.has("history") ? call.size("history", 0) : 0};
  impl::SelectiveMambaBlock<S> block;
  block.x_proj = parameter("x_proj"), block.z_proj = parameter("z_proj");
  block.conv_kernel = parameter("conv_kernel"), block.conv_bias = parameter("conv_bias");
  block.dt_proj = parameter("dt_proj"), block.dt_bias = parameter("dt_bias"), block.A = parameter("A");
  block.b_proj = parameter("b_proj"), block.c_proj = parameter("c_proj"), block.d_skip = parameter("d_skip");
  block.out_proj = parameter("out_proj"), block.initial = parameter("h0"),
  block.history = parameter("history");
  impl::selective_mamba_block<T>(shape, block, call.input("x").as<T>(), call.output("y").as<T>(),
                                 call.output("h_last").as<S>());
}

template <class T>
void run_typed(const SystemCall& call, const impl::ScanOptions& options) {
  if (call.inputs.op == "selective_scan") run_selective_scan<T>(call, options);
  if (call.inputs.op == "selective_state_update") run_state_update<T>(call);
  if (call.inputs.op == "ssd") run_ssd<T>(call, options);
  if (call.inputs.op == "mamba_block") run_mamba_block<T>(call);
  if (call.inputs.op == "selective_mamba_block") run_selective_block<T>(call);
}

void run_any(const SystemCall& call, const impl::ScanOptions& options) {
  const char* const signal = call.has("u") ? "u" : "x";
  switch (call.in.at(signal).type) {
    case ElementType::f32:
      return run_typed<float>(call, options);
    case ElementType::f64:
      return run_typed<double>(call, options);
    case ElementType::f16:
      return run_typed<impl::Float16>(call, options);
    default:
      return run_typed<impl::BFloat16>(call, options);
  }
}

// State<T> for what is carried along or summed over time.
ElementType output_type(const std::string& output, ElementType proposed) {
  static const std::set<std::string> stored{"y", "du", "ddelta", "dz", "dB", "dC"};
  return stored.count(output) != 0 || proposed == ElementType::f64 ? proposed : ElementType::f32;
}

// Constant weights are State<T>, too, but have the names of varying ones.
bool takes(const Case& inputs) {
  const auto constant = [&](const char* name) {
    const auto found = inputs.inputs.find(name);
    return found != inputs.inputs.end() && found->second.shape.size() == 2 &&
           element_size(found->second.type) == 2;
  };
  return inputs.op != "selective_scan" || (!constant("B") && !constant("C"));
}

SystemKernel kernel(std::string name, std::vector<SystemForm> forms, std::vector<std::string> wide,
                    std::int64_t target, const impl::ScanOptions& options) {
  SystemKernel k;
  k.name = std::move(name);
  k.forms = std::move(forms);
  k.types = {ElementType::f32, ElementType::f64, ElementType::bf16, ElementType::f16};
  k.run = [target, options](const SystemCall& call) {
    const OnTarget only(target);
    run_any(call, options);
  };
  k.takes = takes;
  k.wide_inputs = std::move(wide);
  k.output_type = output_type;
  k.in_place = {{"state", "state"}};
  k.lengths = {64, 129};  // 64 steps in a tile, 128 of ssd
  return k;
}

// What the kernels take in State<T>.
const std::vector<std::string> of_scans{
    "A", "D", "delta_bias", "dt_bias", "initial_state", "initial_states", "dlast_state"};
const std::vector<std::string> of_selective_block{"x_proj",   "z_proj", "conv_kernel", "conv_bias", "dt_proj",
                                                  "dt_bias",  "A",      "b_proj",      "c_proj",    "d_skip",
                                                  "out_proj", "h0",     "history"};

const std::vector<SystemForm> scans{
    {"selective_scan", false}, {"selective_scan", true}, {"selective_state_update", false}, {"ssd", false}};

}  // namespace

// All on the best instruction set of this machine; the scans also on the plainest, which has one lane and no
// fused multiply-add, and with threads on the next best. The vector functions are tested on every one
// (mamba_functions_test).
void add_mamba(std::vector<SystemKernel>& list) {
  const std::vector<std::int64_t> targets = hwy::SupportedAndGeneratedTargets();
  const std::int64_t best = targets.front(), next = targets.size() > 1 ? targets[1] : best;
  list.push_back(kernel(fmt::format("mamba_{}", hwy::TargetName(best)), scans, of_scans, best, {}));
  if (targets.back() != best) {
    list.push_back(kernel(fmt::format("mamba_{}", hwy::TargetName(targets.back())), scans, of_scans,
                          targets.back(), {}));
    list.back().types = {ElementType::f32};
  }
  list.push_back(kernel(fmt::format("mamba_{}_3_threads", hwy::TargetName(next)),
                        {{"selective_scan", false}, {"ssd", false}}, of_scans, next, {3, 1}));
  list.back().types = {ElementType::f32};
  list.back().lengths.push_back(513);  // selective_scan: 512 steps of one tile before the next
  list.push_back(kernel("mamba_block", {{"mamba_block", false}}, {"h0"}, 0, {}));
  list.push_back(
      kernel("selective_mamba_block", {{"selective_mamba_block", false}}, of_selective_block, 0, {}));
}

}  // namespace exactscan::kernels
