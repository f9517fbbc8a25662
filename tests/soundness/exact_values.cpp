#include "tests/soundness/exact_values.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "oracle/bounds/arithmetic.hpp"
#include "spec/rounding.hpp"

namespace exactscan::soundness {
namespace {

using spec::Dyadic;

// Element (t, n) of a tensor; a vector has the same row at every t; a missing tensor is zero.
class Input {
 public:
  Input(const Case& value, const std::string& name) {
    const auto found = value.inputs.find(name);
    if (found != value.inputs.end()) tensor_ = &found->second;
  }
  Dyadic operator()(std::int64_t t, std::int64_t n) const {
    if (tensor_ == nullptr) return Dyadic();
    const bool vector = tensor_->shape.size() == 1;
    return Dyadic(tensor_->at(vector ? n : t * tensor_->shape[1] + n));
  }
  bool is_vector() const { return tensor_ != nullptr && tensor_->shape.size() == 1; }
  std::int64_t rows() const { return tensor_->shape[0]; }
  std::int64_t columns() const { return tensor_->shape.back(); }
  bool present() const { return tensor_ != nullptr; }

 private:
  const Tensor* tensor_ = nullptr;
};

std::vector<Dyadic> zeros(std::int64_t n) { return std::vector<Dyadic>(static_cast<std::size_t>(n)); }

Exact exact_affine_scan(const Case& value) {
  const Input a(value, "a"), b(value, "b"), h0(value, "h0");
  const std::int64_t L = a.rows(), N = a.columns();
  Exact out{{"h", zeros(L * N)}, {"h_last", zeros(N)}, {"summary_a", zeros(N)}, {"summary_b", zeros(N)}};
  for (std::int64_t n = 0; n < N; ++n) {
    Dyadic h = h0(0, n), product(1), from_zero;
    for (std::int64_t t = 0; t < L; ++t) {
      h = a(t, n) * h + b(t, n);
      product = a(t, n) * product;
      from_zero = a(t, n) * from_zero + b(t, n);
      out["h"][static_cast<std::size_t>(t * N + n)] = h;
    }
    const auto i = static_cast<std::size_t>(n);
    out["h_last"][i] = h, out["summary_a"][i] = product, out["summary_b"][i] = from_zero;
  }
  return out;
}

Exact exact_diagonal_ssm(const Case& value) {
  const Input A(value, "A"), B(value, "B"), x(value, "x"), h0(value, "h0"), dh(value, "dh");
  const std::int64_t L = x.rows(), N = x.columns();
  Exact out{{"h", zeros(L * N)}};
  const bool sum_a = A.is_vector(), sum_b = B.is_vector();
  if (dh.present()) {
    out["dA"] = zeros(sum_a ? N : L * N), out["dB"] = zeros(sum_b ? N : L * N);
    out["dx"] = zeros(L * N), out["dh0"] = zeros(N);
  }
  for (std::int64_t n = 0; n < N; ++n) {
    std::vector<Dyadic> h{h0(0, n)};
    for (std::int64_t t = 0; t < L; ++t) {
      h.push_back(A(t, n) * h.back() + B(t, n) * x(t, n));
      out["h"][static_cast<std::size_t>(t * N + n)] = h.back();
    }
    if (!dh.present()) continue;
    Dyadic g;
    for (std::int64_t t = L - 1; t >= 0; --t) {
      g = t == L - 1 ? dh(t, n) : dh(t, n) + A(t + 1, n) * g;
      const auto at = static_cast<std::size_t>(t * N + n), column = static_cast<std::size_t>(n);
      Dyadic& da = out["dA"][sum_a ? column : at];
      Dyadic& db = out["dB"][sum_b ? column : at];
      da = da + g * h[static_cast<std::size_t>(t)];
      db = db + g * x(t, n);
      out["dx"][at] = g * B(t, n);
    }
    out["dh0"][static_cast<std::size_t>(n)] = A(0, n) * g;
  }
  return out;
}

Exact exact_diagonal_s4(const Case& value) {
  const Input in(value, "in_proj"), out_proj(value, "out_proj"), A(value, "A"), B(value, "B"), C(value, "C"),
      D(value, "D"), x(value, "x"), h0(value, "h0");
  const std::int64_t L = x.rows(), I = in.rows(), N = in.columns(), O = out_proj.columns();
  Exact out{{"y", zeros(L * O)}, {"h_last", zeros(N)}};
  for (std::int64_t n = 0; n < N; ++n) {
    Dyadic h = h0(0, n);
    for (std::int64_t t = 0; t < L; ++t) {
      Dyadic s;
      for (std::int64_t i = 0; i < I; ++i) s = s + x(t, i) * in(i, n);
      h = A(0, n) * h + B(0, n) * s;
      const Dyadic r = C(0, n) * h + D(0, n) * s;
      for (std::int64_t o = 0; o < O; ++o) {
        Dyadic& y = out["y"][static_cast<std::size_t>(t * O + o)];
        y = y + r * out_proj(n, o);
      }
    }
    out["h_last"][static_cast<std::size_t>(n)] = h;
  }
  return out;
}

std::size_t flat_index(const std::vector<std::int64_t>& index, const std::vector<std::int64_t>& shape) {
  std::int64_t flat = 0;
  for (std::size_t i = 0; i < index.size(); ++i) flat = flat * shape[i] + index[i];
  return static_cast<std::size_t>(flat);
}

const TensorReport& report_of(const CaseReport& report, const std::string& output) {
  return *std::find_if(report.tensors.begin(), report.tensors.end(),
                       [&](const TensorReport& t) { return t.name == output; });
}

}  // namespace

Exact exact_values(const Case& value) {
  if (value.op == "affine_scan") return exact_affine_scan(value);
  return value.op == "diagonal_ssm" ? exact_diagonal_ssm(value) : exact_diagonal_s4(value);
}

std::vector<double> reported_allowances(const Case& value, const std::string& output,
                                        const Contract& contract) {
  Case all_nan = value;
  all_nan.outputs.clear();
  const Tensor& tensor = value.outputs.at(output);
  const auto size = static_cast<std::size_t>(tensor.size());
  const double nan = std::numeric_limits<double>::quiet_NaN();
  all_nan.outputs[output] =
      is_complex(tensor.type)
          ? Tensor::of_complex(tensor.type, tensor.shape, std::vector<std::complex<double>>(size, {nan, nan}))
          : Tensor::of(tensor.type, tensor.shape, std::vector<double>(size, nan));
  CheckOptions options;
  options.errors = static_cast<int>(size) + 1;
  const CaseReport report = check(all_nan, contract, options);
  std::vector<double> allowances(size, std::numeric_limits<double>::infinity());
  for (const Witness& w : report_of(report, output).witnesses)
    allowances[flat_index(w.index, tensor.shape)] = w.allowance;
  return allowances;
}

std::vector<bool> refuted_elements(const Case& value, const std::string& output, const Contract& contract) {
  Case one = value;
  one.outputs.clear();
  const Tensor& tensor = value.outputs.at(output);
  one.outputs[output] = tensor;
  CheckOptions options;
  options.errors = static_cast<int>(tensor.size()) + 1;
  const TensorReport report = report_of(check(one, contract, options), output);
  std::vector<bool> refuted(static_cast<std::size_t>(tensor.size()));
  // Witnesses: the refuted elements first.
  for (std::size_t i = 0; i < static_cast<std::size_t>(report.refuted); ++i)
    refuted[flat_index(report.witnesses.at(i).index, tensor.shape)] = true;
  return refuted;
}

Expected expected(double c, const Dyadic& exact, double allowance, const Setting& setting) {
  if (!std::isfinite(allowance) || std::isnan(c)) return Expected::open;
  const spec::FloatFormat& format = format_of(setting.out);
  const auto inside = [&](const Dyadic& e) {
    const Dyadic low = exact - e, high = exact + e;
    if (setting.stores_exactly()) return low <= Dyadic(c) && Dyadic(c) <= high;
    const auto down = setting.any_store ? spec::RoundingMode::down : spec::RoundingMode::nearest_even;
    const auto up = setting.any_store ? spec::RoundingMode::up : spec::RoundingMode::nearest_even;
    return spec::round_to_double(low, format, down) <= c && c <= spec::round_to_double(high, format, up);
  };
  if (std::isinf(c)) return Expected::open;
  // The report rounds the allowance up to a double.
  const Dyadic e(allowance), slack = allowance == 0 ? Dyadic() : e.scaled(-40) + Dyadic::power_of_two(-1074);
  if (allowance > 0x1p-1073 || allowance == 0) {
    if (inside(e - slack)) return Expected::explained;
  }
  return inside(e + slack) ? Expected::open : Expected::refuted;
}

}  // namespace exactscan::soundness
