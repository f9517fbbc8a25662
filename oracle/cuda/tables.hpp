// Tables of the device ball's exponential and logarithm. Printed by 60-digit decimal arithmetic and held
// against MPFR by tests/cuda/check_ball_test.cpp.
#pragma once

namespace exactscan::device {

// 2^(i/32), rounded to nearest.
#define EXACTSCAN_EXP_TABLE                                                                       \
  0x1p+0, 0x1.059b0d3158574p+0, 0x1.0b5586cf9890fp+0, 0x1.11301d0125b51p+0, 0x1.172b83c7d517bp+0, \
      0x1.1d4873168b9aap+0, 0x1.2387a6e756238p+0, 0x1.29e9df51fdee1p+0, 0x1.306fe0a31b715p+0,     \
      0x1.371a7373aa9cbp+0, 0x1.3dea64c123422p+0, 0x1.44e086061892dp+0, 0x1.4bfdad5362a27p+0,     \
      0x1.5342b569d4f82p+0, 0x1.5ab07dd485429p+0, 0x1.6247eb03a5585p+0, 0x1.6a09e667f3bcdp+0,     \
      0x1.71f75e8ec5f74p+0, 0x1.7a11473eb0187p+0, 0x1.82589994cce13p+0, 0x1.8ace5422aa0dbp+0,     \
      0x1.93737b0cdc5e5p+0, 0x1.9c49182a3f090p+0, 0x1.a5503b23e255dp+0, 0x1.ae89f995ad3adp+0,     \
      0x1.b7f76f2fb5e47p+0, 0x1.c199bdd85529cp+0, 0x1.cb720dcef9069p+0, 0x1.d5818dcfba487p+0,     \
      0x1.dfc97337b9b5fp+0, 0x1.ea4afa2a490dap+0, 0x1.f50765b6e4540p+0

// A number near 1/(1 + (i + 1/2)/32) with eight bits after the point (1 for i = 0), so that what it makes of
// 1 + t, less 1, is one rounding away from exact; and -log of it, rounded to nearest.
#define EXACTSCAN_LOG_TABLE                                                                       \
  {0x1.0000000000000p+0, 0}, {0x1.ea00000000000p-1, 0x1.67c94f2d4bb58p-5},                        \
      {0x1.da00000000000p-1, 0x1.3bdf5a7d1ee64p-4}, {0x1.ce00000000000p-1, 0x1.a4e7640b1bc38p-4}, \
      {0x1.c000000000000p-1, 0x1.1178e8227e47cp-3}, {0x1.b400000000000p-1, 0x1.4913d8333b561p-3}, \
      {0x1.aa00000000000p-1, 0x1.7898d85444c73p-3}, {0x1.9e00000000000p-1, 0x1.b31d8575bce3dp-3}, \
      {0x1.9400000000000p-1, 0x1.e530effe71012p-3}, {0x1.8a00000000000p-1, 0x1.0c42d676162e3p-2}, \
      {0x1.8200000000000p-1, 0x1.214456d0eb8d4p-2}, {0x1.7800000000000p-1, 0x1.3c25277333184p-2}, \
      {0x1.7000000000000p-1, 0x1.522ae0738a3d8p-2}, {0x1.6800000000000p-1, 0x1.68ac83e9c6a14p-2}, \
      {0x1.6000000000000p-1, 0x1.7fafa3bd8151cp-2}, {0x1.5800000000000p-1, 0x1.973a3431356aep-2}, \
      {0x1.5200000000000p-1, 0x1.a93ed3c8ad9e3p-2}, {0x1.4a00000000000p-1, 0x1.c1c60693fa39ep-2}, \
      {0x1.4400000000000p-1, 0x1.d490246defa6bp-2}, {0x1.3e00000000000p-1, 0x1.e7b42c3ddad73p-2}, \
      {0x1.3800000000000p-1, 0x1.fb358af7a4884p-2}, {0x1.3200000000000p-1, 0x1.078bf0533c568p-1}, \
      {0x1.2c00000000000p-1, 0x1.11af823c75aa8p-1}, {0x1.2800000000000p-1, 0x1.188ee40f23ca6p-1}, \
      {0x1.2200000000000p-1, 0x1.230b0d8bebc98p-1}, {0x1.1c00000000000p-1, 0x1.2dbf557b0df43p-1}, \
      {0x1.1800000000000p-1, 0x1.35028ad9d8c86p-1}, {0x1.1400000000000p-1, 0x1.3c6080c36bfb5p-1}, \
      {0x1.0e00000000000p-1, 0x1.47a1527e8a2d3p-1}, {0x1.0a00000000000p-1, 0x1.4f45a835a4e19p-1}, \
      {0x1.0600000000000p-1, 0x1.5707a26bb8c66p-1}, {                                             \
    0x1.0200000000000p-1, 0x1.5ee82aa241920p-1                                                    \
  }

}  // namespace exactscan::device
