# The CUDA language, for compute capability 9.0.
include(CheckLanguage)
set(CMAKE_CUDA_ARCHITECTURES 90)
check_language(CUDA)
if(NOT CMAKE_CUDA_COMPILER)
  message(FATAL_ERROR "EXACTSCAN_CUDA is on, but there is no CUDA compiler; name one by -DCMAKE_CUDA_COMPILER=")
endif()
enable_language(CUDA)
if(NOT CMAKE_CUDA20_STANDARD_COMPILE_OPTION)  # CMake 3.25 does not know nvcc's flag
  set(CMAKE_CUDA20_STANDARD_COMPILE_OPTION "-std=c++20")
  set(CMAKE_CUDA20_EXTENSION_COMPILE_OPTION "-std=c++20")
endif()
set(CMAKE_CUDA_STANDARD 20)
