// Tests of the selective scan kernels on a device, against tests/cuda/selective_reference.hpp. Exit code 77:
// no device, 1: failed.
//
//   selective_test [--small] [--large] [--dump FOLDER]
// --small: fewer shapes, for compute-sanitizer; --large: only the shape of more than 2^31 elements (35 GB);
// --dump: only writes cases for the oracle.
#include <algorithm>
#include <array>

#include "tests/cuda/selective_case.cuh"

using namespace harness;
using namespace selective_case;
namespace sel = exactscan::cuda::selective;
using exactscan::cuda::Status;
using bf16 = __nv_bfloat16;

namespace {

double worst_ratio = 0;

template <class T>
void compare(const std::string& what, const Buffer<T>& got, const std::vector<double>& exact,
             const std::vector<double>& allowed, double factor = 1) {
  Worst w;
  expect(got.guards_intact(), what + " guards");
  for (std::size_t i = 0; i < got.host.size(); ++i)
    w.see(std::fabs(to_double(got.host[i]) - exact[i]), factor * allowed[i] + (factor == 1 ? 0 : 1e-33),
          static_cast<i64>(i));
  worst_ratio = std::max(worst_ratio, w.ratio);
  char text[80];
  std::snprintf(text, sizeof text, " %.3g times allowed at %lld", w.ratio, static_cast<long long>(w.at));
  expect(w.ratio <= 1, what + text);
}

template <class T>
void forward_case(const Case& c) {
  const std::string name = describe(c, sizeof(T) == 4);
  Inputs<T> v(c);
  Buffer<T> y(v.u.host.size(), c.shift);
  Buffer<float> last(v.initial.host.size());
  sel::Scan s = v.scan();
  s.y = y.device(), s.last = c.last ? last.device() : nullptr;
  expect(sel::scan(s, nullptr) == Status::ok, name + " status");
  require(cudaDeviceSynchronize(), name.c_str());
  y.down(), last.down();
  const auto exact = selective_reference::forward(v.problem(), sizeof(T) == 4 ? 0x1p-24 : 0x1.01p-8);
  compare(name + " y", y, exact.y, exact.y_error);
  if (c.last) compare(name + " last", last, exact.last, exact.last_error);
}

template <class T>
void forward_cases(bool small) {
  int k = 0;
  for (i64 length :
       small ? std::vector<i64>{0, 1, 33, 80}
             : std::vector<i64>{0, 1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 100, 255, 512, 1000, 2049})
    for (i64 channels : small ? std::vector<i64>{3, 80} : std::vector<i64>{1, 6, 64, 66, 192})
      for (i64 states : small ? std::vector<i64>{16} : std::vector<i64>{1, 5, 16}) {
        ++k;
        Case c{1 + k % 2, channels, channels % 3 == 0 && k % 2 ? 3 : 1, states, length};
        c.gate = k % 3 != 0, c.skip = k % 4 != 0, c.bias = k % 5 != 0, c.initial = k % 2 != 0,
        c.last = k % 7 != 0, c.softplus = k % 6 != 0;
        c.shift = k % 4 == 3 ? 1 : 0;
        forward_case<T>(c);
      }
  for (i64 states : {32, 20, 64, 33}) forward_case<T>({2, 70, 2, states, small ? 50 : 300});
  Case c{1, 64, 1, 16, small ? 64 : 700};
  c.low = -20, c.high = -10, forward_case<T>(c);              // small steps: softplus without cancellation
  c.low = -2, c.high = 25, c.rate = 1e3, forward_case<T>(c);  // around the threshold, strong decay
  c.low = 1, c.high = 5, c.threshold = 3, forward_case<T>(c);
  c.threshold = 20, c.low = -40, c.high = -30, c.rate = 1e-3, forward_case<T>(c);
}

// All gradients of one case.
struct Gradients {
  Buffer<float> checkpoints, scratch, du, ddelta, dz, dA, dB, dC, dD, dbias, dinitial;
  explicit Gradients(Inputs<float>& v, sel::ScanBackward& g)
      : checkpoints(static_cast<i64>(sel::checkpoint_bytes(v.scan()) / 4)),
        scratch(scratch_floats(v)),
        du(v.u.host.size(), v.c.shift),
        ddelta(du.host.size(), v.c.shift),
        dz(du.host.size(), v.c.shift),
        dA(v.A.host.size()),
        dB(v.B.host.size()),
        dC(v.B.host.size()),
        dD(v.c.channels),
        dbias(v.c.channels),
        dinitial(v.initial.host.size()) {
    sel::Scan s = v.scan();
    s.y = du.device(), s.checkpoints = checkpoints.device();
    expect(sel::scan(s, nullptr) == Status::ok, "checkpoints");
    require(cudaDeviceSynchronize(), "checkpoints");
    expect(checkpoints.guards_intact(), "checkpoint guards");
    du.poison();
    g.forward = s, g.dy = v.dy.device(), g.d_last = v.c.last ? v.d_last.device() : nullptr,
    g.du = du.device(), g.ddelta = ddelta.device();
    g.dz = v.c.gate ? dz.device() : nullptr, g.dA = dA.device(), g.dB = dB.device(), g.dC = dC.device(),
    g.dD = v.c.skip ? dD.device() : nullptr;
    g.ddelta_bias = v.c.bias ? dbias.device() : nullptr, g.d_initial = dinitial.device();
  }
  static i64 scratch_floats(Inputs<float>& v) {
    sel::ScanBackward g;
    g.forward = v.scan();
    return static_cast<i64>(sel::scratch_bytes(g) / 4);
  }
  void run(const sel::ScanBackward& g, const std::string& name) {
    expect(sel::scan_backward(g, scratch.device(), scratch.bytes(), nullptr) == Status::ok, name + " status");
    require(cudaDeviceSynchronize(), name.c_str());
    expect(scratch.guards_intact(), name + " scratch guards");
    for (auto* t : {&du, &ddelta, &dz, &dA, &dB, &dC, &dD, &dbias, &dinitial}) t->down();
  }
};

void backward_case(const Case& c) {
  const std::string name = "adjoint " + describe(c, true);
  Inputs<float> v(c);
  sel::ScanBackward g;
  Gradients r(v, g);
  r.run(g, name);
  const auto exact = selective_reference::adjoint(v.problem(), widened(v.dy),
                                                  c.last ? widened(v.d_last) : std::vector<double>{});
  const double factor = 300 * selective_reference::kUnit;
  compare(name + " du", r.du, exact.du, exact.du_size, factor);
  compare(name + " ddelta", r.ddelta, exact.ddelta, exact.ddelta_size, factor);
  if (c.gate) compare(name + " dz", r.dz, exact.dz, exact.dz_size, factor);
  compare(name + " dA", r.dA, exact.dA, exact.dA_size, factor);
  compare(name + " dB", r.dB, exact.dB, exact.dB_size, factor);
  compare(name + " dC", r.dC, exact.dC, exact.dC_size, factor);
  if (c.skip) compare(name + " dD", r.dD, exact.dD, exact.dD_size, factor);
  if (c.bias) compare(name + " ddelta_bias", r.dbias, exact.dbias, exact.dbias_size, factor);
  compare(name + " d_initial", r.dinitial, exact.dinitial, exact.dinitial_size, factor);
}

void backward_cases(bool small) {
  int k = 0;
  for (i64 length :
       small ? std::vector<i64>{0, 1, 33, 80}
             : std::vector<i64>{0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 32, 33, 64, 100, 255, 1000, 2049})
    for (i64 channels : small ? std::vector<i64>{3, 80} : std::vector<i64>{1, 6, 64, 66, 192})
      for (i64 states : small ? std::vector<i64>{16} : std::vector<i64>{1, 5, 16}) {
        ++k;
        Case c{1 + k % 2, channels, channels % 3 == 0 && k % 2 ? 3 : 1, states, length};
        c.gate = k % 3 != 0, c.skip = k % 4 != 0, c.bias = k % 5 != 0, c.initial = k % 2 != 0,
        c.last = k % 7 != 0, c.softplus = k % 6 != 0;
        c.shift = k % 4 == 3 ? 1 : 0;
        backward_case(c);
      }
  Case c{2, 64, 1, 16, small ? 64 : 700};
  c.low = -20, c.high = -10, backward_case(c);
  c.low = -2, c.high = 25, c.rate = 1e3, backward_case(c);
}

template <class T>
void step_case(i64 channels, i64 groups, i64 states) {
  Case c{3, channels, groups, states, 1};
  c.initial = true;
  Inputs<T> v(c);
  Buffer<float> state(v.initial.host.size());
  state.host = v.initial.host, state.up();
  Buffer<T> y(v.u.host.size());
  sel::StateUpdate s;
  s.type = sizeof(T) == 4 ? sel::Storage::f32 : sel::Storage::bf16;
  s.batch = 3, s.channels = channels, s.groups = groups, s.states = states, s.state = state.device(),
  s.x = v.u.device(), s.delta = v.delta.device();
  s.B = v.B.device(), s.C = v.C.device(), s.z = v.z.device(), s.A = v.A.device(), s.D = v.D.device(),
  s.delta_bias = v.bias.device();
  s.softplus = true, s.y = y.device();
  expect(sel::state_update(s, nullptr) == Status::ok, "step status");
  y.down(), state.down();
  const auto exact = selective_reference::forward(v.problem(), sizeof(T) == 4 ? 0x1p-24 : 0x1.01p-8);
  compare("step y", y, exact.y, exact.y_error), compare("step state", state, exact.last, exact.last_error);
}

void repeated() {
  Case c{2, 640, 2, 16, 1111};
  Inputs<float> v(c);
  Buffer<float> y(v.u.host.size());
  sel::Scan s = v.scan();
  s.y = y.device();
  std::vector<float> first;
  for (int i = 0; i < 10; ++i) {
    y.poison();
    expect(sel::scan(s, nullptr) == Status::ok, "repeated status");
    y.down();
    if (i == 0) first = y.host;
    expect(std::memcmp(first.data(), y.host.data(), y.bytes()) == 0, "10 runs bit-identical");
  }
  sel::ScanBackward g;
  Gradients r(v, g);
  std::vector<float> dB, dA;
  for (int i = 0; i < 10; ++i) {
    r.run(g, "repeated adjoint");
    if (i == 0) dB = r.dB.host, dA = r.dA.host;
    expect(dB == r.dB.host && dA == r.dA.host, "10 adjoints bit-identical");
  }
}

__global__ void fill(float* u, float* delta, i64 n) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    u[i] = static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i)) - 1);
    delta[i] = static_cast<float>(-6 + 3 * uniform(static_cast<std::uint64_t>(i) ^ 99999));
  }
}

// More than 2^31 elements; channels from both ends and around the 2^31st element are compared.
void large() {
  const i64 channels = 65600, length = 32768, n = channels * length;
  float *u = nullptr, *delta = nullptr, *y = nullptr;
  require(cudaMalloc(&u, static_cast<std::size_t>(n) * 4), "26 GB");
  require(cudaMalloc(&delta, static_cast<std::size_t>(n) * 4), "26 GB");
  require(cudaMalloc(&y, static_cast<std::size_t>(n) * 4), "26 GB");
  fill<<<4096, 256>>>(u, delta, n);
  Case one{1, 1, 1, 16, length};
  one.gate = one.skip = one.bias = false;
  Inputs<float> v(one);
  Buffer<float> A(channels * 16), row(length);
  Random r(3);
  for (auto& a : A.host) a = static_cast<float>(-r.log_uniform(1e-2, 16));
  A.up();
  sel::Scan s = v.scan();
  s.channels = channels, s.u = u, s.delta = delta, s.A = A.device(), s.y = y;
  expect(sel::scan(s, nullptr) == Status::ok, "large status");
  require(cudaDeviceSynchronize(), "large");
  for (i64 d : {i64{0}, i64{65535}, i64{65536}, channels - 1}) {
    auto p = v.problem();
    for (auto [from, to] : {std::pair<const float*, std::vector<double>*>{u, &p.u}, {delta, &p.delta}}) {
      require(cudaMemcpy(row.host.data(), from + d * length, row.bytes(), cudaMemcpyDeviceToHost), "row");
      *to = widened(row);
    }
    for (i64 k = 0; k < 16; ++k) p.A[static_cast<std::size_t>(k)] = to_double(A[d * 16 + k]);
    require(cudaMemcpy(row.host.data(), y + d * length, row.bytes(), cudaMemcpyDeviceToHost), "row");
    const auto exact = selective_reference::forward(p, 0x1p-24);
    compare("large channel " + std::to_string(d), row, exact.y, exact.y_error);
  }
  cudaFree(u), cudaFree(delta), cudaFree(y);
}

template <class T>
void dump_forward(const std::string& folder, const char* name, const Case& c) {
  Inputs<T> v(c);
  Buffer<T> y(v.u.host.size());
  Buffer<float> last(v.initial.host.size());
  sel::Scan s = v.scan();
  s.y = y.device(), s.last = last.device();
  expect(sel::scan(s, nullptr) == Status::ok, "dump status");
  require(cudaDeviceSynchronize(), "dump");
  y.down(), last.down();
  Dump d(folder, name, "selective_scan");
  const char* type = sizeof(T) == 4 ? "f4" : "bf16";
  d.option("delta_softplus", "bool", c.softplus ? "true" : "false");
  d.option("source", "str", "exactscan CUDA kernels: ex2.approx.ftz of a prescaled argument, log1p softplus");
  d.tensor("in.u", type, {c.batch, c.channels, c.length}, v.u),
      d.tensor("in.delta", type, {c.batch, c.channels, c.length}, v.delta);
  d.tensor("in.A", "f4", {c.channels, c.states}, v.A);
  d.tensor("in.B", type, {c.batch, c.groups, c.states, c.length}, v.B),
      d.tensor("in.C", type, {c.batch, c.groups, c.states, c.length}, v.C);
  if (c.skip) d.tensor("in.D", "f4", {c.channels}, v.D);
  if (c.gate) d.tensor("in.z", type, {c.batch, c.channels, c.length}, v.z);
  if (c.bias) d.tensor("in.delta_bias", "f4", {c.channels}, v.bias);
  d.tensor("out.y", type, {c.batch, c.channels, c.length}, y),
      d.tensor("out.last_state", "f4", {c.batch, c.channels, c.states}, last);
}

void dump_backward(const std::string& folder) {
  Case c{1, 8, 2, 8, 1101};
  Inputs<float> v(c);
  sel::ScanBackward g;
  Gradients r(v, g);
  g.d_last = nullptr;
  r.run(g, "dump");
  Dump d(folder, "selective_f32_bwd", "selective_scan");
  d.option("delta_softplus", "bool", "true");
  d.option("source", "str", "exactscan CUDA kernels: ex2.approx.ftz of a prescaled argument, log1p softplus");
  const std::vector<i64> row{c.batch, c.channels, c.length},
      projection{c.batch, c.groups, c.states, c.length};
  d.tensor("in.u", "f4", row, v.u), d.tensor("in.delta", "f4", row, v.delta),
      d.tensor("in.A", "f4", {c.channels, c.states}, v.A);
  d.tensor("in.B", "f4", projection, v.B), d.tensor("in.C", "f4", projection, v.C),
      d.tensor("in.D", "f4", {c.channels}, v.D);
  d.tensor("in.z", "f4", row, v.z), d.tensor("in.delta_bias", "f4", {c.channels}, v.bias),
      d.tensor("in.dy", "f4", row, v.dy);
  d.tensor("out.du", "f4", row, r.du), d.tensor("out.ddelta", "f4", row, r.ddelta),
      d.tensor("out.dA", "f4", {c.channels, c.states}, r.dA);
  d.tensor("out.dB", "f4", projection, r.dB), d.tensor("out.dC", "f4", projection, r.dC),
      d.tensor("out.dD", "f4", {c.channels}, r.dD);
  d.tensor("out.ddelta_bias", "f4", {c.channels}, r.dbias), d.tensor("out.dz", "f4", row, r.dz);
}

void dumps(const std::string& folder) {
  dump_backward(folder);
  Case c{2, 8, 2, 8, 2301};
  dump_forward<float>(folder, "selective_f32", c);
  dump_forward<bf16>(folder, "selective_bf16", c);
  c.length = 600, c.low = -20, c.high = -10;
  dump_forward<float>(folder, "selective_f32_small_steps", c);
  c.low = -2, c.high = 25, c.rate = 100;
  dump_forward<float>(folder, "selective_f32_strong", c);
  c = {1, 6, 3, 16, 777}, c.gate = c.skip = c.bias = c.softplus = false;
  dump_forward<float>(folder, "selective_f32_bare", c);
}

}  // namespace

int main(int argc, char** argv) {
  bool small = false, only_large = false;
  std::string folder;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--small") small = true;
    if (a == "--large") only_large = true;
    if (a == "--dump" && i + 1 < argc) folder = argv[++i];
  }
  if (!has_device()) return std::printf("selective_test: no device, skipped\n"), 77;
  if (only_large) return large(), report("selective_test --large");
  if (!folder.empty()) return dumps(folder), report("selective_test --dump");
  forward_cases<float>(small);
  forward_cases<bf16>(small);
  backward_cases(small);
  for (auto [channels, groups, states] :
       {std::array<i64, 3>{5, 1, 16}, {128, 2, 16}, {66, 3, 5}, {40, 1, 130}})
    step_case<float>(channels, groups, states), step_case<bf16>(channels, groups, states);
  if (!small) repeated();
  std::printf("largest deviation: %.3f of allowed\n", worst_ratio);
  return report("selective_test");
}
