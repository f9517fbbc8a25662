#include "tests/kernels/implementation.hpp"

namespace exactscan::kernels {

const std::vector<Implementation>& implementations() {
  static const std::vector<Implementation> all = [] {
    std::vector<Implementation> list;
    add_simd(list);
    add_thrust(list);
    return list;
  }();
  return all;
}

}  // namespace exactscan::kernels
