#include "tests/mutants/mutant.hpp"

#include "tests/mutants/lists.hpp"

namespace exactscan::mutants {

const std::vector<Mutant>& mutants() {
  static const std::vector<Mutant> all = [] {
    std::vector<Mutant> list;
    add_step_mutants(list);
    add_chunk_mutants(list);
    add_tile_mutants(list);
    add_memory_mutants(list);
    add_gradient_mutants(list);
    add_layer_mutants(list);
    return list;
  }();
  return all;
}

const std::vector<kernels::Implementation>& controls() {
  static const std::vector<kernels::Implementation> all{
      each_channel("sequential", sequential), each_channel("chunked", chunked), each_channel("tiled", tiled),
      each_gradient_channel("gradients", gradients), clean_layer()};
  return all;
}

}  // namespace exactscan::mutants
