#!/usr/bin/env bash
# Builds and runs the tests and benchmarks of the CUDA systems with nvcc alone, for a machine with a GPU and nothing else.
#   bench/cuda_systems_on_device.sh RESULTS_FOLDER [stage ...]
# stages: build (only that), sanitize, test, large, dump, bench. Programs built earlier in build/cuda-systems are used
# where they are newer than the sources.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?folder for results}; shift
stages=${*:-sanitize test large dump bench}
work=build/cuda-systems
mkdir -p "$work" "$out"
flags="-std=c++20 -O3 -arch=sm_90 -I. -lineinfo -diag-suppress 177"
jobs_at_once=${JOBS:-8}

compile() { nvcc $flags -c "$1" -o "$work/$2.o"; }
build() {
  local pids=() pair
  for pair in cuda/s5/forward:s5_forward cuda/s5/backward:s5_backward cuda/s5/projections:s5_projections tests/cuda/s5_test:s5_test \
    bench/cuda_s5:s5_bench $(cd cuda/selective && for f in *.cu; do echo "cuda/selective/${f%.cu}:selective_${f%.cu}"; done) \
    tests/cuda/selective_test:selective_test bench/cuda_selective:selective_bench; do
    local object="$work/${pair#*:}.o" source="${pair%:*}.cu"
    [ -e "$object" ] && [ -z "$(find "$source" cuda/s5 cuda/selective tests/cuda bench \( -name '*.cuh' -o -name '*.hpp' -o -path "$source" \) -newer "$object" -print -quit)" ] && continue
    compile "$source" "${pair#*:}" & pids+=($!)
    while [ "$(jobs -rp | wc -l)" -ge "$jobs_at_once" ]; do sleep 0.2; done
  done
  for pair in "${pids[@]}"; do wait "$pair" || return 1; done
  local s5="$work/s5_forward.o $work/s5_backward.o $work/s5_projections.o" selective
  selective=$(cd cuda/selective && for f in *.cu; do echo "$work/selective_${f%.cu}.o"; done)
  nvcc -arch=sm_90 $s5 "$work/s5_test.o" -lcublas -o "$work/s5_test" && nvcc -arch=sm_90 $s5 "$work/s5_bench.o" -lcublas -o "$work/s5_bench" &&
    nvcc -arch=sm_90 $selective "$work/selective_test.o" -o "$work/selective_test" &&
    nvcc -arch=sm_90 $selective "$work/selective_bench.o" -o "$work/selective_bench"
}
SECONDS=0
if [ "${PREBUILT:-}" = "" ]; then build || { echo "build failed"; exit 1; }; fi
echo "== ready in $SECONDS s"
[ "$stages" = build ] && exit 0
nvidia-smi --query-gpu=name,driver_version,clocks.max.sm --format=csv,noheader
code=0
for stage in $stages; do
  echo "== $stage (at $SECONDS s)"
  case $stage in
    test) for t in s5 selective; do timeout 100 "$work/${t}_test" || code=1; done ;;
    sanitize)  # side by side: each is mostly one processor's work
      for t in s5 selective; do
        for tool in memcheck racecheck initcheck synccheck; do
          [ $t = s5 ] && options="--small --no-blas" || options=--small
          { timeout "${SANITIZE_SECONDS:-100}" compute-sanitizer --tool $tool $([ $tool = synccheck ] && echo --num-cuda-barriers 16384) --error-exitcode 9 "$work/${t}_test" $options > "$out/${tool}_$t.txt" 2>&1
            echo "exit code $?" >> "$out/${tool}_$t.txt"; } &
        done
      done
      wait
      for t in s5 selective; do
        for tool in memcheck racecheck initcheck synccheck; do
          echo "-- $tool ${t}_test"; tail -n 4 "$out/${tool}_$t.txt"
          grep -q 'exit code 0' "$out/${tool}_$t.txt" || code=1
        done
      done
      (cd "$out" && tar -czf sanitize.tar.gz *check_*.txt && rm -f *check_*.txt) ;;
    large) for t in s5 selective; do timeout 60 "$work/${t}_test" --large || code=1; done ;;
    dump)
      mkdir -p "$work/dumps"
      for t in s5 selective; do timeout 60 "$work/${t}_test" --dump "$work/dumps" || code=1; done
      tar -C "$work" -czf "$out/dumps.tar.gz" dumps || code=1 ;;
    bench) for t in s5 selective; do timeout 100 "$work/${t}_bench" 2>&1 | tee "$out/${t}_bench.txt" || code=1; done ;;
    profile)  # instructions, stalls and throughputs of the main kernels
      for k in selective:scan_kernel selective:adjoint_kernel s5:scan_kernel s5:adjoint_kernel; do
        log="$work/ncu_${k/:/_}.txt"
        timeout 60 ncu --clock-control none --set full --metrics group:smsp__pcsamp_warp_stall_reasons -k "regex:${k#*:}" --launch-skip 1 -c 1 \
          "$work/${k%:*}_bench" > "$log" 2>&1
        echo "-- $k"; grep -E '  (Duration|Executed Ipc Active|Issue Slots Busy|Registers Per|Executed Instructions|L1/TEX Cache Th|DRAM Throughput|Achieved Occ)' "$log"
        grep -E 'smsp__pcsamp_warps_issue_stalled' "$log" | grep -v not_issued | sort -k3 -n -r | head -6
      done
      tar -C "$work" -czf "$out/ncu.tar.gz" $(cd "$work" && ls ncu_*.txt) ;;
  esac
done
echo "== finished at $SECONDS s, code $code"
exit $code
