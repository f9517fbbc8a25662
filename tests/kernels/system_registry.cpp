#include "tests/kernels/system_kernel.hpp"

namespace exactscan::kernels {

const std::vector<SystemKernel>& system_kernels() {
  static const std::vector<SystemKernel> all = [] {
    std::vector<SystemKernel> list;
    add_plain(list);
    add_s5(list);
    add_mamba(list);
    return list;
  }();
  return all;
}

}  // namespace exactscan::kernels
