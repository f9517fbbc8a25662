// Writes questions for the program extracted from the proofs, and the answers of the C++ definitions: one
// line each. The format is described in extraction.ml. Usage: extraction_vectors COUNT SEED QUESTIONS ANSWERS
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <iostream>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "spec/bracketing.hpp"
#include "spec/diagonal_s4.hpp"
#include "spec/diagonal_ssm_adjoint.hpp"
#include "spec/dyadic.hpp"

namespace {

using namespace exactscan::spec;
using Transitions = std::vector<ScalarAffineTransition<Dyadic>>;

class Line {
 public:
  Line& operator<<(const std::string& word) {
    text_ += text_.empty() ? word : " " + word;
    return *this;
  }
  Line& operator<<(const char* word) { return *this << std::string(word); }
  Line& operator<<(std::size_t count) { return *this << std::to_string(count); }
  Line& operator<<(const Dyadic& x) {
    const Dyadic::Parts parts = x.parts();  // an integer: the exponent is not negative
    return *this << Integer(parts.mantissa << static_cast<unsigned>(parts.exponent)).str();
  }
  Line& operator<<(const std::vector<Dyadic>& xs) {
    for (const Dyadic& x : xs) *this << x;
    return *this;
  }
  Line& operator<<(const std::vector<std::vector<Dyadic>>& rows) {
    for (const auto& row : rows) *this << row;
    return *this;
  }
  Line& operator<<(const Transitions& transitions) {
    *this << transitions.size();
    for (const auto& t : transitions) *this << t.a << t.b;
    return *this;
  }
  const std::string& text() const { return text_; }

 private:
  std::string text_;
};

struct Vector {
  Line question, answer;
};

class Generator {
 public:
  explicit Generator(std::uint64_t seed) : random_(seed) {}

  Vector next() {
    using Make = Vector (Generator::*)();
    static constexpr Make makers[] = {&Generator::run,     &Generator::summary, &Generator::scans,
                                      &Generator::tree,    &Generator::chunked, &Generator::lookback,
                                      &Generator::ssm,     &Generator::s4,      &Generator::adjoint,
                                      &Generator::varying, &Generator::ssd};
    const Make make = makers[turn_++ % std::size(makers)];
    return (this->*make)();
  }

 private:
  std::size_t count(std::size_t low, std::size_t high) { return low + random_() % (high - low + 1); }

  // Small, zero, a power of two, or of up to 50 bits.
  Dyadic integer() {
    const auto signed_value = static_cast<std::int64_t>(random_());
    switch (random_() % 4) {
      case 0:
        return Dyadic(signed_value % 4);
      case 1:
        return Dyadic(0);
      case 2:
        return Dyadic(std::int64_t{1} << (random_() % 40));
      default:
        return Dyadic(signed_value >> 14);
    }
  }
  std::vector<Dyadic> integers(std::size_t size) {
    std::vector<Dyadic> result(size);
    std::generate(result.begin(), result.end(), [&] { return integer(); });
    return result;
  }
  std::vector<std::vector<Dyadic>> rows(std::size_t n, std::size_t size) {
    std::vector<std::vector<Dyadic>> result(n);
    std::generate(result.begin(), result.end(), [&] { return integers(size); });
    return result;
  }
  Transitions transitions(std::size_t low) {
    Transitions result(count(low, 12));
    for (auto& t : result) t = {integer(), integer()};
    return result;
  }

  Vector run() {
    const Dyadic h0 = integer();
    const Transitions l = transitions(0);
    return {Line() << "run" << h0 << l, Line() << run_scalar_affine(h0, l)};
  }
  Vector summary() {
    const Transitions l = transitions(0);
    const auto s = summarize_scalar_affine<Dyadic>(l);
    return {Line() << "summary" << l, Line() << s.a << s.b};
  }
  Vector scans() {
    static constexpr const char* names[] = {"scan", "kogge_stone", "blelloch"};
    const Dyadic h0 = integer();
    const Transitions l = transitions(1);
    return {Line() << names[random_() % 3] << h0 << l, Line() << scalar_affine_scan(h0, l)};
  }

  Bracketing bracketing(std::size_t leaves, std::vector<std::string>& shape) {
    if (leaves == 1) {
      shape.emplace_back("0");
      return Bracketing::leaf();
    }
    shape.emplace_back("1");
    const std::size_t earlier = count(1, leaves - 1);
    Bracketing left = bracketing(earlier, shape);
    return Bracketing::join(std::move(left), bracketing(leaves - earlier, shape));
  }
  Vector tree() {
    const Transitions l = transitions(1);
    std::vector<std::string> shape;
    const Bracketing tree = bracketing(l.size(), shape);
    Line question;
    question << "tree" << shape.size();
    for (const std::string& digit : shape) question << digit;
    const auto result = evaluate(tree, std::span<const ScalarAffineTransition<Dyadic>>(l));
    return {question << l, Line() << result.a << result.b};
  }

  // Lengths that add up to `total`, zero among them at times.
  std::vector<std::size_t> pieces(std::size_t total) {
    std::vector<std::size_t> lengths;
    while (total > 0) {
      lengths.push_back(count(0, std::min<std::size_t>(total, 5)));
      total -= lengths.back();
    }
    return lengths;
  }
  Vector chunked() {
    const Dyadic h0 = integer();
    const Transitions l = transitions(1);
    const std::vector<std::size_t> lengths = pieces(l.size());
    Line question;
    question << "chunked" << h0 << lengths.size();
    for (const std::size_t length : lengths) question << length;
    return {question << l, Line() << scalar_affine_scan(h0, l)};
  }
  Vector lookback() {
    const Dyadic h0 = integer();
    const Transitions l = transitions(1);
    const std::vector<std::size_t> lengths = pieces(l.size());
    Line question;
    question << "lookback" << h0 << lengths.size();
    for (const std::size_t length : lengths) question << count(0, 4) << length;
    return {question << l, Line() << scalar_affine_scan(h0, l)};
  }

  Vector ssm() {
    const std::size_t n = count(1, 3), length = count(1, 6);
    const std::vector<Dyadic> none(n);
    const DiagonalSSM<Dyadic> system{integers(n), integers(n), none, none};
    const std::vector<Dyadic> h0 = integers(n);
    const auto xs = rows(length, n);
    return {Line() << "ssm" << n << length << system.A << system.B << h0 << xs, Line()
                                                                                    << system.scan(h0, xs)};
  }
  Vector s4() {
    const std::size_t in = count(1, 3), n = count(1, 3), out = count(1, 3), length = count(1, 5);
    const DiagonalS4<Dyadic> system{{in, n, integers(in * n)},
                                    {n, out, integers(n * out)},
                                    {integers(n), integers(n), integers(n), integers(n)}};
    const std::vector<Dyadic> h0 = integers(n);
    const auto xs = rows(length, in);
    const auto result = system.run_list(h0, xs);
    return {Line() << "s4" << in << n << out << length << system.in_proj.entries << system.out_proj.entries
                   << system.ssm.A << system.ssm.B << system.ssm.C << system.ssm.D << h0 << xs,
            Line() << result.state << result.output};
  }

  Vector adjoint() {
    const std::size_t length = count(1, 8);
    const std::vector<Dyadic> a = integers(1), b = integers(1), h0 = integers(1);
    const auto xs = rows(length, 1), dy = rows(length, 1);
    const auto g = ssm_adjoint(a, b, h0, xs, dy);
    return {Line() << "adjoint" << length << a << b << h0 << xs << dy, Line()
                                                                           << g.dA << g.dB << g.dx << g.dh0};
  }
  Vector varying() {
    const std::size_t length = count(1, 8);
    const std::vector<Dyadic> h0 = integers(1);
    const auto a = rows(length, 1), b = rows(length, 1), xs = rows(length, 1), dy = rows(length, 1);
    const auto g = time_varying_ssm_adjoint(h0, a, b, xs, dy);
    Line question;
    question << "varying" << length << h0;
    for (std::size_t t = 0; t < length; ++t) question << a[t] << b[t] << xs[t];
    return {question << dy, Line() << g.dA << g.dB << g.dx << g.dh0};
  }

  // Here the C++ side is the recurrence: one scan a state, then the dot product with C.
  Vector ssd() {
    const std::size_t n = count(1, 3), chunk = count(1, 5), length = count(1, 9);
    const std::vector<Dyadic> s = integers(n), a = integers(length), x = integers(length);
    const auto b = rows(length, n), c = rows(length, n);
    std::vector<Dyadic> y(length, Dyadic(0));
    for (std::size_t i = 0; i < n; ++i) {
      Transitions l(length);
      for (std::size_t t = 0; t < length; ++t) l[t] = {a[t], b[t][i] * x[t]};
      const std::vector<Dyadic> h = scalar_affine_scan(s[i], l);
      for (std::size_t t = 0; t < length; ++t) y[t] = y[t] + c[t][i] * h[t];
    }
    Line question;
    question << "ssd" << n << chunk << length << s;
    for (std::size_t t = 0; t < length; ++t) question << a[t] << x[t] << b[t] << c[t];
    return {question, Line() << y};
  }

  std::mt19937_64 random_;
  std::size_t turn_ = 0;
};

int write(int argc, char** argv) {
  if (argc != 5) {
    std::cerr << "usage: extraction_vectors COUNT SEED QUESTIONS ANSWERS\n";
    return 2;
  }
  Generator generator(std::stoull(argv[2]));
  std::ofstream questions(argv[3]), answers(argv[4]);
  for (std::uint64_t left = std::stoull(argv[1]); left > 0; --left) {
    const Vector vector = generator.next();
    questions << vector.question.text() << '\n';
    answers << vector.answer.text() << '\n';
  }
  questions.close();
  answers.close();
  return questions && answers ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return write(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << "extraction_vectors: " << error.what() << '\n';
    return 2;
  }
}
