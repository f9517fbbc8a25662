// What all columns and states of a head share at one step of SSD: the step size and the decay, enclosed, and
// by how much a chunked kernel may be off in them.
#pragma once

#include <vector>

#include "oracle/bounds/chunk_rules.hpp"
#include "oracle/check/ssd_inputs.hpp"

namespace exactscan {

struct SsdStep {
  StepSize size;
  Ball<double> decay;                    // 0 where a sequence begins
  Inexact decay_bound;                   // of the step's own factor, for kernels that go step by step
  Bound across, end, intra, state, row;  // e^rho - 1, e^gamma - 1, phi of y and of the chunk's state, F1
  Bound passing;                         // relative error of exp(L_l) on its own
  Bound reach;                           // exponent that a decay's end at this step can add: gamma, and what
                                         // a sum that is an exponent itself has besides
  Bound so_far;                          // upper bound of exp(L_l)
  Bound growth;                          // of all decays between two steps of the chunk, so far
  bool starts, entered, last;  // a sequence begins; the chunk's first state still counts; the chunk ends
  bool overflow;
};

// The steps of head h of batch b. Theorem: "Chunks" of proofs-notes/elementary-rules.md.
std::vector<SsdStep> ssd_steps(const ElementaryRules& rules, const ChunkRules& chunks, const SsdInputs& in,
                               std::int64_t b, std::int64_t h);

}  // namespace exactscan
