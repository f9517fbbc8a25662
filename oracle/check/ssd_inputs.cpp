#include "oracle/check/ssd_inputs.hpp"

#include <fmt/format.h>

#include <numeric>

#include "oracle/check/options.hpp"

namespace exactscan {
namespace {

std::int64_t dimension(const Dimensions& dimensions, std::string_view name, std::int64_t otherwise) {
  const auto found = dimensions.find(name);
  return found == dimensions.end() ? otherwise : found->second;
}

std::int64_t integer(const Tensor& tensor, std::int64_t index) {
  const std::byte* at = tensor.data.data() + static_cast<std::size_t>(index) * element_size(tensor.type);
  const auto as = [&](auto value) {
    std::memcpy(&value, at, sizeof(value));
    return static_cast<std::int64_t>(value);
  };
  switch (tensor.type) {
    case ElementType::i8:
      return as(std::int8_t{});
    case ElementType::u8:
      return as(std::uint8_t{});
    case ElementType::i16:
      return as(std::int16_t{});
    case ElementType::u16:
      return as(std::uint16_t{});
    case ElementType::i32:
      return as(std::int32_t{});
    case ElementType::u32:
      return as(std::uint32_t{});
    default:
      return as(std::int64_t{});
  }
}

// in.seq_idx: whole numbers from 0 on, each in one run of steps.
std::vector<std::vector<std::int64_t>> sequences(const Case& value, std::int64_t batch, std::int64_t steps) {
  std::vector<std::vector<std::int64_t>> rows;
  const auto found = value.inputs.find("seq_idx");
  if (found == value.inputs.end()) return rows;
  for (std::int64_t b = 0; b < batch; ++b) {
    std::vector<std::int64_t>& row = rows.emplace_back();
    for (std::int64_t t = 0; t < steps; ++t) {
      row.push_back(integer(found->second, b * steps + t));
      if (row.back() < 0)
        throw CaseError(value.file + ": in.seq_idx has a negative number; padding by -1 is not supported");
      if (t > 0 && row[static_cast<std::size_t>(t - 1)] > row.back())
        throw CaseError(value.file + ": in.seq_idx falls; sequences must be numbered upward");
    }
  }
  return rows;
}

std::vector<std::int64_t> boundaries(const Case& value, std::int64_t batch, std::int64_t steps) {
  std::vector<std::int64_t> ends;
  const auto found = value.inputs.find("cu_seqlens");
  if (found == value.inputs.end()) return ends;
  for (std::int64_t i = 0; i < found->second.size(); ++i) ends.push_back(integer(found->second, i));
  if (batch != 1) throw CaseError(value.file + ": in.cu_seqlens is for a batch of 1");
  if (ends.empty() || ends.front() != 0 || ends.back() != steps)
    throw CaseError(fmt::format("{}: in.cu_seqlens must begin with 0 and end with {}", value.file, steps));
  for (std::size_t i = 1; i < ends.size(); ++i) {
    if (ends[i] <= ends[i - 1])
      throw CaseError(value.file + ": in.cu_seqlens must rise; an empty sequence has no state");
  }
  return ends;
}

}  // namespace

SsdInputs::SsdInputs(const Case& value, const Dimensions& dimensions, const ElementaryRules& rules)
    : batch(dimension(dimensions, "B", 0)),
      heads(dimension(dimensions, "H", 0)),
      steps(dimension(dimensions, "T", 0)),
      width(dimension(dimensions, "P", 0)),
      states(dimension(dimensions, "N", 0)),
      groups(dimension(dimensions, "G", 1)) {
  const double asked =
      number_option(value, "chunk_size", static_cast<double>(dimension(dimensions, "Q", 256)));
  if (!(asked >= 1 && asked <= 0x1p20) || asked != std::floor(asked))
    throw CaseError(
        fmt::format("{}: opt.chunk_size must be a whole number from 1 to 2^20, not {}", value.file, asked));
  chunk = static_cast<std::int64_t>(asked);
  if (dimensions.count("T") == 0) steps = dimension(dimensions, "K", 0) * chunk;
  chunks = (steps + chunk - 1) / chunk;
  for (const auto& [name, mine] : {std::pair("Q", chunk), std::pair("K", chunks)}) {
    if (dimension(dimensions, name, mine) != mine)
      throw CaseError(
          fmt::format("{}: {} steps in chunks of {} make {} chunks of {}, but a tensor has {} = {}",
                      value.file, steps, chunk, chunks, chunk, name, dimensions.at(name)));
  }
  if (groups == 0 || heads % groups != 0)
    throw CaseError(fmt::format("{}: {} heads cannot share {} groups", value.file, heads, groups));
  const auto array = [&](const char* name) { return Array(value, name, rules.arithmetic()); };
  x = array("x"), A = array("A"), B = array("B"), C = array("C"), D = array("D"), z = array("z");
  dy = array("dy"), dfinal = array("dfinal_states");
  bias = array("dt_bias"), initial = array("initial_states"), sums = array("dA_cumsum"),
  chunk_states = array("states");
  (array("dt").rank() == 4 ? chunk_dt : dt) = array("dt");
  rule.rule = {bool_option(value, "dt_softplus", false), number_option(value, "dt_min", 0),
               number_option(value, "dt_max", std::numeric_limits<double>::infinity())};
  if (!(rule.rule.low <= rule.rule.high)) throw CaseError(value.file + ": opt.dt_min exceeds opt.dt_max");
  rule.threshold = number_option(value, "softplus_threshold", 20);
  sequence = sequences(value, batch, steps);
  ends = boundaries(value, batch, steps);
  if (ends.empty() || !sequence.empty()) return;
  sequence.emplace_back();
  for (std::size_t i = 1; i < ends.size(); ++i)
    sequence.front().insert(sequence.front().end(), static_cast<std::size_t>(ends[i] - ends[i - 1]),
                            static_cast<std::int64_t>(i));
}

bool SsdInputs::fits() const {
  for (const Array* a : {&x, &B, &C, &D, &initial, &dy, &dfinal, &chunk_dt, &sums, &chunk_states}) {
    if (!a->fits()) return false;
  }
  return true;
}

std::vector<ElementType> SsdInputs::operand_types() const {
  std::vector<ElementType> types;
  for (const Array* a : {&x, &B, &C}) {
    if (a->present()) types.push_back(a->type());
  }
  return types;
}

std::vector<std::int64_t> SsdInputs::all_columns() const {
  std::vector<std::int64_t> columns(static_cast<std::size_t>(width));
  std::iota(columns.begin(), columns.end(), std::int64_t{0});
  return columns;
}

}  // namespace exactscan
