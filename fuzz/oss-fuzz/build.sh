#!/bin/bash -eu
# build.sh [TARGET...]: builds the fuzz targets (all, unless some are named) as OSS-Fuzz expects it: with $CC, $CXX,
# $CFLAGS, $CXXFLAGS and $LIB_FUZZING_ENGINE, from the current folder, in $WORK, into $OUT: the targets, their seed
# corpora, dictionaries and options, and the libraries they load.
#
# Distribution libraries in C++ (fmt, TBB) are built for libstdc++, so that is used, not libc++.
# Its compiler is newer than those that this project is built with: -w, since warnings are errors here.
export CXXFLAGS="${CXXFLAGS//-stdlib=libc++/} -w"

source=$PWD
cmake -S "$source" -B "$WORK/build" -G Ninja -DCMAKE_BUILD_TYPE=None -DEXACTSCAN_FUZZ=ON -DEXACTSCAN_TESTS=OFF \
  -DCMAKE_CXX_FLAGS="$CXXFLAGS" -DCMAKE_EXE_LINKER_FLAGS='-Wl,-rpath,$ORIGIN/lib'
names=("$@")
[ $# -gt 0 ] || names=(npz safetensors contract kernels systems)
ninja -C "$WORK/build" "${names[@]/%/_fuzzer}"

mkdir -p "$OUT/lib"
for name in "${names[@]}"; do
  cp "$WORK/build/bin/${name}_fuzzer" "$OUT/"
  rm -f "$OUT/${name}_fuzzer_seed_corpus.zip"
  (cd "$source/fuzz/seeds/$name" && zip -q "$OUT/${name}_fuzzer_seed_corpus.zip" *)
  cp "$source/fuzz/dictionaries/$name.dict" "$OUT/${name}_fuzzer.dict"
  [ ! -f "$source/fuzz/oss-fuzz/$name.options" ] || cp "$source/fuzz/oss-fuzz/$name.options" "$OUT/${name}_fuzzer.options"
  # The image that runs the targets has the C library alone.
  ldd "$OUT/${name}_fuzzer" | awk '$2 == "=>" && $3 ~ /^\// { print $3 }' |
    grep -Ev '/(libc|libm|libdl|libpthread|librt|ld-linux.*)\.so' | xargs -r cp -Lt "$OUT/lib"
done
