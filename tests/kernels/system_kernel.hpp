// Kernels of whole systems (S5, Mamba, SSD, …), behind one call, in one list. A kernel gets every tensor of
// its case in memory, by the names that the table of operations has (`exactscan describe OP`).
//
// To register one: write a function `run` that reads call.in and fills call.out, and push a SystemKernel in
// an add_… function of a file of its own; name that function below and call it in system_registry.cpp. The
// suite, the fuzzer, `exactscan replay` and the gallery's controls then all have it.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include "oracle/casefile/case.hpp"

namespace exactscan::kernels {

// A tensor, row-major, without gaps.
struct Buffer {
  void* data = nullptr;
  ElementType type = ElementType::f32;
  std::vector<std::int64_t> shape;

  std::int64_t size() const;
  template <class T>
  T* as() const {
    return static_cast<T*>(data);
  }
};

struct SystemCall {
  const Case& inputs;  // for its op and options; the elements are to be read from `in`
  std::map<std::string, Buffer> in, out;

  bool has(const std::string& name) const { return in.count(name) != 0; }
  bool wants(const std::string& name) const { return out.count(name) != 0; }
  // A missing tensor: no data.
  Buffer input(const std::string& name) const { return has(name) ? in.at(name) : Buffer{}; }
  Buffer output(const std::string& name) const { return wants(name) ? out.at(name) : Buffer{}; }
  // The size of a dimension of an input. Requires that it is there.
  std::int64_t size(const std::string& name, std::size_t axis) const { return in.at(name).shape.at(axis); }
  bool flag(const std::string& option, bool otherwise = false) const;
  double number(const std::string& option, double otherwise) const;
  std::string text(const std::string& option, const std::string& otherwise) const;
};

// An operation, and whether its gradients are asked for (in.dy).
struct SystemForm {
  std::string op;
  bool backward = false;
};

struct SystemKernel {
  std::string name;
  std::vector<SystemForm> forms;
  std::vector<ElementType> types;  // of the case; S5's complex tensors have two parts of it
  std::function<void(const SystemCall&)> run;
  // Which of the forms' cases it can do; empty: all. It is asked of a case as the generator makes it.
  std::function<bool(const Case&)> takes = nullptr;
  // Inputs that it takes as float32 where the case has 16 bits: the same values, wider.
  std::vector<std::string> wide_inputs = {};
  // The type of an output; empty: as proposed by system_outputs.
  std::function<ElementType(const std::string& output, ElementType proposed)> output_type = nullptr;
  // Outputs that may lie where an input does: {"state", "state"}. Tried both ways.
  std::vector<std::pair<std::string, std::string>> in_place = {};
  std::string contract = "";               // that it claims; empty: the one that follows from its types
  std::vector<std::int64_t> lengths = {};  // steps at which its schedule changes, beside the usual ones
  bool causal_bits = true;                 // a longer input leaves earlier outputs bit-identical
  bool repeatable = true;                  // the same bits in every run

  friend std::ostream& operator<<(std::ostream& out, const SystemKernel& k) { return out << k.name; }
};

// All of them.
const std::vector<SystemKernel>& system_kernels();

// The lists that make it up.
void add_plain(std::vector<SystemKernel>& list);
void add_s5(std::vector<SystemKernel>& list);
void add_mamba(std::vector<SystemKernel>& list);

// Whether the kernel can run the case: its form, its type, takes().
bool can_run(const SystemKernel& kernel, const Case& inputs);

// What a kernel gives for a case: shapes by the table of operations; types as the kernel says. Proposed are
// the type of the first input (its parts', where the output is real), but float32 rather than 16 bits for
// what is summed over time or carried along it: states, gradients of parameters, SSD's stages. Requires a
// valid case.
struct SystemOutput {
  std::string name;
  ElementType type;
  std::vector<std::int64_t> shape;
};
std::vector<SystemOutput> system_outputs(const SystemKernel& kernel, const Case& inputs);

}  // namespace exactscan::kernels
