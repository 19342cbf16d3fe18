// elfutils' own unwinder on a captured stack of this process, to compare with.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/collector/unwind/capture.hpp"

namespace fanlight::unwind::testing {

class Reference {
 public:
  Reference();
  ~Reference();
  /// Addresses, leaf first.
  std::vector<std::uint64_t> walk(const Captured& captured, std::size_t most = 2048);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fanlight::unwind::testing
