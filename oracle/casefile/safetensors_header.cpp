#include "oracle/casefile/safetensors_header.hpp"

#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "oracle/casefile/fault.hpp"
#include "oracle/casefile/names.hpp"
#include "oracle/casefile/shape.hpp"
#include "oracle/casefile/text.hpp"

namespace exactscan {
namespace {

struct NamedType {
  std::string_view name;
  ElementType type;
};
constexpr NamedType dtypes[] = {
    {"F64", ElementType::f64},   {"F32", ElementType::f32},      {"F16", ElementType::f16},
    {"BF16", ElementType::bf16}, {"C64", ElementType::c64},      {"I8", ElementType::i8},
    {"I16", ElementType::i16},   {"I32", ElementType::i32},      {"I64", ElementType::i64},
    {"U8", ElementType::u8},     {"U16", ElementType::u16},      {"U32", ElementType::u32},
    {"U64", ElementType::u64},   {"BOOL", ElementType::boolean},
};

ElementType find_dtype(const std::string& name) {
  for (const auto& [known, type] : dtypes) {
    if (known == name) return type;
  }
  fail("has dtype '{}', which a case cannot hold", printable(name));
}

// Receives the events of nlohmann's parser. Where in the header the parser is, `place_` says; an event that
// does not belong there throws.
class HeaderEvents final : public nlohmann::json_sax<nlohmann::json> {
 public:
  SafetensorsHeader take() { return std::move(header_); }

  bool start_object(std::size_t) override {
    switch (place_) {
      case Place::outside:
        place_ = Place::root;
        return true;
      case Place::metadata_next:
        place_ = Place::metadata;
        return true;
      case Place::tensor_next:
        place_ = Place::tensor;
        return true;
      default:
        misplaced("an object");
    }
  }

  bool end_object() override {
    switch (place_) {
      case Place::tensor:
        finish_tensor();
        [[fallthrough]];
      case Place::metadata:
        place_ = Place::root;
        return true;
      case Place::root:
        place_ = Place::outside;
        return true;
      default:
        misplaced("the end of an object");
    }
  }

  bool key(std::string& name) override {
    switch (place_) {
      case Place::root:
        root_key(name);
        return true;
      case Place::metadata:
        metadata_key(name);
        return true;
      case Place::tensor:
        tensor_key(name);
        return true;
      default:
        misplaced("a key");
    }
  }

  bool start_array(std::size_t) override {
    if (place_ == Place::shape_next) {
      place_ = Place::shape;
    } else if (place_ == Place::offsets_next) {
      place_ = Place::offsets;
    } else {
      misplaced("an array");
    }
    return true;
  }

  bool end_array() override {
    if (place_ == Place::offsets && offsets_ != 2) fail_here("data_offsets are not two numbers");
    place_ = Place::tensor;
    return true;
  }

  bool string(std::string& text) override {
    if (place_ == Place::metadata_value) {
      header_.metadata.emplace(key_, text);
      place_ = Place::metadata;
    } else if (place_ == Place::dtype) {
      with_prefix(where(), [&] { entry_.type = find_dtype(text); });
      place_ = Place::tensor;
    } else {
      misplaced("a string");
    }
    return true;
  }

  bool number_unsigned(std::uint64_t value) override {
    if (place_ == Place::shape) {
      if (entry_.shape.size() == max_rank) fail_here(fmt::format("has more than {} dimensions", max_rank));
      if (value > static_cast<std::uint64_t>(INT64_MAX)) fail_here("a dimension does not fit in 63 bits");
      entry_.shape.push_back(static_cast<std::int64_t>(value));
    } else if (place_ == Place::offsets) {
      if (offsets_ == 2) fail_here("data_offsets are not two numbers");
      (offsets_++ == 0 ? entry_.begin : entry_.end) = value;
    } else {
      misplaced("a number");
    }
    return true;
  }

  bool number_integer(std::int64_t value) override {
    if (place_ == Place::shape) fail_here(fmt::format("the dimension {} is negative", value));
    if (place_ == Place::offsets) fail_here(fmt::format("the offset {} is negative", value));
    misplaced("a number");
  }

  bool number_float(double, const std::string& text) override {
    if (place_ == Place::shape) fail_here(fmt::format("the dimension {} is not an integer", printable(text)));
    if (place_ == Place::offsets) fail_here(fmt::format("the offset {} is not an integer", printable(text)));
    misplaced("a number");
  }

  bool null() override { misplaced("null"); }
  bool boolean(bool) override { misplaced("a bool"); }
  bool binary(nlohmann::json::binary_t&) override { misplaced("binary data"); }

  bool parse_error(std::size_t position, const std::string&,
                   const nlohmann::detail::exception& error) override {
    const std::string_view text = error.what();  // "[json.exception.parse_error.101] parse error at …"
    fail("the header is not valid JSON at byte {} ({})", position,
         printable(text.substr(text.find(' ') + 1), 200));
  }

 private:
  enum class Place : std::uint8_t {
    outside,
    root,
    metadata_next,
    metadata,
    metadata_value,
    tensor_next,
    tensor,
    dtype,
    shape_next,
    shape,
    offsets_next,
    offsets,
  };

  std::string where() const { return entry_.name.empty() ? "header" : entry_.name; }
  [[noreturn]] void fail_here(std::string_view fault) const { fail("{}: {}", where(), fault); }
  [[noreturn]] void misplaced(std::string_view what) const {
    fail("{}: {} is out of place", place_ >= Place::tensor_next ? where() : "header", what);
  }

  void root_key(const std::string& name) {
    require_name(name);
    if (!root_keys_.insert(name).second) fail("{}: is there twice", name);
    if (name == "__metadata__") {
      place_ = Place::metadata_next;
    } else {
      entry_ = {};
      entry_.name = name;
      has_dtype_ = has_shape_ = has_offsets_ = false;
      offsets_ = 0;
      place_ = Place::tensor_next;
    }
  }

  void metadata_key(const std::string& name) {
    require_name(name);
    if (header_.metadata.count(name) != 0) fail("{}: is there twice in __metadata__", name);
    key_ = name;
    place_ = Place::metadata_value;
  }

  void tensor_key(const std::string& name) {
    if (name == "dtype") {
      tensor_key_once(has_dtype_, name, Place::dtype);
    } else if (name == "shape") {
      tensor_key_once(has_shape_, name, Place::shape_next);
    } else if (name == "data_offsets") {
      tensor_key_once(has_offsets_, name, Place::offsets_next);
    } else {
      fail_here(fmt::format("unknown key '{}'", printable(name)));
    }
  }

  void tensor_key_once(bool& seen, std::string_view name, Place next) {
    if (std::exchange(seen, true)) fail_here(fmt::format("'{}' is there twice", name));
    place_ = next;
  }

  void finish_tensor() {
    if (!has_dtype_ || !has_shape_ || !has_offsets_) fail_here("dtype, shape or data_offsets is missing");
    header_.tensors.push_back(std::move(entry_));
  }

  SafetensorsHeader header_;
  Place place_ = Place::outside;
  std::set<std::string> root_keys_;
  std::string key_;         // the metadata key whose value comes next
  SafetensorsEntry entry_;  // the tensor being read
  bool has_dtype_ = false, has_shape_ = false, has_offsets_ = false;
  int offsets_ = 0;  // how many of them were read
};

}  // namespace

SafetensorsHeader parse_safetensors_header(std::string_view json) {
  HeaderEvents events;
  // Every fault throws, so that false cannot come back.
  if (!nlohmann::json::sax_parse(json.begin(), json.end(), &events)) fail("the header is not valid JSON");
  return events.take();
}

std::string_view safetensors_dtype(ElementType type) {
  for (const auto& [name, known] : dtypes) {
    if (known == type) return name;
  }
  return {};
}

}  // namespace exactscan
