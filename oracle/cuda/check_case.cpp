#include "oracle/cuda/check_case.hpp"

#include <fmt/format.h>

#include <memory>
#include <stdexcept>
#include <vector>

#include "oracle/check/operation_judge.hpp"
#include "oracle/cuda/check_selective.hpp"
#include "oracle/cuda/selective_case.hpp"

namespace exactscan {
namespace {

void require_success(cudaError_t error, const char* what) {
  if (error != cudaSuccess)
    throw std::runtime_error(fmt::format("--device cuda: {}: {}", what, cudaGetErrorString(error)));
}

struct Release {
  void operator()(void* memory) const { cudaFree(memory); }
};
using DeviceMemory = std::unique_ptr<void, Release>;

DeviceMemory allocate(std::size_t bytes) {
  void* memory = nullptr;
  require_success(cudaMalloc(&memory, std::max<std::size_t>(bytes, 1)), "memory for the case's tensors");
  return DeviceMemory(memory);
}

Screened screen_on_device(const Problem& problem) {
  const std::string why = device::refusal(problem.value, problem.contract);
  if (!why.empty()) {
    throw CaseError(fmt::format("{}: cannot be checked on a device: {}", problem.value.file, why));
  }
  device::SelectiveScreen screen =
      device::selective_screen(problem.value, problem.dimensions, problem.contract);
  std::vector<DeviceMemory> memory;
  for (const device::NamedTensor& named : device::tensors_of(problem.value)) {
    const auto& data = named.tensor->data;
    memory.push_back(allocate(data.size()));
    require_success(cudaMemcpy(memory.back().get(), data.data(), data.size(), cudaMemcpyHostToDevice),
                    "copying the case's tensors");
    (screen.*named.place).data = memory.back().get();
  }
  const auto units = static_cast<std::size_t>(screen.batch * screen.channels);
  Screened screened{std::vector<std::uint8_t>(units, 1), std::vector<float>(units, 0)};
  const DeviceMemory suspect = allocate(units), ratio = allocate(units * sizeof(float));
  // Whatever the kernel should leave unwritten stays suspect.
  require_success(cudaMemset(suspect.get(), 1, units), "memory");
  require_success(device::screen(screen, static_cast<std::uint8_t*>(suspect.get()),
                                 static_cast<float*>(ratio.get()), nullptr),
                  "starting the check");
  require_success(cudaMemcpy(screened.suspect.data(), suspect.get(), units, cudaMemcpyDeviceToHost),
                  "the check");
  require_success(
      cudaMemcpy(screened.ratio.data(), ratio.get(), units * sizeof(float), cudaMemcpyDeviceToHost),
      "the check");
  return screened;
}

}  // namespace

void require_device() {
  int devices = 0;
  const cudaError_t error = cudaGetDeviceCount(&devices);
  if (error != cudaSuccess || devices == 0) {
    throw std::runtime_error(fmt::format("--device cuda: there is no CUDA device ({})",
                                         error == cudaSuccess ? "none found" : cudaGetErrorString(error)));
  }
}

CaseReport check_on_device(const Case& value, const std::optional<Contract>& contract,
                           const CheckOptions& options) {
  require_device();
  // Said here, before any work: the screen itself runs only for operations that are judged unit by unit.
  if (value.op != "selective_scan") {
    CaseReport report;
    report.file = value.file, report.op = value.op, report.verdict = Verdict::invalid;
    report.contract = contract ? contract->name : "";
    report.reason = fmt::format("{}: cannot be checked on a device: it judges selective_scan, not {}",
                                value.file, value.op);
    return report;
  }
  CheckOptions screened = options;
  screened.screen = screen_on_device;
  return check(value, contract, screened);
}

}  // namespace exactscan
