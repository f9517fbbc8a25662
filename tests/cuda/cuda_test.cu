// Tests of the CUDA kernels on a device: exact lattices bit for bit, real data within a rounding allowance,
// guards, views, arguments, determinism, more than 2^31 elements. Exit code 77: no device (skipped), 1:
// failed.
//
//   cuda_test [--small | --tiny | --large | --dump FOLDER]
// --small, --tiny: fewer shapes, for compute-sanitizer. --large: only the cases of more than 2^31 elements
// (27 GB).
// --dump FOLDER: writes inputs and outputs of a few cases; each is raw little-endian numbers and a line of
// shapes.
#include "tests/cuda/support.cuh"

int main(int argc, char** argv) {
  using namespace cuda_test;
  if (!harness::has_device()) {
    std::printf("skipped: no CUDA device\n");
    return 77;
  }
  bool large = false;
  Extent extent = Extent::full;
  std::string dumps;
  for (int i = 1; i < argc; ++i) {
    if (std::strcmp(argv[i], "--small") == 0) {
      extent = Extent::small;
    } else if (std::strcmp(argv[i], "--tiny") == 0) {
      extent = Extent::tiny;
    } else if (std::strcmp(argv[i], "--large") == 0) {
      large = true;
    } else if (std::strcmp(argv[i], "--dump") == 0 && i + 1 < argc) {
      dumps = argv[++i];
    } else {
      std::printf("unknown argument %s\n", argv[i]);
      return 2;
    }
  }
  if (large) {
    if (!test_large()) return 77;
  } else if (!dumps.empty()) {
    write_dumps(dumps);
  } else {
    test_arguments();
    test_forward(extent);
    test_backward(extent);
    test_determinism(extent);
  }
  return harness::report("cuda_test");
}
