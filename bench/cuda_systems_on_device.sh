#!/usr/bin/env bash
# Builds and runs the tests and benchmarks of the CUDA systems with nvcc alone, for a machine with a GPU and nothing else.
#   [SYSTEMS="s5 selective ssd"] bench/cuda_systems_on_device.sh RESULTS_FOLDER [stage ...]
# stages: build (only that), sanitize, test, large, dump, bench. Programs built earlier in build/cuda-systems are used
# where they are newer than the sources.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
out=${1:?folder for results}; shift
stages=${*:-sanitize test large dump bench}
work=build/cuda-systems
mkdir -p "$work" "$out"
flags="-std=c++20 -O3 -I. -lineinfo -diag-suppress 177,20012"
systems=${SYSTEMS:-s5 selective ssd}
jobs_at_once=${JOBS:-8}

arch() { if [ "$1" = ssd ]; then echo "-gencode arch=compute_90a,code=sm_90a"; else echo "-arch=sm_90"; fi; }
build() {
  local pids=() system source object
  for system in $systems; do
    for source in cuda/"$system"/*.cu "tests/cuda/${system}_test.cu" "bench/cuda_$system.cu"; do
      object="$work/${system}_$(basename "$source" .cu).o"
      [ -e "$object" ] && [ -z "$(find "$source" "cuda/$system" cuda/selective tests/cuda bench \( -name '*.cuh' -o -name '*.hpp' -o -path "$source" \) -newer "$object" -print -quit)" ] && continue
      nvcc $flags $(arch "$system") -c "$source" -o "$object" & pids+=($!)
      while [ "$(jobs -rp | wc -l)" -ge "$jobs_at_once" ]; do sleep 0.2; done
    done
  done
  for source in "${pids[@]}"; do wait "$source" || return 1; done
  for system in $systems; do
    local objects
    objects=$(cd "cuda/$system" && for f in *.cu; do echo "$work/${system}_${f%.cu}.o"; done)
    nvcc $(arch "$system") $objects "$work/${system}_${system}_test.o" -lcublas -o "$work/${system}_test" &&
      nvcc $(arch "$system") $objects "$work/${system}_cuda_$system.o" -lcublas -o "$work/${system}_bench" || return 1
  done
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
    test) for t in $systems; do timeout 100 "$work/${t}_test" || code=1; done ;;
    sanitize)  # side by side: each is mostly one processor's work
      for t in $systems; do
        for tool in memcheck racecheck initcheck synccheck; do
          [ $t = s5 ] && options="--small --no-blas" || options=--small
          { timeout "${SANITIZE_SECONDS:-100}" compute-sanitizer --tool $tool $([ $tool = synccheck ] && echo --num-cuda-barriers 16384) --error-exitcode 9 "$work/${t}_test" $options > "$out/${tool}_$t.txt" 2>&1
            echo "exit code $?" >> "$out/${tool}_$t.txt"; } &
        done
      done
      wait
      for t in $systems; do
        for tool in memcheck racecheck initcheck synccheck; do
          echo "-- $tool ${t}_test"; tail -n 4 "$out/${tool}_$t.txt"
          grep -q 'exit code 0' "$out/${tool}_$t.txt" || code=1
        done
      done
      (cd "$out" && tar -czf sanitize.tar.gz *check_*.txt && rm -f *check_*.txt) ;;
    large) for t in $systems; do timeout 60 "$work/${t}_test" --large || code=1; done ;;
    dump)
      mkdir -p "$work/dumps"
      for t in $systems; do timeout 60 "$work/${t}_test" --dump "$work/dumps" || code=1; done
      tar -C "$work" -czf "$out/dumps.tar.gz" dumps || code=1 ;;
    bench) for t in $systems; do timeout 100 "$work/${t}_bench" 2>&1 | tee "$out/${t}_bench.txt" || code=1; done ;;
    profile)  # instructions, stalls and throughputs of the main kernels
      for k in selective:scan_kernel selective:adjoint_kernel s5:scan_kernel s5:adjoint_kernel ssd:chunk_kernel; do
        [[ " $systems " = *" ${k%:*} "* ]] || continue
        log="$work/ncu_${k/:/_}.txt"
        timeout 60 ncu --clock-control none --set full --metrics group:smsp__pcsamp_warp_stall_reasons -k "regex:${k#*:}" --launch-skip 1 -c 1 \
          "$work/${k%:*}_bench" profile > "$log" 2>&1
        echo "-- $k"; grep -E '  (Duration|Executed Ipc Active|Issue Slots Busy|Registers Per|Executed Instructions|L1/TEX Cache Th|DRAM Throughput|Achieved Occ)' "$log"
        grep -E 'smsp__pcsamp_warps_issue_stalled' "$log" | grep -v not_issued | sort -k3 -n -r | head -6
      done
      tar -C "$work" -czf "$out/ncu.tar.gz" $(cd "$work" && ls ncu_*.txt) ;;
  esac
done
echo "== finished at $SECONDS s, code $code"
exit $code
