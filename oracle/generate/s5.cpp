// Every number comes from + and * on doubles alone: the same on every machine.
#include "oracle/generate/s5.hpp"

#include <fmt/format.h>

#include <complex>
#include <limits>

#include "oracle/generate/lattice.hpp"
#include "oracle/generate/profile.hpp"

namespace exactscan {
namespace {

using Index = std::int64_t;
using Shape = std::vector<Index>;

class S5Generator {
 public:
  S5Generator(const GenerateRequest& request, const Dimensions& shape)
      : request_(request),
        N_(shape.at("N")),
        H_(shape.at("H")),
        P_(shape.at("P")),
        L_(shape.count("L") != 0 ? shape.at("L") : 1),
        update_(request.op == "simplified_state_update"),
        scan_(request.op == "simplified_scan"),
        limits_(type_limits(request.type)) {}

  Case run() {
    require_moderate_size();
    Random choices(request_.variant, 2100, 0);
    const bool varied = request_.variant != 0;
    // Drawn in this order, whatever the operation.
    const bool with_deltaA = choices.once_in(2), column = choices.once_in(3), with_state = choices.once_in(2),
               with_last = choices.once_in(2), conjugates = choices.once_in(2),
               without_D = choices.once_in(3), shared_steps = choices.once_in(3);
    const auto method = static_cast<std::size_t>(choices.between(0, 2));
    const Shape signal = update_ ? Shape{N_, H_} : Shape{N_, H_, L_}, steps = !update_ ? Shape{N_, P_, L_}
                                                                              : varied && shared_steps
                                                                                  ? Shape{P_}
                                                                                  : Shape{N_, P_};
    if (update_) {
      put_real("u", signal, [&](Index i) { return input(1, i, L_).real(); });
    } else {
      put("u", signal, [&](Index i) { return input(1, i, L_); });
    }
    put_real("delta", steps, [&](Index i) { return step(2, i); });
    if (varied ? with_deltaA : request_.seed % 2 == 1)
      put_real("deltaA", steps, [&](Index i) { return step(3, i); });
    put("A", varied && column ? Shape{P_, 1} : Shape{P_}, [&](Index p) { return eigenvalue(p); });
    put("B", {P_, H_}, [&](Index i) { return weight(5, i); });
    put("C", {H_, P_}, [&](Index i) { return weight(6, i); });
    if (!scan_ && !(varied && update_ && without_D))
      put_real("D", update_ ? Shape{H_, H_} : Shape{H_}, [&](Index i) { return weight(7, i).real(); });
    if (update_) put("state", {N_, P_}, [&](Index i) { return weight(8, i); });
    if (request_.backward && scan_) put("dy", signal, [&](Index i) { return input(9, i, L_); });
    if (request_.backward && !scan_) put_real("dy", signal, [&](Index i) { return input(9, i, L_).real(); });
    if (varied && with_state && !update_) put("x0", {N_, P_}, [&](Index i) { return weight(10, i); });
    if (varied && with_last && request_.backward)
      put("dlast_state", {N_, P_}, [&](Index i) { return weight(11, i); });
    constexpr const char* methods[] = {"bilinear", "zoh", "dirac"};
    result_.options["discretization"] = std::string(methods[varied ? method : request_.seed % 3]);
    if (!scan_) result_.options["conj_sym"] = varied ? conjugates : request_.seed % 4 < 2;
    return std::move(result_);
  }

 private:
  bool is(std::string_view profile) const { return request_.profile == profile; }
  Random random(std::uint64_t stream, Index i) const {
    return {request_.seed, 2000 + stream, static_cast<std::uint64_t>(i)};
  }

  void require_moderate_size() const {
    long double total = 0;
    for (const auto& [rows, columns] : {std::pair{N_ * 2.0L, H_ * 4.0L}, {N_ * 2.0L, P_ * 2.0L}})
      total += rows * columns * static_cast<long double>(L_);
    total += 4.0L * static_cast<long double>(P_) * static_cast<long double>(H_) +
             2.0L * static_cast<long double>(H_) * static_cast<long double>(H_);
    if (total > static_cast<long double>(max_generated_elements)) {
      throw GenerateError(fmt::format("the case would have more than {} elements", max_generated_elements));
    }
  }

  std::complex<double> weight(std::uint64_t stream, Index i) const {
    Random r = random(stream, i);
    const double re = r.symmetric(), im = r.symmetric();
    return {re, im};
  }

  // Eigenvalues and steps belong together: |e a| is what matters.
  std::complex<double> eigenvalue(Index p) const {
    constexpr double pi = 3.141592653589793;
    Random r = random(4, p);
    const double x = r.unit(), y = r.symmetric();
    if (is("special") && r.once_in(3)) return 0;  // where zero-order hold divides by 0
    if (is("decay")) return {-1 - 7 * x, 4 * y};
    if (is("mamba")) return {-0.5, pi * static_cast<double>(p)};
    if (is("growth")) return {28 * x / static_cast<double>(std::max<Index>(L_, 1)), 4 * y};
    return {-x, 4 * y};
  }
  double step(std::uint64_t stream, Index i) const {
    Random r = random(stream, i);
    if (is("growth")) return 0.5 + 0.5 * r.unit();
    if (is("decay")) return 0.25 + 1.75 * r.unit();
    if (!is("mamba")) return 0.5 * r.unit();
    const auto exponent = static_cast<int>(r.between(-10, -4));
    return std::ldexp(1 + r.unit(), exponent);
  }

  std::complex<double> input(std::uint64_t stream, Index i, Index length) const {
    if (is("cancellation") && stream == 1 && length > 0 && (i % length) % 2 == 1) {
      Random r = random(stream, i);
      return -(1 + std::ldexp(r.symmetric(), -8)) * input(stream, i - 1, length);
    }
    std::complex<double> z = weight(stream, i);
    Random r = random(stream + 100, i);
    if (is("subnormal")) {
      const auto exponent =
          static_cast<int>(r.between(limits_.min_exponent - limits_.precision, limits_.min_exponent + 4));
      z *= std::ldexp(1.0, exponent);
    }
    if (is("special") && r.once_in(64)) {
      const double infinity = std::numeric_limits<double>::infinity();
      z = r.once_in(2) ? std::complex<double>(std::numeric_limits<double>::quiet_NaN(), 0)
                       : std::complex<double>(r.sign() * infinity, 0);
    }
    return z;
  }

  template <class Draw>
  void put(const char* name, const Shape& shape, Draw draw) {
    const ElementType type = request_.type == ElementType::f64 ? ElementType::c128 : ElementType::c64;
    std::vector<std::complex<double>> values(static_cast<std::size_t>(size_of(shape)));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = draw(static_cast<Index>(i));
    result_.inputs[name] = Tensor::of_complex(type, shape, values);
  }
  template <class Draw>
  void put_real(const char* name, const Shape& shape, Draw draw) {
    std::vector<double> values(static_cast<std::size_t>(size_of(shape)));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = draw(static_cast<Index>(i));
    result_.inputs[name] = Tensor::of(request_.type, shape, values);
  }
  static Index size_of(const Shape& shape) {
    Index size = 1;
    for (const Index extent : shape) size *= extent;
    return size;
  }

  const GenerateRequest& request_;
  Index N_, H_, P_, L_;
  bool update_, scan_;
  TypeLimits limits_;
  Case result_;
};

}  // namespace

bool is_s5(std::string_view op) {
  return op == "simplified_scan" || op == "s5_inner" || op == "simplified_state_update";
}

Case generate_s5(const GenerateRequest& request, const Dimensions& shape) {
  if (lattice_kind(request.profile)) {
    throw GenerateError(fmt::format(
        "profile '{}' is for affine_scan and diagonal_ssm: the sums of {} are not exact in every order",
        request.profile, request.op));
  }
  if (request.type != ElementType::f32 && request.type != ElementType::f64) {
    throw GenerateError(fmt::format("{} has complex tensors: the types are fp32 and fp64", request.op));
  }
  return S5Generator(request, shape).run();
}

}  // namespace exactscan
