// Source lines and inlined functions. In: a file with DWARF, hostile, and addresses. Out: places.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "collector/symbols/place.hpp"
#include "core/error.hpp"
#include "core/fd.hpp"

namespace fanlight::symbols {

/// DWARF 4 and 5, as gcc and clang write it, compressed or not, also with its trees split off into .dwo files, which
/// are looked for where the file says that it was compiled, on this machine. Each compilation unit that holds an
/// address is walked once for all addresses in it, by as many threads as there are CPUs; asking for each address apart
/// costs a walk each. Threads: one at a time. Source: DWARF 5, 2.17, 3.3.8, 6.2.
class DwarfPlaces {
 public:
  /// Reads with pread: a file that its owner truncates meanwhile is an error, not a SIGBUS. Errors: not ELF; no DWARF
  /// in it; more than 4 GiB of it. Cost: reads (and unpacks) the sections: 0.3 s for 500 MB.
  static Result<DwarfPlaces> open(Fd file);
  DwarfPlaces(DwarfPlaces&&) noexcept;
  DwarfPlaces& operator=(DwarfPlaces&&) noexcept;
  ~DwarfPlaces();

  /// One place for each address, which are virtual ones of the file, before relocation, ascending. Where the DWARF does
  /// not tell a name, a line or an inlined function, that part is empty. `name` is what DWARF calls the function.
  std::vector<Place> find(std::span<const std::uint64_t> addresses) const;
  /// What it holds in memory.
  std::uint64_t bytes() const;

 private:
  struct State;
  explicit DwarfPlaces(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::symbols
