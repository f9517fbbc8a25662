#include "oracle/check/affine_screen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#ifdef __x86_64__
#include <immintrin.h>
#endif

namespace exactscan {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
// A block stays in registers for some rows. Not for many where rows are far apart in memory: few rows at a
// time, wide tiles, and the machine's own prefetching finds its way.
constexpr std::int64_t far_apart = 1024, rows_near = 16, rows_far = 2, widest_tile = 512;
constexpr std::int64_t most_rows = 1 << 18;  // float32 counts and margins
constexpr float largest_size = 0x1p80F;      // M beyond this is left to the full judgement
constexpr float tiny = 0x1p-100F;            // exceeds all underflow of the evaluation
constexpr double down = 1 - 0x1p-20;         // covers the float32 roundings of one comparison
constexpr double half_unit = 0x1p-24, smallest_normal = 0x1p-126;  // of float32

void raise(std::atomic<double>& maximum, double x) {
  double old = maximum.load(std::memory_order_relaxed);
  while (x > old && !maximum.compare_exchange_weak(old, x, std::memory_order_relaxed)) {
  }
}

}  // namespace

AffineScreen::AffineScreen(const TensorView& a, const TensorView& b, const TensorView& h0, const Output& h,
                           const Arithmetic& arithmetic, int threads)
    : a_(a.floats()),
      b_(b.floats()),
      h_(h.candidate.floats()),
      h0_(h0),
      rows_(h.rows),
      columns_(h.columns),
      group_rows_(h.columns >= far_apart ? rows_far : rows_near),
      tile_blocks_(std::clamp<std::int64_t>(h.columns / block_width / std::max(threads, 1), 1, widest_tile)),
      v_(arithmetic.v),
      certain_(1 - static_cast<double>(4 * h.rows + 64) * 0x1p-24),
      slack_(static_cast<double>(12 * h.rows + 200) * 0x1p-24),
      radius_(static_cast<float>(static_cast<double>(4 * h.rows + 8) * 0x1p-53)),
      highest_(static_cast<std::size_t>(h.columns / block_width)) {}

AffineScreen::Limits AffineScreen::limits() const {
  const double ratio = std::min(record_.load(std::memory_order_relaxed), 1.0) * (1 - slack_);
  // mid is known to 2^-23 of itself where the deviation is at most 2^18 units.
  const double ulp = std::min(ulp_record_.load(std::memory_order_relaxed), 0x1p18);
  return {static_cast<float>(ratio * v_ * certain_ * down), static_cast<float>(ulp * 2 * half_unit * down)};
}

#ifdef __x86_64__

bool AffineScreen::can_judge(const TensorView& a, const TensorView& b, const Output& h,
                             const Arithmetic& arithmetic) {
  return h.candidate.floats() != nullptr && a.floats() != nullptr && b.floats() != nullptr && h.rule.direct &&
         arithmetic.format.precision == spec::binary32.precision && arithmetic.nearest && !arithmetic.flush &&
         std::isinf(arithmetic.depth) && h.rows <= most_rows && h.columns >= block_width &&
         __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

// Eight channels between two rows. Sizes in roundings (multiples of v) but for `size`.
struct alignas(32) AffineScreen::State {
  double mid[8];                                               // h in binary64
  float size[8], products[8];                                  // M, e
  float old_tail[8], old_count[8], new_tail[8], new_count[8];  // the cuts; each count is less by one
  float range[8];  // the largest |a| + M / largest_size, rounded: at most 1 if both are in range
  bool lost;       // not to be accepted
  bool from_zero;  // all initial states are zero
};

// One row of a block, spelled out.
struct AffineScreen::Row {
  double mid[8], deviation[8];
  float allowance[8], size[8], a[8];
};

// Judges a row that passed some limit, element by element: raises the records, or gives the block up.
// `starting`: nothing has entered the state before. Returns whether all elements are accepted.
[[gnu::noinline]] bool AffineScreen::look_closely(const Row& row, std::int64_t block, bool starting) {
  for (int i = 0; i < block_width; ++i) {
    const double off = std::fabs(row.deviation[i]), mid = std::fabs(row.mid[i]);
    const double least = static_cast<double>(row.allowance[i]) * v_ * certain_;
    const double reach =
        off + static_cast<double>(row.size[i]) * static_cast<double>(radius_) + static_cast<double>(tiny);
    const bool exact = off == 0 && (row.a[i] == 0 || starting);  // the state is b, and so is the candidate
    if (!exact && !(reach <= least)) return false;
    const double ratio = off == 0 ? 0 : off / least;
    double& highest = highest_[static_cast<std::size_t>(block)];
    highest = std::max(highest, ratio);
    raise(record_, ratio);
    const double binade = mid < smallest_normal ? smallest_normal : std::ldexp(1.0, std::ilogb(mid));
    raise(ulp_record_, off / (binade * (2 * half_unit)));
  }
  return true;
}

AffineScreen::State AffineScreen::start(std::int64_t block) const {
  State s{};
  for (int i = 0; i < block_width; ++i) {
    s.mid[i] = h0_.load<double>(0, block * block_width + i);
    s.size[i] = static_cast<float>(std::fabs(s.mid[i]));
    s.new_tail[i] = s.size[i] * static_cast<float>(1 / v_);
    s.old_count[i] = s.mid[i] == 0 ? -1 : 0;
    s.new_count[i] = -1;
  }
  s.from_zero = std::all_of(s.mid, s.mid + 8, [](double x) { return x == 0; });
  return s;
}

void AffineScreen::judge_tile(std::int64_t tile) {
  const std::int64_t first = tile * tile_blocks_, count = std::min(tile_blocks_, blocks() - first);
  std::vector<State> states(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) states[static_cast<std::size_t>(i)] = start(first + i);
  for (std::int64_t row = 0; row < rows_; row += group_rows_) {
    judge_rows(states.data(), first, count, row, std::min(group_rows_, rows_ - row));
  }
  for (std::int64_t i = 0; i < count; ++i) {
    const State& s = states[static_cast<std::size_t>(i)];
    const bool in_range = *std::max_element(s.range, s.range + 8) <= 1;
    if (s.lost || !in_range) highest_[static_cast<std::size_t>(first + i)] = infinity;
  }
}

namespace {
#define EXACTSCAN_AVX2 __attribute__((target("avx2,fma")))

EXACTSCAN_AVX2 inline __m256 of_bits(int bits) { return _mm256_castsi256_ps(_mm256_set1_epi32(bits)); }
}  // namespace

EXACTSCAN_AVX2 void AffineScreen::judge_rows(State* states, std::int64_t first, std::int64_t count,
                                             std::int64_t row, std::int64_t rows) {
  const __m256 absolute = of_bits(0x7fffffff), fraction = of_bits(0x007fffff), exponent = of_bits(0x7f800000);
  const __m256 zero = _mm256_setzero_ps(), one = _mm256_set1_ps(1), none = _mm256_set1_ps(-1);
  const __m256 inverse = _mm256_set1_ps(static_cast<float>(1 / v_)), radius = _mm256_set1_ps(radius_),
               least = _mm256_set1_ps(tiny), scale = _mm256_set1_ps(1 / largest_size),
               below = _mm256_set1_ps(static_cast<float>(down));
  Limits limit = limits();
  for (std::int64_t i = 0; i < count; ++i) {
    State& s = states[i];
    if (s.lost) continue;
    __m256d mid_low = _mm256_load_pd(s.mid), mid_high = _mm256_load_pd(s.mid + 4);
    __m256 size = _mm256_load_ps(s.size), products = _mm256_load_ps(s.products),
           old_tail = _mm256_load_ps(s.old_tail), old_count = _mm256_load_ps(s.old_count),
           new_tail = _mm256_load_ps(s.new_tail), new_count = _mm256_load_ps(s.new_count),
           range = _mm256_load_ps(s.range);
    for (std::int64_t r = 0; r < rows; ++r) {
      const std::int64_t at = (row + r) * columns_ + (first + i) * block_width;
      if (i % 2 == 0 && row + r + group_rows_ < rows_) {  // a cache line holds two blocks
        const std::int64_t ahead = at + group_rows_ * columns_;
        _mm_prefetch(reinterpret_cast<const char*>(a_ + ahead), _MM_HINT_T0);
        _mm_prefetch(reinterpret_cast<const char*>(b_ + ahead), _MM_HINT_T0);
        _mm_prefetch(reinterpret_cast<const char*>(h_ + ahead), _MM_HINT_T0);
      }
      // The state in binary64, and how far the candidate is off.
      mid_low = _mm256_add_pd(_mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(a_ + at)), mid_low),
                              _mm256_cvtps_pd(_mm_loadu_ps(b_ + at)));
      mid_high = _mm256_add_pd(_mm256_mul_pd(_mm256_cvtps_pd(_mm_loadu_ps(a_ + at + 4)), mid_high),
                               _mm256_cvtps_pd(_mm_loadu_ps(b_ + at + 4)));
      const __m256d off_low = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(h_ + at)), mid_low),
                    off_high = _mm256_sub_pd(_mm256_cvtps_pd(_mm_loadu_ps(h_ + at + 4)), mid_high);
      const __m256 deviation = _mm256_set_m128(_mm256_cvtpd_ps(off_high), _mm256_cvtpd_ps(off_low));
      // Sizes. Products and sums apart: SlideClock computes the same.
      const __m256 a = _mm256_and_ps(_mm256_loadu_ps(a_ + at), absolute),
                   b = _mm256_and_ps(_mm256_loadu_ps(b_ + at), absolute);
      const __m256 before = _mm256_mul_ps(a, size);
      size = _mm256_add_ps(before, b);
      range = _mm256_max_ps(_mm256_fmadd_ps(size, scale, a), range);
      const __m256 exact = _mm256_castsi256_ps(
          _mm256_cmpeq_epi32(_mm256_castps_si256(_mm256_and_ps(a, fraction)), _mm256_setzero_si256()));
      __m256 inexact_products = before;
      if (_mm256_movemask_ps(exact) != 0) [[unlikely]] {
        inexact_products = _mm256_andnot_ps(exact, before);
        const __m256 reset = _mm256_cmp_ps(a, zero, _CMP_EQ_OQ);
        old_count = _mm256_blendv_ps(old_count, none, reset);
        new_count = _mm256_blendv_ps(new_count, none, reset);
      }
      products = _mm256_fmadd_ps(a, products, inexact_products);
      const __m256 leaf = _mm256_and_ps(_mm256_cmp_ps(b, zero, _CMP_NEQ_UQ), one);
      old_count = _mm256_add_ps(old_count, leaf);
      new_count = _mm256_add_ps(new_count, leaf);
      old_tail = _mm256_mul_ps(old_tail, a);
      new_tail = _mm256_mul_ps(new_tail, a);
      const auto move =
          new_tail <= size;  // as a vector expression: the intrinsics cost g++ an instruction more
      old_tail = move ? new_tail : old_tail;
      old_count = move ? new_count : old_count;
      new_tail = move ? _mm256_mul_ps(size, inverse) : new_tail;
      new_count = move ? none : new_count;
      const __m256 allowance =
          _mm256_add_ps(products, _mm256_min_ps(_mm256_fmadd_ps(old_count, size, old_tail),
                                                _mm256_fmadd_ps(new_count, size, new_tail)));
      // Within the limits of ratio and of ulps? The binade of h: from the candidate less its deviation.
      const __m256 value = _mm256_sub_ps(_mm256_loadu_ps(h_ + at), deviation);
      const __m256 binade = _mm256_and_ps(_mm256_mul_ps(value, below), exponent);
      const __m256 reach =
          _mm256_add_ps(_mm256_and_ps(deviation, absolute), _mm256_fmadd_ps(size, radius, least));
      const __m256 bound = _mm256_min_ps(_mm256_mul_ps(binade, _mm256_broadcast_ss(&limit.ulp)),
                                         _mm256_mul_ps(allowance, _mm256_broadcast_ss(&limit.ratio)));
      const int beyond = _mm256_movemask_ps(_mm256_cmp_ps(reach, bound, _CMP_NLE_UQ));
      if (beyond != 0) [[unlikely]] {
        Row look;
        _mm256_storeu_pd(look.mid, mid_low), _mm256_storeu_pd(look.mid + 4, mid_high);
        _mm256_storeu_pd(look.deviation, off_low), _mm256_storeu_pd(look.deviation + 4, off_high);
        _mm256_storeu_ps(look.allowance, allowance), _mm256_storeu_ps(look.size, size);
        _mm256_storeu_ps(look.a, a);
        if (!look_closely(look, first + i, row + r == 0 && s.from_zero)) {
          s.lost = true;
          break;
        }
        limit = limits();
      }
    }
    _mm256_store_pd(s.mid, mid_low), _mm256_store_pd(s.mid + 4, mid_high);
    _mm256_store_ps(s.size, size);
    _mm256_store_ps(s.products, products);
    _mm256_store_ps(s.old_tail, old_tail);
    _mm256_store_ps(s.old_count, old_count);
    _mm256_store_ps(s.new_tail, new_tail);
    _mm256_store_ps(s.new_count, new_count);
    _mm256_store_ps(s.range, range);
  }
}

#else  // no screen: everything is judged in full

bool AffineScreen::can_judge(const TensorView&, const TensorView&, const Output&, const Arithmetic&) {
  return false;
}
void AffineScreen::judge_tile(std::int64_t) {}

#endif

}  // namespace exactscan
