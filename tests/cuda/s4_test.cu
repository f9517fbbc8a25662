// Tests of the diagonal S4 layer on a device, against a sequential recurrence in double: integer data bit for
// bit, real data within a first-order rounding bound per output; guards, shapes without elements, refusals,
// TorchLean's semantics of the readout (the state after the step's update). Exit code 77: no device, 1:
// failed.
//
//   s4_test [--small]
#include "cuda/s4/s4.hpp"
#include "tests/cuda/harness.cuh"
#include "tests/cuda/support.cuh"

namespace {

using namespace exactscan::cuda;
using harness::Buffer;
using harness::expect;
using harness::i64;
using harness::uniform;

struct Case {
  i64 batch, length, states, inputs, outputs;
  bool lattice, has_initial = true;
};

std::string describe(const Case& c, const char* type) {
  char text[160];
  std::snprintf(text, sizeof text, "s4 %s batch %lld L %lld N %lld I %lld O %lld%s%s", type,
                static_cast<long long>(c.batch), static_cast<long long>(c.length),
                static_cast<long long>(c.states), static_cast<long long>(c.inputs),
                static_cast<long long>(c.outputs), c.lattice ? " lattice" : "",
                c.has_initial ? "" : " from zero");
  return text;
}

// A value and the magnitude of the terms that it is a sum of, with a first-order bound of its rounding error
// in units of the roundoff.
struct Bounded {
  double value = 0, magnitude = 0, error = 0;
};

template <class E>
struct Layer {
  using S = State<E>;
  const Case& c;
  std::string name;
  Buffer<E> in_proj, out_proj, A, B, C, D, x, y;
  Buffer<S> initial, last;

  explicit Layer(const Case& k)
      : c(k),
        name(describe(k, cuda_test::Type<E>::name)),
        in_proj(k.inputs * k.states),
        out_proj(k.states * k.outputs),
        A(k.states),
        B(k.states),
        C(k.states),
        D(k.states),
        x(k.batch * k.length * k.inputs),
        y(k.batch * k.length * k.outputs),
        initial(k.batch * k.states),
        last(k.batch * k.states) {
    std::uint64_t seed = 1;
    auto fill = [&](auto& buffer, double low, double high) {
      using T = std::remove_reference_t<decltype(buffer[0])>;
      for (i64 i = 0; i < static_cast<i64>(buffer.host.size()); ++i) {
        const double u = low + (high - low) * uniform(++seed);
        buffer[i] = cuda_test::from_double<T>(c.lattice ? std::floor(u + 0.5) : u);
      }
      buffer.up();
    };
    fill(in_proj, -1, 1);
    fill(out_proj, -1, 1);
    fill(A, c.lattice ? -1 : 0.7, 1);
    fill(B, -2, 2);
    fill(C, -1, 1);
    fill(D, -1, 1);
    fill(x, -1, 1);
    fill(initial, -3, 3);
  }

  void call() {
    DiagonalS4 s;
    s.type = cuda_test::Type<E>::value;
    s.batch = c.batch, s.length = c.length, s.states = c.states, s.inputs = c.inputs, s.outputs = c.outputs;
    s.in_proj = in_proj.device(), s.out_proj = out_proj.device();
    s.A = A.device(), s.B = B.device(), s.C = C.device(), s.D = D.device();
    s.x = x.device(), s.y = y.device(), s.last = last.device();
    s.initial = c.has_initial ? initial.device() : nullptr;
    cuda_test::scratch().need(scratch_bytes(s));
    Buffer<char> workspace(static_cast<i64>(workspace_bytes(s)));
    static cublasHandle_t blas = [] {
      cublasHandle_t h = nullptr;
      expect(cublasCreate(&h) == CUBLAS_STATUS_SUCCESS, "cublasCreate");
      return h;
    }();
    const Status status = diagonal_s4(s, cuda_test::scratch().data, cuda_test::scratch().size,
                                      workspace.device(), workspace.bytes(), blas, nullptr);
    expect(status == Status::ok, name + ": " + message(status));
    harness::require(cudaDeviceSynchronize(), name.c_str());
    y.down();
    last.down();
    expect(y.guards_intact() && last.guards_intact() && workspace.guards_intact(), name + ": wrote outside");
    if (c.batch * c.length == 0) return;
    expect(workspace.bytes() == 0 ||
               diagonal_s4(s, cuda_test::scratch().data, cuda_test::scratch().size, workspace.device(),
                           workspace.bytes() - 1, blas, nullptr) == Status::scratch_too_small,
           name + ": too little workspace");
  }

  static double at(const Buffer<E>& b, i64 i) { return cuda_test::to_double(b[i]); }

  // One step of one batch entry: s, the states h and the readout z of every state.
  void advance(i64 n, i64 t, std::vector<Bounded>& h, std::vector<Bounded>& z) const {
    for (i64 k = 0; k < c.states; ++k) {
      Bounded s;
      for (i64 i = 0; i < c.inputs; ++i) {
        const double p = at(x, (n * c.length + t) * c.inputs + i) * at(in_proj, i * c.states + k);
        s.value += p;
        s.magnitude += std::fabs(p);
      }
      s.error = static_cast<double>(c.inputs + 1) * s.magnitude;
      const double a = at(A, k), b = at(B, k), out = at(C, k), skip = at(D, k);
      Bounded& state = h[static_cast<std::size_t>(k)];
      state.value = a * state.value + b * s.value;
      state.magnitude = std::fabs(a) * state.magnitude + std::fabs(b) * s.magnitude;
      state.error = std::fabs(a) * state.error + std::fabs(b) * s.error + 8 * state.magnitude;
      Bounded& r = z[static_cast<std::size_t>(k)];
      r.value = out * state.value + skip * s.value;
      r.magnitude = std::fabs(out) * state.magnitude + std::fabs(skip) * s.magnitude;
      r.error = std::fabs(out) * state.error + std::fabs(skip) * s.error + 2 * r.magnitude;
    }
  }

  void judge() {
    harness::Worst worst;
    const double unit = cuda_test::Type<E>::unit;
    auto judge_one = [&](double got, const Bounded& b, double store, i64 i) {
      if (c.lattice) {
        const double exact = store > 0 ? cuda_test::to_double(cuda_test::from_double<E>(b.value)) : b.value;
        worst.see(got == exact ? 0 : 2, 1, i);
      } else {
        worst.see(std::fabs(got - b.value),
                  2 * unit * b.error + store * std::fabs(b.value) + 1e-30 + 1e-7 * store, i);
      }
    };
    for (i64 n = 0; n < c.batch; ++n) {
      std::vector<Bounded> h(static_cast<std::size_t>(c.states)), z(h.size());
      for (i64 k = 0; k < c.states && c.has_initial; ++k) {
        const double v = static_cast<double>(initial[n * c.states + k]);
        h[static_cast<std::size_t>(k)] = {v, std::fabs(v), 0};
      }
      for (i64 t = 0; t < c.length; ++t) {
        advance(n, t, h, z);
        for (i64 o = 0; o < c.outputs; ++o) {
          Bounded sum;
          for (i64 k = 0; k < c.states; ++k) {
            const Bounded& r = z[static_cast<std::size_t>(k)];
            const double w = at(out_proj, k * c.outputs + o);
            sum.value += w * r.value;
            sum.magnitude += std::fabs(w) * r.magnitude;
            sum.error += std::fabs(w) * r.error;
          }
          sum.error += static_cast<double>(c.states + 1) * sum.magnitude;
          const i64 i = (n * c.length + t) * c.outputs + o;
          judge_one(at(y, i), sum, cuda_test::Type<E>::store, i);
        }
      }
      for (i64 k = 0; k < c.states; ++k)
        judge_one(static_cast<double>(last[n * c.states + k]), h[static_cast<std::size_t>(k)], 0, -1);
    }
    expect(worst.ratio <= 1,
           name + ": " + std::to_string(worst.ratio) + " of allowed at " + std::to_string(worst.at));
    largest = std::max(largest, c.lattice ? 0 : worst.ratio);
  }
  static inline double largest = 0;
};

template <class E>
void run_type(bool small) {
  const Case cases[] = {
      {1, 1, 1, 1, 1, true},
      {2, 33, 5, 3, 4, true},
      {1, 100, 16, 4, 3, true},
      {1, 300, 40, 7, 5, false},
      {3, 20, 64, 32, 16, false, false},
      // Without steps, inputs, states or outputs.
      {2, 0, 4, 3, 2, true},
      {1, 9, 4, 0, 2, false},
      {1, 9, 0, 3, 2, true},
      {1, 9, 4, 3, 0, true},
      {0, 9, 4, 3, 2, true},
      // One thread a state, and boxes of states.
      {1, 5000, 24, 3, 2, false},
      {8, 100, 1160, 3, 2, false},
      {1, 3001, 130, 5, 3, false},
  };
  for (const Case& c : cases) {
    if (small && c.length * c.states > 12001) continue;
    Layer<E> layer(c);
    layer.call();
    layer.judge();
  }
  std::printf("%s: largest deviation %.3f of allowed\n", cuda_test::Type<E>::name, Layer<E>::largest);
}

void refusals() {
  DiagonalS4 s;
  s.length = -1;
  expect(diagonal_s4(s, nullptr, 0, nullptr, 0, nullptr, nullptr) == Status::bad_argument, "negative length");
  s.length = 3, s.states = 2, s.outputs = 1;
  expect(diagonal_s4(s, nullptr, 0, nullptr, 0, nullptr, nullptr) == Status::bad_argument, "null tensors");
  expect(workspace_bytes(s) == 0 && scratch_bytes(s) == 0, "no workspace for what is refused");
}

}  // namespace

int main(int argc, char** argv) {
  if (!harness::has_device()) {
    std::printf("skipped: no CUDA device\n");
    return 77;
  }
  const bool small = argc > 1 && std::strcmp(argv[1], "--small") == 0;
  refusals();
  run_type<float>(small);
  run_type<double>(small);
  run_type<__nv_bfloat16>(small);
  run_type<__half>(small);
  return harness::report("s4_test");
}
