#include "tests/mutants/gradient_channel.hpp"

namespace exactscan::mutants {
namespace {

using kernels::BackwardCall;
using kernels::Operand;

// Of a step, or the sum.
void give(const BackwardCall& call, const Operand& of, const Operand& to, std::int64_t n,
          const std::vector<float>& each, float sum) {
  if (of.time_stride == 0) {
    static_cast<float*>(to.data)[n] = sum;
    return;
  }
  for (std::int64_t t = 0; t < call.length; ++t)
    write_element(call.type, to, t, n, each[static_cast<std::size_t>(t)]);
}

void run_channel(const BackwardCall& call, std::int64_t n, const GradientKernel& kernel) {
  GradientChannel c;
  c.index = n;
  c.count = call.channels;
  if (call.initial != nullptr) c.initial = static_cast<const float*>(call.initial)[n];
  for (std::int64_t t = 0; t < call.length; ++t) {
    c.a.push_back(read_element(call.type, call.a, t, n));
    c.b.push_back(read_element(call.type, call.b, t, n));
    c.x.push_back(read_element(call.type, call.x, t, n));
    c.dh.push_back(read_element(call.type, call.dh, t, n));
  }
  for (std::vector<float>* gradient : {&c.da, &c.db, &c.dx}) gradient->assign(c.a.size(), 0.0F);
  kernel(c);
  give(call, call.a, call.da, n, c.da, c.sum_a);
  give(call, call.b, call.db, n, c.db, c.sum_b);
  for (std::int64_t t = 0; t < call.length; ++t)
    write_element(call.type, call.dx, t, n, c.dx[static_cast<std::size_t>(t)]);
  static_cast<float*>(call.dinitial)[n] = c.dh0;
}

}  // namespace

kernels::Implementation each_gradient_channel(std::string name, GradientKernel kernel) {
  kernels::Implementation result;
  result.name = std::move(name);
  result.layouts = {kernels::Layout::time_major};
  result.types = {ElementType::f32, ElementType::bf16};
  result.run_backward = [kernel = std::move(kernel)](const BackwardCall& call) {
    for (std::int64_t n = 0; n < call.channels; ++n) run_channel(call, n, kernel);
  };
  return result;
}

}  // namespace exactscan::mutants
