// Schedule `slabs`, forward: channels lie side by side (device/slabs.cuh says how the work is cut).
#include "cuda/device/slab_launch.cuh"

namespace exactscan::cuda {
namespace {

template <class E, SlabKind kind>
Slabs<E> plan(const Problem& p) {
  const ConstView streams[] = {kind == SlabKind::varying ? p.a : p.b, p.b};
  Slabs<E> k = plan_slabs<E, kind>(streams, p.h, p.batch, p.length, p.channels, p.blocks);
  k.A = static_cast<const E*>(p.A);
  k.B = static_cast<const E*>(p.B);
  k.h0 = static_cast<const State<E>*>(p.h0);
  k.h_last = static_cast<State<E>*>(p.h_last);
  return k;
}

template <class E, SlabKind kind, class M>
Status launch(const Problem& p, void* scratch, cudaStream_t stream) {
  Slabs<E> k = plan<E, kind>(p);
  SlabScratch<E>(k, false).place(k, scratch, false);
  return launch_slab_kernel<E, kind, M>(k, p.blocks, stream);
}

template <class E, class M>
Status launch_any(const Problem& p, void* scratch, cudaStream_t stream) {
  return p.constant ? launch<E, SlabKind::constant, M>(p, scratch, stream)
                    : launch<E, SlabKind::varying, M>(p, scratch, stream);
}

template <class E>
std::size_t scratch_of(const Problem& p) {
  const Slabs<E> k = p.constant ? plan<E, SlabKind::constant>(p) : plan<E, SlabKind::varying>(p);
  return SlabScratch<E>(k, false).bytes();
}

}  // namespace

std::size_t slabs_scratch(const Problem& p) {
  return p.type == Element::f64   ? scratch_of<double>(p)
         : p.type == Element::f32 ? scratch_of<float>(p)
                                  : scratch_of<__half>(p);
}

Status launch_slabs(const Problem& p, void* scratch, cudaStream_t stream) {
  switch (p.type) {
    case Element::f32:
      return launch_any<float, Pair>(p, scratch, stream);
    case Element::f64:
      return launch_any<double, Plain<double>>(p, scratch, stream);
    case Element::bf16:
      return launch_any<__nv_bfloat16, Pair>(p, scratch, stream);
    case Element::f16:
      return launch_any<__half, Pair>(p, scratch, stream);
  }
  return Status::bad_argument;
}

}  // namespace exactscan::cuda
