// What stands for the device in a build without CUDA.
#include <stdexcept>

#include "oracle/cuda/check_case.hpp"

namespace exactscan {

void require_device() {
  throw std::runtime_error(
      "--device cuda: this program was built without CUDA (build it with -DEXACTSCAN_CUDA=ON)");
}

CaseReport check_on_device(const Case&, const std::optional<Contract>&, const CheckOptions&) {
  require_device();
  return {};
}

}  // namespace exactscan
