// Tests of the SSD kernels on a device, against tests/cuda/ssd_reference.hpp. Exit code 77: no device, 1:
// failed.
//
//   ssd_test [--small] [--large] [--dump FOLDER]
// --small: fewer shapes, for compute-sanitizer; --large: only a shape of more than 2^31 elements (9 GB);
// --dump: only writes cases for the oracle.
#include <algorithm>
#include <array>
#include <cmath>

#include "tests/cuda/ssd_case.cuh"

using namespace harness;
using namespace ssd_case;
using exactscan::cuda::Status;

namespace {

double worst_ratio = 0;

template <class T>
void compare(const std::string& what, const Buffer<T>& got, const std::vector<double>& exact,
             const std::vector<double>& allowed) {
  Worst w;
  expect(got.guards_intact(), what + " guards");
  double square = 0, error = 0;
  for (std::size_t i = 0; i < got.host.size(); ++i) {
    const double deviation = std::fabs(to_double(got.host[i]) - exact[i]);
    w.see(deviation, allowed[i], static_cast<i64>(i));
    square += exact[i] * exact[i], error += deviation * deviation;
  }
  worst_ratio = std::max(worst_ratio, w.ratio);
  char text[120];
  std::snprintf(text, sizeof text, " %.3g times allowed at %lld, relative L2 %.3g", w.ratio,
                static_cast<long long>(w.at), std::sqrt(error / square));
  expect(w.ratio <= 1, what + text);
}

// Runs a scan with scratch of its own.
void run(const ssd::Scan& s, const std::string& name) {
  const std::size_t bytes = ssd::scratch_bytes(s);
  Buffer<float> scratch(static_cast<i64>(bytes / 4));
  expect(ssd::scan(s, scratch.device(), bytes, nullptr) == Status::ok, name + " status");
  require(cudaDeviceSynchronize(), name.c_str());
  expect(scratch.guards_intact(), name + " scratch guards");
}

template <class T>
struct Outputs {
  Buffer<T> y;
  Buffer<float> last;
  explicit Outputs(const Inputs<T>& v)
      : y(static_cast<i64>(v.x.host.size()), v.c.shift), last(static_cast<i64>(v.initial.host.size())) {}
  void run(const Inputs<T>& v, const std::string& name, bool with_last = true) {
    ssd::Scan s = v.scan();
    s.y = y.device(), s.final = with_last ? last.device() : nullptr;
    ::run(s, name);
    y.down(), last.down();
  }
};

template <class T>
void forward_case(const Case& c) {
  const std::string name = describe<T>(c);
  Inputs<T> v(c);
  Outputs<T> r(v);
  r.run(v, name);
  const auto exact = ssd_reference::forward(v.problem());
  compare(name + " y", r.y, exact.y, exact.y_error);
  compare(name + " final", r.last, exact.last, exact.last_error);
}

template <class T>
void forward_cases(bool small) {
  struct Sizes {
    i64 heads, groups, width, states;
  };
  const std::vector<Sizes> all = {{3, 1, 64, 128}, {4, 2, 64, 64},  {1, 1, 64, 16},  {5, 1, 32, 100},
                                  {6, 3, 8, 40},   {2, 2, 70, 65},  {1, 1, 130, 24}, {4, 1, 5, 1},
                                  {7, 1, 1, 3},    {3, 3, 64, 128}, {2, 1, 128, 96}};
  int k = 0;
  for (i64 length : small ? std::vector<i64>{0, 1, 63, 130}
                          : std::vector<i64>{0, 1, 2, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200, 333, 520})
    for (std::size_t i = 0; i < (small ? 4 : all.size()); ++i) {
      const Sizes& z = all[(i * 3 + static_cast<std::size_t>(k) / 7) % all.size()];
      ++k;
      Case c{1 + k % 2, length, z.heads, z.width, z.groups, z.states};
      c.gate = k % 3 == 0, c.skip = k % 4 != 0, c.per_channel = k % 5 == 0, c.bias = k % 6 != 0,
      c.initial = k % 2 != 0, c.softplus = k % 7 != 0, c.limits = k % 8 == 0;
      c.shift = k % 9 == 0 ? 1 : 0, c.segments = k % 3 == 1 ? 1 + k % 5 : 1;
      forward_case<T>(c);
    }
  Case c{1, small ? 70 : 400, 2, 64, 1, 128};
  c.low = -20, c.high = -10, forward_case<T>(c);              // small steps: softplus without cancellation
  c.low = -2, c.high = 25, c.rate = 1e3, forward_case<T>(c);  // around the threshold, strong decay
  c.segments = 0, forward_case<T>(c);
  c.low = 1, c.high = 5, c.threshold = 3, c.rate = 4, forward_case<T>(c);
  c.threshold = 20, c.low = -7, c.high = -2, c.growth = -1, c.rate = 0.2, forward_case<T>(c);
  if (small) return;
  c = {2, 2100, 3, 64, 1, 128};
  forward_case<T>(c);
  c.segments = 5, c.gate = c.initial = true, forward_case<T>(c);
}

// Ten runs give the same to the bit.
template <class T>
void repeated() {
  Case c{2, 700, 5, 64, 1, 128};
  c.segments = 3;
  Inputs<T> v(c);
  std::vector<T> first;
  for (int i = 0; i < 10; ++i) {
    Outputs<T> r(v);
    r.run(v, "repeated");
    if (i == 0) first = r.y.host;
    expect(std::memcmp(first.data(), r.y.host.data(), r.y.bytes()) == 0, "10 runs bit-identical");
  }
}

template <class T>
void step_case(i64 heads, i64 groups, i64 width, i64 states) {
  Case c{3, 1, heads, width, groups, states};
  c.initial = c.gate = true, c.per_channel = heads % 2 == 0;
  Inputs<T> v(c);
  Buffer<float> state(static_cast<i64>(v.initial.host.size()));
  state.host = v.initial.host, state.up();
  Buffer<T> y(static_cast<i64>(v.x.host.size()));
  ssd::StateUpdate s;
  s.type = sizeof(T) == 4 ? ssd::Storage::f32 : ssd::Storage::bf16;
  s.batch = c.batch, s.heads = heads, s.width = width, s.groups = groups, s.states = states;
  s.state = state.device(), s.y = y.device();
  v.options(s);
  expect(ssd::state_update(s, nullptr) == Status::ok, "step status");
  require(cudaDeviceSynchronize(), "step");
  y.down(), state.down();
  auto p = v.problem();
  p.operand = 0;
  const auto exact = ssd_reference::forward(p);
  compare("step y", y, exact.y, exact.y_error), compare("step state", state, exact.last, exact.last_error);
}

void arguments() {
  Case c{1, 40, 2, 64, 1, 16};
  Inputs<float> v(c);
  Outputs<float> r(v);
  ssd::Scan s = v.scan();
  expect(ssd::scan(s, nullptr, 0, nullptr) == Status::bad_argument, "no y");
  s.y = r.y.device(), s.groups = 3;
  expect(ssd::scan(s, nullptr, 0, nullptr) == Status::bad_argument, "3 groups of 2 heads");
  s.groups = 1, s.states = 129;
  expect(ssd::scan(s, nullptr, 0, nullptr) == Status::unsupported, "129 states");
  s.states = 16, s.segments = 2;
  expect(ssd::scan(s, nullptr, 0, nullptr) == Status::bad_argument, "no scratch");
  s.batch = 0;
  expect(ssd::scan(s, nullptr, 0, nullptr) == Status::ok, "nothing to do");
}

template <class T>
__global__ void fill(T* x, T* dt, i64 n, i64 m) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    x[i] = narrow<T>(static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i)) - 1));
    if (i < m) dt[i] = narrow<T>(static_cast<float>(-6 + 3 * uniform(static_cast<std::uint64_t>(i) ^ 99999)));
  }
}

// More than 2^31 elements; heads from both ends are compared.
void large() {
  const i64 heads = 1030, length = 32768, width = 64, n = heads * length * width;
  bf16 *x = nullptr, *dt = nullptr, *y = nullptr;
  require(cudaMalloc(&x, static_cast<std::size_t>(n) * 2), "4 GB");
  require(cudaMalloc(&y, static_cast<std::size_t>(n) * 2), "4 GB");
  require(cudaMalloc(&dt, static_cast<std::size_t>(heads * length) * 2), "dt");
  fill<<<4096, 256>>>(x, dt, n, heads * length);
  Case one{1, length, 1, width, 1, 16};
  one.skip = one.bias = false;
  Inputs<bf16> v(one);
  Buffer<float> A(heads);
  Random r(3);
  for (auto& a : A.host) a = static_cast<float>(-r.log_uniform(1e-2, 16));
  A.up();
  ssd::Scan s = v.scan();
  s.heads = heads, s.x = x, s.dt = dt, s.A = A.device(), s.y = y;
  run(s, "large");
  for (i64 h : {i64{0}, heads / 2, heads - 1}) {
    Buffer<bf16> row(length * width), step(length);
    const auto part = [&](Buffer<bf16>& to, const bf16* from, std::size_t columns) {
      require(cudaMemcpy2D(to.host.data(), columns * 2, from + h * static_cast<i64>(columns),
                           static_cast<std::size_t>(heads) * columns * 2, columns * 2,
                           static_cast<std::size_t>(length), cudaMemcpyDeviceToHost),
              "rows");
    };
    auto p = v.problem();
    part(row, x, 64), p.x = widened(row);
    part(step, dt, 1), p.dt = widened(step);
    p.A = {to_double(A[h])};
    part(row, y, 64);
    const auto exact = ssd_reference::forward(p);
    compare("large head " + std::to_string(h), row, exact.y, exact.y_error);
  }
  cudaFree(x), cudaFree(dt), cudaFree(y);
}

template <class T>
void dump(const std::string& folder, const char* name, const Case& c) {
  Inputs<T> v(c);
  Outputs<T> r(v);
  r.run(v, "dump");
  Dump d(folder, name, "ssd");
  const char* type = sizeof(T) == 4 ? "f4" : "bf16";
  d.option("dt_softplus", "bool", c.softplus ? "true" : "false");
  d.option("chunk_size", "int", sizeof(T) == 4 ? "32" : "64");
  if (c.limits)
    d.option("dt_min", "float", "0.004000000189989805"), d.option("dt_max", "float", "0.05000000074505806");
  d.option("source", "str",
           "exactscan CUDA kernels: ex2.approx.ftz of prescaled sums, log1p softplus, tensor cores");
  const std::vector<i64> row{c.batch, c.length, c.heads, c.width}, bc{c.batch, c.length, c.groups, c.states},
      states{c.batch, c.heads, c.width, c.states};
  d.tensor("in.x", type, row, v.x), d.tensor("in.dt", type, {c.batch, c.length, c.heads}, v.dt);
  d.tensor("in.A", "f4", {c.heads}, v.A), d.tensor("in.B", type, bc, v.B), d.tensor("in.C", type, bc, v.C);
  if (c.skip)
    d.tensor("in.D", "f4", c.per_channel ? std::vector<i64>{c.heads, c.width} : std::vector<i64>{c.heads},
             v.D);
  if (c.gate) d.tensor("in.z", type, row, v.z);
  if (c.bias) d.tensor("in.dt_bias", "f4", {c.heads}, v.bias);
  if (c.initial) d.tensor("in.initial_states", "f4", states, v.initial);
  d.tensor("out.y", type, row, r.y), d.tensor("out.final_states", "f4", states, r.last);
}

template <class T>
void dumps(const std::string& folder, const std::string& type) {
  const auto write = [&](const char* name, const Case& c) {
    dump<T>(folder, ("ssd_" + type + name).c_str(), c);
  };
  Case c{2, 333, 4, 16, 2, 128};
  c.gate = c.initial = true;
  write("", c);
  c.gate = c.initial = false, c.segments = 3, c.per_channel = c.limits = true;
  write("_segments", c);
  c = {1, 200, 2, 16, 1, 32}, c.low = -20, c.high = -10;
  write("_small_steps", c);
  c.low = -2, c.high = 25, c.rate = 100;
  write("_strong", c);
  c = {1, 150, 3, 8, 3, 3}, c.skip = c.bias = c.softplus = false;
  write("_bare", c);
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
  if (!has_device()) return std::printf("ssd_test: no device, skipped\n"), 77;
  if (only_large) return large(), report("ssd_test --large");
  if (!folder.empty())
    return dumps<float>(folder, "f32"), dumps<bf16>(folder, "bf16"), report("ssd_test --dump");
  arguments();
  forward_cases<float>(small);
  std::printf("float32: largest deviation %.3f of allowed\n", worst_ratio);
  forward_cases<bf16>(small);
  for (auto [heads, groups, width, states] :
       {std::array<i64, 4>{5, 1, 64, 128}, {4, 2, 3, 16}, {2, 1, 70, 5}})
    step_case<float>(heads, groups, width, states), step_case<bf16>(heads, groups, width, states);
  if (!small) repeated<float>(), repeated<bf16>();
  std::printf("largest deviation: %.3f of allowed\n", worst_ratio);
  return report("ssd_test");
}
