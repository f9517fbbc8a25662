# exactscan_compiler: the flags of every target of this project.
#
# -ffp-contract=off: a bound is a statement about the operations that the source names; a compiler that fuses
# a*b+c on its own computes something else. -ffast-math is refused by an #error where bounds are computed.
# -Wno-restrict: g++ 12 reports std::string's own operator+ (GCC bug 105329).
# -Wno-bitwise-instead-of-logical: a mask is a bool for scalars and a vector for lanes; | serves both.
# -Wno-psabi: both compilers report every function that names the lanes, mixed conventions or not. So no warning guards
# against vectors that cross a call between functions of different instruction sets, which once let wrong elements
# pass: what does is that the AVX2 lanes exist only where all is inlined (oracle/check/checker.hpp), and the attack in
# tests/soundness/ under both compilers.
add_library(exactscan_compiler INTERFACE)
target_compile_features(exactscan_compiler INTERFACE cxx_std_20)
target_compile_options(exactscan_compiler INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Werror -ffp-contract=off
  -Wno-psabi $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>
  $<$<CXX_COMPILER_ID:Clang>:-Wno-bitwise-instead-of-logical>)

# exactscan_compile_quickly(TARGETS...): in sanitizer builds, without optimization. For what runs briefly and takes long
# to compile: optimizing instrumented code is most of such a build's time.
option(EXACTSCAN_SANITIZED "A build with sanitizers (the presets asan, tsan and fuzz set it)" OFF)
function(exactscan_compile_quickly)
  foreach(target IN LISTS ARGV)
    target_compile_options(${target} PRIVATE $<$<BOOL:${EXACTSCAN_SANITIZED}>:-O0>)
  endforeach()
endfunction()
