// Tests of the S5 kernels on a device, against tests/cuda/s5_reference.hpp. Exit code 77: no device, 1:
// failed.
//
//   s5_test [--small] [--no-blas] [--large] [--dump FOLDER]
// --small: fewer shapes, for compute-sanitizer; --no-blas: without the projections; --large: only the shape
// of more than 2^31 elements (26 GB); --dump: only writes cases for the oracle.
#include <algorithm>

#include "cuda/s5/s5.hpp"
#include "tests/cuda/harness.cuh"
#include "tests/cuda/s5_case.cuh"
#include "tests/cuda/s5_projections.hpp"
#include "tests/cuda/s5_reference.hpp"

using namespace harness;
using namespace s5_case;
namespace s5 = exactscan::cuda::s5;
using exactscan::cuda::Status;
using s5_reference::c128;

namespace {

double worst_ratio = 0;

template <class G, class T>
void compare(const std::string& what, const std::vector<G>& got, const std::vector<T>& exact,
             const std::vector<double>& allowed) {
  Worst w;
  for (std::size_t i = 0; i < got.size(); ++i)
    w.see(std::abs(static_cast<T>(got[i]) - exact[i]), allowed[i], static_cast<i64>(i));
  worst_ratio = std::max(worst_ratio, w.ratio);
  char text[80];
  std::snprintf(text, sizeof text, " %.3g times allowed at %lld", w.ratio, static_cast<long long>(w.at));
  expect(w.ratio <= 1, what + text);
}

s5::Scan scan_of(const Case& c, Inputs& v, const Buffer<c64>& x, const Buffer<c64>& last) {
  s5::Scan s;
  s.batch = c.batch, s.states = c.states, s.length = c.length,
  s.method = static_cast<s5::Discretization>(c.method);
  s.b = in(v.b), s.delta = v.delta.device(), s.deltaA = c.two_steps ? v.deltaA.device() : nullptr,
  s.A = in(v.A);
  s.initial = c.initial ? in(v.initial) : nullptr, s.x = out(x), s.last = c.last ? out(last) : nullptr,
  s.warps = c.warps;
  return s;
}

// Forward and backward of one case.
void run(const Case& c) {
  const std::string name = describe(c);
  Inputs v(c);
  Buffer<c64> x(v.b.host.size(), c.shift), last(c.batch * c.states);
  if (c.in_place) x.host = v.b.host, x.up();
  s5::Scan s = scan_of(c, v, x, last);
  if (c.in_place) s.b = in(x);
  expect(s5::scan(s, nullptr) == Status::ok, name + " scan status");
  require(cudaDeviceSynchronize(), name.c_str());
  x.down(), last.down();
  expect(x.guards_intact() && last.guards_intact(), name + ": guards");
  const auto exact = s5_reference::forward(problem(c, v));
  compare(name + " x", x.host, exact.x, exact.error);
  if (c.last) {
    bool same = true;
    for (i64 row = 0; row < c.batch * c.states; ++row) {
      const c64 expected =
          c.length > 0 ? x[row * c.length + c.length - 1] : (c.initial ? v.initial[row] : c64(0));
      same = same && std::memcmp(&expected, &last[row], sizeof expected) == 0;
    }
    expect(same, name + " last state");
  }

  Buffer<c64> gb(v.b.host.size(), c.shift), dA(c.states), d_initial(c.batch * c.states),
      scratch(c.batch * c.states);
  Buffer<float> ddelta(v.b.host.size(), c.shift), ddeltaA(v.b.host.size(), c.shift);
  if (c.in_place) gb.host = v.g.host, gb.up();
  s5::ScanBackward w;
  w.batch = s.batch, w.states = s.states, w.length = s.length, w.method = s.method, w.b = in(v.b),
  w.delta = s.delta;
  w.deltaA = s.deltaA, w.A = s.A, w.initial = s.initial, w.x = in(x), w.g = c.in_place ? in(gb) : in(v.g);
  w.g_last = c.last ? in(v.g_last) : nullptr, w.gb = out(gb), w.ddelta = ddelta.device();
  w.ddeltaA = c.two_steps ? ddeltaA.device() : nullptr, w.dA = out(dA), w.d_initial = out(d_initial);
  w.warps = c.warps;
  expect(s5::scratch_bytes(w) <= scratch.bytes(), name + " scratch");
  expect(s5::scan_backward(w, scratch.device(), scratch.bytes(), nullptr) == Status::ok,
         name + " adjoint status");
  require(cudaDeviceSynchronize(), name.c_str());
  gb.down(), dA.down(), d_initial.down(), ddelta.down(), ddeltaA.down();
  expect(gb.guards_intact() && dA.guards_intact() && d_initial.guards_intact() && ddelta.guards_intact() &&
             ddeltaA.guards_intact(),
         name + ": guards of gradients");
  const auto adjoint = s5_reference::adjoint(problem(c, v), x.host.data(), v.g.host.data(),
                                             c.last ? v.g_last.host.data() : nullptr);
  compare(name + " gb", gb.host, adjoint.gb, adjoint.gb_error);
  compare(name + " ddelta", ddelta.host, adjoint.ddelta, adjoint.ddelta_error);
  if (c.two_steps) compare(name + " ddeltaA", ddeltaA.host, adjoint.ddeltaA, adjoint.ddeltaA_error);
  compare(name + " dA", dA.host, adjoint.dA, adjoint.dA_error);
  compare(name + " d_initial", d_initial.host, adjoint.d_initial, adjoint.d_initial_error);
}

void shapes(bool small) {
  int k = 0;
  for (int method = 0; method < 3; ++method)
    for (i64 length : small ? std::vector<i64>{0, 1, 127, 300}
                            : std::vector<i64>{0, 1, 2, 3, 127, 128, 129, 255, 513, 1000, 4096, 5001})
      for (int two = 0; two < 2; ++two)
        for (int warps : {1, 4, 16}) {
          ++k;
          Case c{1 + k % 3, small ? 3 : 11, length, method, two == 1};
          c.initial = k % 4 != 0, c.last = k % 5 != 0, c.in_place = k % 3 == 0, c.shift = k % 2,
          c.warps = warps;
          run(c);
        }
  for (Data data :
       {Data::small_a, Data::zero_a, Data::near_minus_one, Data::strong, Data::large_steps, Data::growing})
    for (int method = 0; method < 3; ++method)
      for (int two = 0; two < (small ? 1 : 2); ++two) {
        if (data == Data::large_steps && method != 0) continue;
        Case c{2, 16, small ? 200 : 777, method, two == 1};
        c.data = data;
        run(c);
      }
}

// The whole system through cuBLAS.
struct System {
  Case c;
  i64 inputs;
  Inputs v;
  Buffer<c64> u, B, C, dy, b, x, y, last, g, du, dA, dB, dC, d_initial, scratch;
  Buffer<float> ddelta, ddeltaA;
  System(const Case& k, i64 H)
      : c(k),
        inputs(H),
        v(k),
        u(k.batch * H * k.length),
        B(k.states * H),
        C(B.host.size()),
        dy(u.host.size()),
        b(v.b.host.size()),
        x(b.host.size()),
        y(u.host.size()),
        last(k.batch * k.states),
        g(b.host.size()),
        du(u.host.size()),
        dA(k.states),
        dB(B.host.size()),
        dC(B.host.size()),
        d_initial(k.batch * k.states),
        scratch(k.batch * k.states),
        ddelta(b.host.size()),
        ddeltaA(b.host.size()) {
    Random r(99);
    for (auto* t : {&u, &B, &C, &dy}) {
      for (auto& e : t->host) e = c64(static_cast<float>(r(-1, 1)), static_cast<float>(r(-1, 1)));
      t->up();
    }
  }
  s5::SimplifiedScan forward() {
    s5::SimplifiedScan s;
    s.batch = c.batch, s.inputs = inputs, s.states = c.states, s.length = c.length,
    s.method = static_cast<s5::Discretization>(c.method);
    s.u = in(u), s.A = in(v.A), s.B = in(B), s.C = in(C), s.delta = v.delta.device(),
    s.deltaA = c.two_steps ? v.deltaA.device() : nullptr;
    s.initial = c.initial ? in(v.initial) : nullptr, s.b = out(b), s.x = out(x), s.y = out(y),
    s.last = out(last);
    return s;
  }
  s5::SimplifiedScanBackward backward() {
    s5::SimplifiedScanBackward w;
    w.forward = forward(), w.dy = in(dy), w.d_last = c.last ? in(v.g_last) : nullptr, w.g = out(g),
    w.du = out(du), w.dA = out(dA);
    w.dB = out(dB), w.dC = out(dC), w.d_initial = out(d_initial), w.ddelta = ddelta.device();
    w.ddeltaA = c.two_steps ? ddeltaA.device() : nullptr;
    return w;
  }
  void down() {
    for (auto* t : {&b, &x, &y, &last, &g, &du, &dA, &dB, &dC, &d_initial})
      t->down(), expect(t->guards_intact(), "system guards");
    ddelta.down(), ddeltaA.down();
  }
};

void system_case(cublasHandle_t blas, const Case& c, i64 inputs) {
  const std::string name = "system " + describe(c);
  System s(c, inputs);
  expect(s5::simplified_scan(s.forward(), blas, nullptr) == Status::ok, name + " status");
  expect(s5::simplified_scan_backward(s.backward(), s.scratch.device(), s.scratch.bytes(), blas, nullptr) ==
             Status::ok,
         name + " status");
  require(cudaDeviceSynchronize(), name.c_str());
  s.down();
  auto close = [&](const char* what, const std::vector<c64>& got, const std::vector<c128>& exact) {
    const double e = s5_reference::relative(got, exact);
    char text[80];
    std::snprintf(text, sizeof text, " %s relative L2 %.2e", what, e);
    expect(e <= 1e-6, name + text);
  };
  const auto P = c.states, H = inputs, n = c.batch, L = c.length;
  close("b", s.b.host, s5_reference::product(s.B.host, P, H, false, s.u.host, n, L));
  Inputs seen(c);
  seen.b.host = s.b.host;
  const auto f = s5_reference::forward(problem(c, seen));
  compare(name + " x", s.x.host, f.x, f.error);
  close("y", s.y.host, s5_reference::product(s.C.host, H, P, false, s.x.host, n, L));
  const auto source = s5_reference::product(s.C.host, H, P, true, s.dy.host, n, L);
  std::vector<c64> g(source.size());
  for (std::size_t i = 0; i < g.size(); ++i) g[i] = c64(source[i]);
  const auto a = s5_reference::adjoint(problem(c, seen), s.x.host.data(), g.data(),
                                       c.last ? s.v.g_last.host.data() : nullptr);
  close("gb", s.g.host, a.gb);
  close("dA", s.dA.host, a.dA);
  close("d_initial", s.d_initial.host, a.d_initial);
  std::vector<c64> real(s.ddelta.host.size());
  std::vector<c128> real_exact(real.size());
  for (std::size_t i = 0; i < real.size(); ++i) real[i] = s.ddelta.host[i], real_exact[i] = a.ddelta[i];
  close("ddelta", real, real_exact);
  close("du", s.du.host, s5_reference::product(s.B.host, P, H, true, s.g.host, n, L));
  close("dB", s.dB.host, s5_reference::outer(s.g.host, s.u.host, n, P, H, L));
  close("dC", s.dC.host, s5_reference::outer(s.dy.host, s.x.host, n, H, P, L));
}

void inner_case(cublasHandle_t blas, bool conj_sym) {
  Case c{2, 12, 301, 1};
  System s(c, 5);
  Buffer<float> D(5), dout(2 * 5 * 301), out_(2 * 5 * 301), dD(5);
  Random r(5);
  for (auto& e : D.host) e = static_cast<float>(r(-1, 1));
  for (auto& e : dout.host) e = static_cast<float>(r(-1, 1));
  D.up(), dout.up();
  Buffer<c64> dy(dout.host.size());
  s5::Inner f;
  f.scan = s.forward(), f.D = D.device(), f.conj_sym = conj_sym, f.out = out_.device();
  s5::InnerBackward w;
  w.scan = s.backward(), w.D = D.device(), w.dout = dout.device(), w.conj_sym = conj_sym, w.dy = out(dy),
  w.dD = dD.device();
  expect(s5::inner(f, blas, nullptr) == Status::ok, "inner status");
  expect(s5::inner_backward(w, s.scratch.device(), s.scratch.bytes(), blas, nullptr) == Status::ok,
         "inner adjoint status");
  require(cudaDeviceSynchronize(), "inner");
  s.down(), out_.down(), dD.down(), dy.down();
  Worst o, q, k;
  const double scale = conj_sym ? 2 : 1;
  const auto du = s5_reference::product(s.B.host, 12, 5, true, s.g.host, 2, 301);
  std::vector<double> dD_exact(5), dD_size(5);
  for (i64 i = 0; i < static_cast<i64>(dout.host.size()); ++i) {
    const i64 h = i / 301 % 5;
    const double skip = static_cast<double>(D[h]) * s.u[i].real();
    o.see(std::fabs(out_[i] - (scale * s.y[i].real() + skip)),
          2e-7 * (std::fabs(scale * s.y[i].real()) + std::fabs(skip)), i);
    q.see(std::abs(c128(s.du[i]) - du[static_cast<std::size_t>(i)] - static_cast<double>(D[h]) * dout[i]),
          2e-6 * (std::abs(du[static_cast<std::size_t>(i)]) + 10), i);
    k.see(std::abs(c128(dy[i]) - scale * dout[i]), 1e-30, i);
    dD_exact[static_cast<std::size_t>(h)] += static_cast<double>(dout[i]) * s.u[i].real();
    dD_size[static_cast<std::size_t>(h)] += std::fabs(static_cast<double>(dout[i]) * s.u[i].real());
  }
  expect(o.ratio <= 1 && q.ratio <= 1 && k.ratio <= 1, "inner outputs");
  for (i64 h = 0; h < 5; ++h)
    expect(std::fabs(dD[h] - dD_exact[static_cast<std::size_t>(h)]) <=
               1e-7 * dD_size[static_cast<std::size_t>(h)],
           "inner dD");
}

void repeated() {
  for (int warps : {1, 4, 16}) {
    Case c{2, 300, 3001, 1, true};
    c.warps = warps;
    Inputs v(c);
    Buffer<c64> x(v.b.host.size()), last(c.batch * c.states);
    std::vector<c64> first;
    for (int i = 0; i < 10; ++i) {
      x.poison();
      expect(s5::scan(scan_of(c, v, x, last), nullptr) == Status::ok, "repeated status");
      x.down();
      if (i == 0) first = x.host;
      expect(std::memcmp(first.data(), x.host.data(), x.bytes()) == 0, "10 runs bit-identical");
    }
  }
}

__global__ void fill(float2* b, float* delta, i64 n) {
  for (i64 i = static_cast<i64>(blockIdx.x) * blockDim.x + threadIdx.x; i < n;
       i += static_cast<i64>(gridDim.x) * blockDim.x) {
    b[i] = {static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i)) - 1),
            static_cast<float>(2 * uniform(static_cast<std::uint64_t>(i) ^ 77777) - 1)};
    delta[i] = static_cast<float>(0.001 + 0.1 * uniform(static_cast<std::uint64_t>(i) ^ 99999));
  }
}

// More than 2^31 elements, in place; rows from both ends and around the 2^31st element are compared.
void large() {
  Case c{2, 32768, 32801, 0};
  c.initial = c.last = false;
  const i64 n = c.batch * c.states * c.length;
  float2* b = nullptr;
  float* delta = nullptr;
  require(cudaMalloc(&b, static_cast<std::size_t>(n) * 8), "26 GB");
  require(cudaMalloc(&delta, static_cast<std::size_t>(n) * 4), "26 GB");
  Case one{1, 1, c.length, 0};
  one.initial = one.last = false;
  Inputs row(one);
  Buffer<c64> A(c.states), x(c.length);
  for (i64 p = 0; p < c.states; ++p)
    A[p] = c64(-0.5f - 0.001f * static_cast<float>(p % 100), 3.0f * static_cast<float>(p % 50));
  A.up();
  for (i64 r :
       {i64{0}, i64{1}, (i64{1} << 31) / c.length, (i64{1} << 31) / c.length + 1, c.batch * c.states - 1}) {
    const std::string name = "large row " + std::to_string(r);
    fill<<<4096, 256>>>(b, delta, n);
    require(cudaMemcpy(row.b.host.data(), b + r * c.length, row.b.bytes(), cudaMemcpyDeviceToHost), "row");
    require(
        cudaMemcpy(row.delta.host.data(), delta + r * c.length, row.delta.bytes(), cudaMemcpyDeviceToHost),
        "row");
    row.A[0] = A[r % c.states];
    s5::Scan s;
    s.batch = c.batch, s.states = c.states, s.length = c.length, s.b = b, s.x = b, s.delta = delta,
    s.A = in(A);
    expect(s5::scan(s, nullptr) == Status::ok, name + " status");
    require(cudaMemcpy(x.host.data(), b + r * c.length, x.bytes(), cudaMemcpyDeviceToHost), "row");
    const auto exact = s5_reference::forward(problem(one, row));
    compare(name, x.host, exact.x, exact.error);
  }
  cudaFree(b), cudaFree(delta);
}

void dump(const std::string& folder, cublasHandle_t blas) {
  for (int method = 0; method < 3; ++method)
    for (int two = 0; two < 2; ++two)
      for (bool backward : {false, true}) {
        Case c{2, 12, backward ? 501 : 1501, method, two == 1};
        c.initial = c.last = false;
        if (method == 1 && two == 1) c.data = Data::small_a;
        System s(c, 4);
        expect(s5::simplified_scan(s.forward(), blas, nullptr) == Status::ok, "dump status");
        if (backward)
          expect(s5::simplified_scan_backward(s.backward(), s.scratch.device(), s.scratch.bytes(), blas,
                                              nullptr) == Status::ok,
                 "dump status");
        require(cudaDeviceSynchronize(), "dump");
        s.down();
        Dump d(folder,
               std::string("s5_") + kNames[method] + (two ? "_deltaA" : "") + (backward ? "_bwd" : ""),
               "simplified_scan");
        d.option("discretization", "str", kNames[method]);
        d.option("source", "str", "exactscan CUDA kernels, projections by cublasCgemm");
        const i64 n = c.batch, H = 4, P = c.states, L = c.length;
        d.tensor("in.u", "c8", {n, H, L}, s.u), d.tensor("in.delta", "f4", {n, P, L}, s.v.delta),
            d.tensor("in.A", "c8", {P}, s.v.A);
        d.tensor("in.B", "c8", {P, H}, s.B), d.tensor("in.C", "c8", {H, P}, s.C);
        if (two) d.tensor("in.deltaA", "f4", {n, P, L}, s.v.deltaA);
        if (!backward) {
          d.tensor("out.y", "c8", {n, H, L}, s.y), d.tensor("out.last_state", "c8", {n, P}, s.last);
          continue;
        }
        d.tensor("in.dy", "c8", {n, H, L}, s.dy), d.tensor("out.du", "c8", {n, H, L}, s.du),
            d.tensor("out.dA", "c8", {P}, s.dA);
        d.tensor("out.dB", "c8", {P, H}, s.dB), d.tensor("out.dC", "c8", {H, P}, s.dC);
        if (method != 2 || !two) d.tensor("out.ddelta", "f4", {n, P, L}, s.ddelta);
        if (two) d.tensor("out.ddeltaA", "f4", {n, P, L}, s.ddeltaA);
      }
}

}  // namespace

int main(int argc, char** argv) {
  bool small = false, use_blas = true, only_large = false;
  std::string folder;
  for (int i = 1; i < argc; ++i) {
    const std::string a = argv[i];
    if (a == "--small") small = true;
    if (a == "--no-blas") use_blas = false;
    if (a == "--large") only_large = true;
    if (a == "--dump" && i + 1 < argc) folder = argv[++i];
  }
  if (!has_device()) return std::printf("s5_test: no device, skipped\n"), 77;
  if (only_large) return large(), report("s5_test --large");
  cublasHandle_t blas = nullptr;
  if (use_blas) expect(cublasCreate(&blas) == CUBLAS_STATUS_SUCCESS, "cublasCreate");
  if (!folder.empty()) return dump(folder, blas), report("s5_test --dump");
  shapes(small);
  if (!small) repeated();
  if (use_blas) {
    for (int method = 0; method < 3; ++method) system_case(blas, {2, 12, 77, method, method == 1}, 5);
    if (!small) system_case(blas, {2, 40, 501, 0, true}, 24);
    inner_case(blas, true), inner_case(blas, false);
  }
  std::printf("largest deviation: %.3f of allowed\n", worst_ratio);
  return report("s5_test");
}
