// Forward scans of every type and schedule against a sequential recurrence in double.
#include "tests/cuda/support.cuh"

namespace cuda_test {
namespace {

struct Case {
  Schedule schedule;
  i64 batch, length, channels;
  bool rows;  // layout: time stride 1
  i64 gap = 0, shift = 0;
  bool lattice = true, in_place = false, has_h0 = true, wants_last = true, constant = false;
  int grid_limit = 0;
  Multiplier multiplier = Multiplier::pair;
  bool reads_out = false;  // constant: C*h + D*x is written
};

std::string describe(const Case& c, const char* type) {
  static const char* names[] = {"automatic", "rows", "slabs", "channels"};
  char text[256];
  std::snprintf(
      text, sizeof text,
      "%s %s%s%s batch %lld length %lld channels %lld %s gap %lld shift %lld%s%s%s%s grid %d%s",
      names[static_cast<int>(c.schedule)], type, c.constant ? " constant" : "", c.reads_out ? " readout" : "",
      static_cast<long long>(c.batch), static_cast<long long>(c.length), static_cast<long long>(c.channels),
      c.rows ? "[D,L]" : "[L,D]", static_cast<long long>(c.gap), static_cast<long long>(c.shift),
      c.lattice ? " lattice" : " real", c.in_place ? " in-place" : "", c.has_h0 ? "" : " no-h0",
      c.wants_last ? "" : " no-last", c.grid_limit, c.multiplier == Multiplier::plain ? " plain" : "");
  return text;
}

// Lattice: gates -1, 0, 1 and small integers; every bracketing is exact, so that the answer is one bit
// pattern.
double lattice_gate(std::uint64_t i) {
  return static_cast<double>(static_cast<int>(mix(i) % 16 == 0 ? 0 : (mix(i) >> 8 & 1 ? 1 : -1)));
}
double lattice_input(std::uint64_t i) {
  return static_cast<double>(static_cast<int>(mix(i ^ 0x5555) % 7)) - 3;
}

// h, h_last and guards of one case against a sequential recurrence in double. Lattice: bit for bit. Else
// within 64 units of the sum of magnitudes, and the rounding of storage.
template <class E>
struct CaseData {
  using S = State<E>;
  const Case& c;
  std::string name;
  Tensor<E> a, b, h, A, B, C, D;
  States<S> h0, last;
  std::vector<E> given;  // b before the call

  explicit CaseData(const Case& k)
      : c(k),
        name(describe(k, Type<E>::name)),
        a(k.batch, k.length, k.channels, k.rows, k.gap, k.shift),
        b(k.batch, k.length, k.channels, k.rows, k.gap, k.shift),
        h(k.batch, k.length, k.channels, k.rows, k.gap, k.shift),
        A(1, 1, k.channels, false, 0, 0),
        B(1, 1, k.channels, false, 0, 0),
        C(1, 1, k.channels, false, 0, 0),
        D(1, 1, k.channels, false, 0, 0),
        h0(k.batch * k.channels),
        last(k.batch * k.channels) {
    std::uint64_t i = 0;
    for (i64 d = 0; d < c.channels; ++d) {
      A.at(0, 0, d) = from_double<E>(c.lattice ? (d % 3 == 0 ? -1 : 1) : 0.7 + 0.3 * uniform(++i));
      B.at(0, 0, d) = from_double<E>(c.lattice ? static_cast<double>(d % 3 + 1) : 2 * uniform(++i) - 1);
      C.at(0, 0, d) = from_double<E>(c.lattice ? static_cast<double>(d % 4) - 1 : 2 * uniform(++i) - 1);
      D.at(0, 0, d) = from_double<E>(c.lattice ? static_cast<double>(d % 5) - 2 : 2 * uniform(++i) - 1);
    }
    for (i64 n = 0; n < c.batch; ++n)
      for (i64 t = 0; t < c.length; ++t)
        for (i64 d = 0; d < c.channels; ++d) {
          ++i;
          a.at(n, t, d) = from_double<E>(c.lattice ? lattice_gate(i) : 0.7 + 0.3 * uniform(i));
          b.at(n, t, d) = from_double<E>(c.lattice ? lattice_input(i) : 2 * uniform(i ^ 0xabcdef) - 1);
        }
    for (std::size_t k2 = 0; k2 < h0.host.size(); ++k2)
      h0.host[k2] = static_cast<S>(c.lattice ? static_cast<double>(k2 % 11) - 5 : 2 * uniform(k2 + 77) - 1);
    given = b.host;
    a.up();
    b.up();
    h.up();
    h0.up();
    last.up();
    A.up();
    B.up();
    C.up();
    D.up();
  }

  template <class Scan>
  void fill_common(Scan& s) {
    s.type = Type<E>::value;
    s.batch = c.batch;
    s.length = c.length;
    s.channels = c.channels;
    s.h = c.in_place ? b.out() : h.out();
    s.h0 = c.has_h0 ? h0.device : nullptr;
    s.h_last = c.wants_last ? last.device : nullptr;
    s.schedule = c.schedule;
    s.grid_limit = c.grid_limit;
    s.multiplier = c.multiplier;
    scratch().need(scratch_bytes(s));
  }
  void call() {
    Status status;
    if (c.constant) {
      DiagonalSsm s;
      s.A = A.origin();
      s.B = B.origin();
      if (c.reads_out) s.C = C.origin(), s.D = D.origin();
      s.x = b.in();
      fill_common(s);
      status = diagonal_ssm(s, scratch().data, scratch().size, nullptr);
    } else {
      AffineScan s;
      s.a = a.in();
      s.b = b.in();
      fill_common(s);
      status = affine_scan(s, scratch().data, scratch().size, nullptr);
    }
    expect(status == Status::ok, name + ": " + message(status));
    require(cudaDeviceSynchronize(), name.c_str());
    (c.in_place ? b : h).down();
    last.down();
  }
  bool right(double got, double exact, double magnitude, double store) const {
    if (c.lattice) return store == 0 ? got == exact : got == to_double(from_double<E>(exact));
    return std::fabs(got - exact) <= 64 * Type<E>::unit * magnitude +
                                         store * (std::fabs(exact) + magnitude * 1e-5) + 1e-7 * (store > 0);
  }
  void judge() {
    Tensor<E>& result = c.in_place ? b : h;
    expect(result.guards_intact(), name + ": wrote outside the output");
    std::string first;
    i64 wrong = 0;
    auto check = [&](i64 n, i64 t, i64 d, double got, double exact, double magnitude, double store) {
      if (right(got, exact, magnitude, store) || wrong++ > 0) return;
      char text[160];
      std::snprintf(text, sizeof text, " first at n %lld t %lld d %lld: %.9g, exact %.9g",
                    static_cast<long long>(n), static_cast<long long>(t), static_cast<long long>(d), got,
                    exact);
      first = text;
    };
    for (i64 n = 0; n < c.batch; ++n)
      for (i64 d = 0; d < c.channels; ++d) {
        const std::size_t k = static_cast<std::size_t>(n * c.channels + d);
        double exact = c.has_h0 ? static_cast<double>(h0.host[k]) : 0, magnitude = std::fabs(exact);
        for (i64 t = 0; t < c.length; ++t) {
          const double x = to_double(given[b.index(n, t, d)]);
          const double g = c.constant ? to_double(A.at(0, 0, d)) : to_double(a.at(n, t, d));
          const double input = c.constant ? to_double(B.at(0, 0, d)) * x : x;
          exact = g * exact + input;
          magnitude = std::fabs(g) * magnitude + std::fabs(input);
          const double out = c.reads_out ? to_double(C.at(0, 0, d)) : 1,
                       skip = c.reads_out ? to_double(D.at(0, 0, d)) * x : 0;
          check(n, t, d, to_double(result.at(n, t, d)), out * exact + skip,
                std::fabs(out) * magnitude + std::fabs(skip), Type<E>::store);
        }
        if (c.wants_last) check(n, c.length, d, static_cast<double>(last.host[k]), exact, magnitude, 0);
      }
    expect(wrong == 0, name + ": " + std::to_string(wrong) + " wrong," + first);
  }
};

template <class E>
void run_case(const Case& c) {
  CaseData<E> data(c);
  data.call();
  data.judge();
}

// Every schedule, contiguous and with gaps, aligned and not, in place.
template <class E>
void run_views(Case c) {
  c.schedule = Schedule::rows;
  c.rows = true;
  run_case<E>(c);
  c.gap = 3;
  c.shift = 1;
  run_case<E>(c);
  c.rows = false;
  c.gap = 0;
  c.shift = 0;
  c.schedule = Schedule::slabs;
  c.batch = c.channels < 9 ? 3 : 1;
  run_case<E>(c);
  c.schedule = Schedule::channels;
  run_case<E>(c);
  c.gap = 1;
  c.shift = 1;
  run_case<E>(c);
  c.schedule = Schedule::slabs;
  run_case<E>(c);
  c.schedule = Schedule::automatic;
  c.in_place = true;
  run_case<E>(c);
  c.rows = true;
  c.shift = 0;
  c.gap = 0;
  run_case<E>(c);
}

template <class E>
void run_shapes(bool small) {
  const std::vector<i64> lengths = small ? std::vector<i64>{1, 300} : std::vector<i64>{1, 33, 1000, 8193};
  const std::vector<i64> widths =
      small ? std::vector<i64>{1, 3, 40} : std::vector<i64>{1, 3, 16, 31, 36, 64, 100};
  for (bool lattice : {true, false})
    for (i64 length : lengths)
      for (i64 channels : widths)
        for (bool constant : {false, true}) {
          if (length * channels > 300000 || (small && !lattice)) continue;
          Case c{Schedule::rows, 1, length, channels, true};
          c.lattice = lattice;
          c.constant = constant;
          c.has_h0 = (length + channels) % 3 != 0;
          c.wants_last = (length + channels) % 5 != 0;
          run_views<E>(c);
        }
}

// Tiles carried far: few blocks, many tiles a block, and rows of many tiles that start inside tiles.
template <class E>
void run_long(bool small, int grid, bool lattice, Multiplier multiplier, bool constant) {
  const i64 tile = 32768 / static_cast<i64>(sizeof(E)), many = (small ? 13 : grid == 0 ? 150 : 15) * tile + 7;
  Case c{Schedule::rows, 1, many, 1, true};
  c.grid_limit = grid;
  c.lattice = lattice;
  c.multiplier = multiplier;
  c.constant = constant;
  run_case<E>(c);
  c.length = many / 3;
  c.channels = 3;
  run_case<E>(c);
  c.gap = 5;
  run_case<E>(c);
  if (multiplier == Multiplier::plain) return;
  for (i64 channels : {1, 4, 7, 16, 40, 100}) {
    if (small && channels != 7 && channels != 40) continue;
    Case s{Schedule::slabs, channels == 4 ? 3 : 1, many / channels / (channels == 4 ? 3 : 1), channels,
           false};
    s.grid_limit = grid;
    s.lattice = lattice;
    s.constant = constant;
    run_case<E>(s);
    s.gap = 8;
    run_case<E>(s);
  }
}

// Every kernel once or twice, on several tiles a block.
template <class E>
void run_tiny() {
  const i64 many = 7 * (32768 / static_cast<i64>(sizeof(E)));
  for (bool constant : {false, true}) {
    Case c{Schedule::rows, 1, many + 7, 1, true};
    c.grid_limit = 2;
    c.constant = constant;
    run_case<E>(c);
    c.length = 1001;
    c.channels = many / 1000;
    c.multiplier = Multiplier::plain;
    run_case<E>(c);
    c.gap = 5;
    c.length = many / 3;
    c.channels = 3;
    run_case<E>(c);
    Case s{Schedule::slabs, 1, many / 7, 7, false};
    s.grid_limit = 2;
    s.constant = constant;
    run_case<E>(s);
    s.channels = 40;
    s.length = many / 40;
    run_case<E>(s);
    s.gap = 1;
    run_case<E>(s);
    s.schedule = Schedule::channels;
    s.length = 50;
    run_case<E>(s);
    Case columns{Schedule::channels, 8, 70, 1160, false};
    columns.constant = constant;
    run_case<E>(columns);
    columns.channels = 1161;  // rows that are not aligned
    columns.reads_out = constant;
    run_case<E>(columns);
    s.reads_out = constant;
    run_case<E>(s);
  }
}

template <class E>
void run_type(Extent extent) {
  const bool small = extent != Extent::full;
  if (extent == Extent::tiny) {
    run_tiny<E>();
    return;
  }
  run_shapes<E>(small);
  for (int grid : {1, 2, 7, 0})
    for (bool lattice : {true, false})
      for (Multiplier m : {Multiplier::pair, Multiplier::plain})
        for (bool constant : {false, true}) {
          if (small && (grid != 2 || !lattice)) continue;
          if (!small && constant && grid != 7) continue;
          run_long<E>(small, grid, lattice, m, constant);
        }
  // Many channels side by side; rows aligned and not, boxes of every width.
  for (i64 channels : {1160, 1161, 1602, 2048}) {
    if (small && channels > 1161) continue;
    Case columns{Schedule::channels, 8, small ? 70 : 333, channels, false};
    for (bool constant : {false, true}) {
      columns.constant = columns.reads_out = constant;
      run_case<E>(columns);
      columns.gap = channels == 1160 ? 8 : 1;
      columns.in_place = true;
      run_case<E>(columns);
      columns.lattice = false;
    }
    columns.in_place = false;
    columns.shift = 1;
    run_case<E>(columns);
  }
  // Wide windows; slabs of every width.
  for (i64 channels : {7, 16, 17, 37, 64, 130, 260}) {
    if (small && channels != 7 && channels != 37) continue;
    for (int grid : {14, 0}) {
      if (small && grid != 14) continue;
      Case s{Schedule::slabs, 1, (small ? 20 : 100) * 8192 / channels, channels, false};
      s.grid_limit = grid;
      s.constant = channels == 16;
      s.lattice = channels != 64;
      run_case<E>(s);
      s.constant = true;
      s.shift = 1;
      if (grid == 14) run_case<E>(s);
    }
  }
  // Rows of every length near a lane and a tile, with and without initial states.
  for (i64 length : {2, 5, 8, 16, 17, 32, 64, 1024, 2048, 2049, 4096, 8192}) {
    if (small && length != 5 && length != 17 && length != 2048) continue;
    Case rows{Schedule::rows, 1, length, 60000 / length + 1, true};
    for (bool h0 : {false, true}) {
      rows.has_h0 = rows.wants_last = h0;
      run_case<E>(rows);
      rows.shift = 1;
      rows.wants_last = true;
      rows.grid_limit = 5;
      run_case<E>(rows);
    }
    rows.constant = true;
    run_case<E>(rows);
  }
  // More slabs than blocks: a state comes from the tile before, no summaries.
  Case wide{Schedule::slabs, 8, small ? 300 : 2000, small ? 40 : 640, false};
  wide.grid_limit = small ? 5 : 0;
  run_case<E>(wide);
  wide.lattice = false;
  wide.grid_limit = 5;
  if (!small) run_case<E>(wide);
}

}  // namespace

void test_forward(Extent extent) {
  run_type<float>(extent);
  run_type<double>(extent);
  run_type<__nv_bfloat16>(extent);
  run_type<__half>(extent);
}

}  // namespace cuda_test
