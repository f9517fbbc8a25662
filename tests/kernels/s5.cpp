// The CPU kernels of S5: with projections, once for each instruction set that this machine has, and the scans
// alone between plain projections, with several threads and with stored and recomputed states.
#include "impl/s5.hpp"

#include <fmt/format.h>
#include <hwy/targets.h>

#include <algorithm>
#include <complex>
#include <type_traits>
#include <vector>

#include "tests/kernels/s5_plain.hpp"
#include "tests/kernels/system_kernel.hpp"

namespace exactscan::kernels {
namespace {

namespace s5 = impl::s5;

// Restricts Highway to one instruction set while it lives; 0: to none.
class OnTarget {
 public:
  explicit OnTarget(std::int64_t target) { choose(target); }
  ~OnTarget() { choose(0); }
  OnTarget(const OnTarget&) = delete;
  OnTarget& operator=(const OnTarget&) = delete;

 private:
  static void choose(std::int64_t target) {
    hwy::SetSupportedTargetsForTest(target);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  }
};

s5::Discretization method_of(const SystemCall& call) {
  const std::string name = call.text("discretization", "bilinear");
  if (name == "zoh") return s5::Discretization::zoh;
  return name == "dirac" ? s5::Discretization::dirac : s5::Discretization::bilinear;
}

template <class S>
s5::SimplifiedScan<S> system_of(const SystemCall& call) {
  using Z = std::complex<S>;
  s5::SimplifiedScan<S> s;
  s.batch = call.size("u", 0), s.inputs = call.size("u", 1), s.length = call.size("u", 2);
  s.states = call.size("delta", 1);
  s.method = method_of(call);
  s.u = call.input("u").as<Z>(), s.A = call.input("A").as<Z>();
  s.B = call.input("B").as<Z>(), s.C = call.input("C").as<Z>();
  s.delta = call.input("delta").as<S>(), s.deltaA = call.input("deltaA").as<S>();
  s.initial = call.input("x0").as<Z>();
  s.last = call.output("last_state").as<Z>();
  return s;
}

template <class S>
s5::SimplifiedScanBackward<S> backward_of(const SystemCall& call) {
  using Z = std::complex<S>;
  s5::SimplifiedScanBackward<S> back;
  back.forward = system_of<S>(call);
  back.d_last = call.input("dlast_state").as<Z>();
  back.du = call.output("du").as<Z>(), back.dA = call.output("dA").as<Z>();
  back.dB = call.output("dB").as<Z>(), back.dC = call.output("dC").as<Z>();
  back.d_initial = call.output("dx0").as<Z>();
  back.ddelta = call.output("ddelta").as<S>(), back.ddeltaA = call.output("ddeltaA").as<S>();
  return back;
}

template <class S>
void run_scan(const SystemCall& call) {
  using Z = std::complex<S>;
  s5::SimplifiedScan<S> s = system_of<S>(call);
  s.y = call.output("y").as<Z>();
  s5::simplified_scan(s);
  if (!call.has("dy")) return;
  s5::SimplifiedScanBackward<S> back = backward_of<S>(call);
  back.dy = call.input("dy").as<Z>();
  s5::simplified_scan_backward(back);
}

template <class S>
void run_inner(const SystemCall& call) {
  const bool conj_sym = call.flag("conj_sym", true);
  s5::inner(s5::Inner<S>{system_of<S>(call), call.input("D").as<S>(), conj_sym, call.output("y").as<S>()});
  if (!call.has("dy")) return;
  s5::inner_backward(s5::InnerBackward<S>{backward_of<S>(call), call.input("D").as<S>(),
                                          call.input("dy").as<S>(), conj_sym, call.output("dD").as<S>()});
}

template <class S>
void run_update(const SystemCall& call) {
  using Z = std::complex<S>;
  s5::StateUpdate<S> s;
  s.batch = call.size("u", 0), s.inputs = call.size("u", 1), s.states = call.size("state", 1);
  s.method = method_of(call);
  s.u = call.input("u").as<S>(), s.D = call.input("D").as<S>();
  s.delta = call.input("delta").as<S>(), s.deltaA = call.input("deltaA").as<S>();
  s.steps_by_batch = call.in.at("delta").shape.size() == 2;
  s.conj_sym = call.flag("conj_sym", true);
  s.A = call.input("A").as<Z>(), s.B = call.input("B").as<Z>(), s.C = call.input("C").as<Z>();
  // In place where the test has put one over the other.
  const auto* state = call.input("state").as<Z>();
  s.state = call.output("last_state").as<Z>();
  std::copy_n(state, state == s.state ? 0 : s.batch * s.states, s.state);
  s.out = call.output("y").as<S>();
  s5::state_update(s);
}

template <class S>
void run_typed(const SystemCall& call) {
  if (call.inputs.op == "simplified_scan") return run_scan<S>(call);
  if (call.inputs.op == "s5_inner") return run_inner<S>(call);
  run_update<S>(call);
}

// Plain sums over the middle index: to[i, k] = sum over j of a(i, j) b(j, k).
template <class Z, class A, class B>
void multiply(std::int64_t rows, std::int64_t terms, std::int64_t columns, const A& a, const B& b, Z* to) {
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t k = 0; k < columns; ++k) {
      Z sum(0);
      for (std::int64_t j = 0; j < terms; ++j) sum += a(i, j) * b(j, k);
      to[i * columns + k] = sum;
    }
  }
}

// simplified_scan from the scan alone, with plain projections around it.
template <class S>
class ScanAlone {
  using Z = std::complex<S>;

 public:
  ScanAlone(const SystemCall& call, bool stored) : call_(call), s_(system_of<S>(call)), stored_(stored) {
    scan_ = {s_.batch,  s_.states, s_.length,  s_.method, nullptr, s_.delta,
             s_.deltaA, s_.A,      s_.initial, nullptr,   s_.last, 2};
  }
  void run() {
    const auto rows = static_cast<std::size_t>(s_.batch * s_.states * s_.length);
    b_.resize(rows), x_.resize(rows);
    for (std::int64_t n = 0; n < s_.batch; ++n) {
      multiply(
          s_.states, s_.inputs, s_.length, [&](auto p, auto h) { return s_.B[p * s_.inputs + h]; },
          [&](auto h, auto t) { return s_.u[(n * s_.inputs + h) * s_.length + t]; }, at(b_, n));
    }
    scan_.b = b_.data(), scan_.x = x_.data();
    s5::scan(scan_);
    Z* const y = call_.output("y").template as<Z>();
    for (std::int64_t n = 0; n < s_.batch; ++n) {
      multiply(
          s_.inputs, s_.states, s_.length, [&](auto h, auto p) { return s_.C[h * s_.states + p]; },
          [&](auto p, auto t) { return at(x_, n)[p * s_.length + t]; }, y + n * s_.inputs * s_.length);
    }
    if (call_.has("dy")) run_backward();
  }

 private:
  void run_backward() {
    std::vector<Z> g(b_.size());
    const Z* const dy = call_.input("dy").template as<Z>();
    const auto gradient = [&](auto n, auto h, auto t) { return dy[(n * s_.inputs + h) * s_.length + t]; };
    for (std::int64_t n = 0; n < s_.batch; ++n) {
      multiply(
          s_.states, s_.inputs, s_.length, [&](auto p, auto h) { return std::conj(s_.C[h * s_.states + p]); },
          [&](auto h, auto t) { return gradient(n, h, t); }, at(g, n));
    }
    s5::SimplifiedScanBackward<S> out = backward_of<S>(call_);
    s5::ScanBackward<S> back{scan_,  g.data(),      out.d_last, g.data(),
                             out.dA, out.d_initial, out.ddelta, out.ddeltaA};
    if (!stored_) back.forward.x = nullptr;
    s5::scan_backward(back);
    for (std::int64_t n = 0; n < s_.batch; ++n) {
      multiply(
          s_.inputs, s_.states, s_.length, [&](auto h, auto p) { return std::conj(s_.B[p * s_.inputs + h]); },
          [&](auto p, auto t) { return at(g, n)[p * s_.length + t]; }, out.du + n * s_.inputs * s_.length);
    }
    const std::int64_t all = s_.batch * s_.length;
    const auto row = [&](const std::vector<Z>& v, auto p, auto i) {
      return v[static_cast<std::size_t>((i / s_.length * s_.states + p) * s_.length + i % s_.length)];
    };
    multiply(
        s_.states, all, s_.inputs, [&](auto p, auto i) { return row(g, p, i); },
        [&](auto i, auto h) {
          return std::conj(s_.u[(i / s_.length * s_.inputs + h) * s_.length + i % s_.length]);
        },
        out.dB);
    multiply(
        s_.inputs, all, s_.states, [&](auto h, auto i) { return gradient(i / s_.length, h, i % s_.length); },
        [&](auto i, auto p) { return std::conj(row(x_, p, i)); }, out.dC);
  }
  Z* at(std::vector<Z>& v, std::int64_t n) { return v.data() + n * s_.states * s_.length; }

  const SystemCall& call_;
  s5::SimplifiedScan<S> s_;
  s5::Scan<S> scan_;
  bool stored_;
  std::vector<Z> b_, x_;
};

SystemKernel kernel(std::string name, void (*run)(const SystemCall&)) {
  SystemKernel k;
  k.name = std::move(name);
  k.types = {ElementType::f32, ElementType::f64};
  k.run = run;
  return k;
}

template <class S>
bool is_of(const SystemCall& call) {
  return call.in.at("delta").type == (std::is_same_v<S, float> ? ElementType::f32 : ElementType::f64);
}

}  // namespace

void add_s5(std::vector<SystemKernel>& list) {
  const std::vector<SystemForm> all{{"simplified_scan", false},
                                    {"simplified_scan", true},
                                    {"s5_inner", false},
                                    {"s5_inner", true},
                                    {"simplified_state_update", false}};
  // Those that impl/s5_tile.cpp has a copy for.
  constexpr std::int64_t compiled = HWY_TARGETS & ~(HWY_SSSE3 | HWY_AVX3_DL);
  for (std::int64_t left = hwy::SupportedTargets() & compiled; left != 0; left &= left - 1) {
    const std::int64_t target = left & -left;
    SystemKernel k = kernel(fmt::format("s5_{}", hwy::TargetName(target)), nullptr);
    k.forms = all;
    k.causal_bits = false;  // Eigen's products
    k.in_place = {{"last_state", "state"}};
    k.run = [target](const SystemCall& call) {
      const OnTarget chosen(target);
      is_of<float>(call) ? run_typed<float>(call) : run_typed<double>(call);
    };
    list.push_back(std::move(k));
  }
  for (const bool stored : {true, false}) {
    SystemKernel k = kernel(stored ? "s5_scan_stored" : "s5_scan_recomputed", nullptr);
    k.forms = {{"simplified_scan", false}, {"simplified_scan", true}};
    k.lengths = {63, 64, 65, 129, 255, 256, 257};
    k.run = [stored](const SystemCall& call) {
      is_of<float>(call) ? ScanAlone<float>(call, stored).run() : ScanAlone<double>(call, stored).run();
    };
    list.push_back(std::move(k));
  }
  list.push_back(plain_s5_kernel("plain_s5", S5Defect::nothing));
}

}  // namespace exactscan::kernels
