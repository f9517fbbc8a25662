# Every library that the project uses, in one place. All are Debian 12 packages (see ./run for their names).
find_package(Threads REQUIRED)
find_package(Boost 1.81 CONFIG REQUIRED)  # 1.74's rationals are 24 to 157 times slower
find_package(nlohmann_json 3.11 REQUIRED)
find_package(fmt 9 REQUIRED)
find_package(CLI11 2.1 REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(gmp REQUIRED IMPORTED_TARGET gmp)
pkg_check_modules(mpfr REQUIRED IMPORTED_TARGET mpfr)
pkg_check_modules(libzip REQUIRED IMPORTED_TARGET libzip)
find_library(MPFI_LIBRARY mpfi REQUIRED)

# Third-party headers are SYSTEM headers: their warnings are not ours.
add_library(exactscan_numbers INTERFACE)
target_link_libraries(exactscan_numbers INTERFACE Boost::headers "${MPFI_LIBRARY}" PkgConfig::mpfr PkgConfig::gmp)

if(EXACTSCAN_TESTS)
  find_package(GTest REQUIRED)
  find_package(rapidcheck CONFIG REQUIRED)
  include(GoogleTest)
endif()
if(EXACTSCAN_BENCH)
  find_package(benchmark 1.7 REQUIRED)
endif()
