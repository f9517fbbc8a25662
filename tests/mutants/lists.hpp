// The lists that mutants() and controls() are made of.
#pragma once

#include "tests/mutants/gradient_channel.hpp"
#include "tests/mutants/mutant.hpp"

namespace exactscan::mutants {

void add_step_mutants(std::vector<Mutant>& list);
void add_chunk_mutants(std::vector<Mutant>& list);
void add_tile_mutants(std::vector<Mutant>& list);
void add_memory_mutants(std::vector<Mutant>& list);
void add_gradient_mutants(std::vector<Mutant>& list);
void add_layer_mutants(std::vector<Mutant>& list);

// Clean forms of the schedules that those plant their defects in.
void sequential(Channel& c);
void chunked(Channel& c);
void tiled(Channel& c);
void gradients(GradientChannel& c);
kernels::Implementation clean_layer();

inline void plant(std::vector<Mutant>& list, const char* name, const char* defect, const char* evidence,
                  ChannelKernel kernel) {
  list.push_back({each_channel(name, std::move(kernel)), defect, evidence});
}

}  // namespace exactscan::mutants
