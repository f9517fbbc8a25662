// Defects of addressing: offsets, strides, storage, in place.
#include <bit>

#include "tests/mutants/lists.hpp"

namespace exactscan::mutants {
namespace {

using kernels::Call;
using kernels::Operand;

// The plain loop over memory; `a` and `b` say where step t of channel n is read.
template <class ReadA, class ReadB>
void loop(const Call& call, const ReadA& a, const ReadB& b) {
  for (std::int64_t n = 0; n < call.channels; ++n) {
    float state = initial_state(call, n);
    for (std::int64_t t = 0; t < call.length; ++t) {
      state = a(t, n) * state + b(t, n);
      write(call, t, n, state);
    }
    set_last(call, n, state);
  }
}

kernels::Implementation in_memory(const char* name, std::function<void(const Call&)> run) {
  kernels::Implementation result;
  result.name = name;
  result.layouts = {kernels::Layout::time_major};
  result.types = {ElementType::f32, ElementType::bf16};
  result.run = std::move(run);
  return result;
}

// An element by its offset from the start, whatever its place should be.
float read_at(const Call& call, const Operand& operand, std::int64_t offset) {
  return read(call, {operand.data, 1, 0}, offset, 0);
}

void add_offsets(std::vector<Mutant>& list) {
  list.push_back({in_memory("offset_wrapped",
                            [](const Call& call) {
                              loop(
                                  call,
                                  [&](auto t, auto n) {
                                    return read_at(call, call.a, (t * call.a.time_stride + n) & 1023);
                                  },
                                  [&](auto t, auto n) { return read(call, call.b, t, n); });
                            }),
                  "offsets into a are cut to 10 bits (32, scaled down)", "mamba_ssm 880, 1015"});
  list.push_back({in_memory("chunk_offset_wrapped",
                            [](const Call& call) {
                              loop(
                                  call, [&](auto t, auto n) { return read(call, call.a, t, n); },
                                  [&](auto t, auto n) {
                                    const std::int64_t chunk = (t / 16 * 16 * call.b.time_stride) & 1023;
                                    return read_at(call, call.b, chunk + t % 16 * call.b.time_stride + n);
                                  });
                            }),
                  "only the offset of a chunk of b is cut to 10 bits", "fla 1080"});
  list.push_back(
      {in_memory("stride_ignored",
                 [](const Call& call) {
                   loop(
                       call, [&](auto t, auto n) { return read(call, call.a, t, n); },
                       [&](auto t, auto n) { return read_at(call, call.b, t * call.channels + n); });
                 }),
       "b is read as if its rows lay end to end", "fla 871, mamba_ssm 834"});
  list.push_back({in_memory("channel_modulo_group",
                            [](const Call& call) {
                              loop(
                                  call, [&](auto t, auto n) { return read(call, call.a, t, n % 8); },
                                  [&](auto t, auto n) { return read(call, call.b, t, n); });
                            }),
                  "a is that of channel n mod 8", "ggml 15625"});
}

void add_storage(std::vector<Mutant>& list) {
  list.push_back({in_memory("state_from_storage",
                            [](const Call& call) {
                              for (std::int64_t n = 0; n < call.channels; ++n) {
                                float state = initial_state(call, n);
                                for (std::int64_t t = 0; t < call.length; ++t) {
                                  write(call, t, n,
                                        read(call, call.a, t, n) * state + read(call, call.b, t, n));
                                  state = read(call, call.h, t, n);
                                }
                                set_last(call, n, state);
                              }
                            }),
                  "the state is read back from the 16-bit output", "mlx-lm 988"});
  list.push_back(
      {in_memory("store_truncates",
                 [](const Call& call) {
                   for (std::int64_t n = 0; n < call.channels; ++n) {
                     float state = initial_state(call, n);
                     for (std::int64_t t = 0; t < call.length; ++t) {
                       state = read(call, call.a, t, n) * state + read(call, call.b, t, n);
                       const std::uint32_t bits = std::bit_cast<std::uint32_t>(state) & 0xffff0000U;
                       write(call, t, n, call.type == ElementType::bf16 ? std::bit_cast<float>(bits) : state);
                     }
                     set_last(call, n, state);
                   }
                 }),
       "bfloat16 outputs are cut, not rounded", "Highway 1.0.3, DemoteTo bfloat16 on x86"});
  list.push_back({in_memory("overtaken_in_place",
                            [](const Call& call) {
                              for (std::int64_t n = 0; n < call.channels; ++n) {
                                float state = initial_state(call, n);
                                for (std::int64_t t = 0; t < call.length; ++t) {
                                  const float b = read(call, call.b, t, n);
                                  write(call, t, n, b);  // staged where a may still lie
                                  state = read(call, call.a, t, n) * state + b;
                                  write(call, t, n, state);
                                }
                                set_last(call, n, state);
                              }
                            }),
                  "with h over a, a is overwritten before it is read",
                  "TensorRT-Model-Connect 719, ggml 22456"});
}

}  // namespace

void add_memory_mutants(std::vector<Mutant>& list) {
  add_offsets(list);
  add_storage(list);
}

}  // namespace exactscan::mutants
