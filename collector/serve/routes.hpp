// What each path answers. In: a method and a target. Out: a status, a type and a body; or a wish to wait first.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "collector/serve/server.hpp"

namespace fanlight::serve {

struct Answer {
  unsigned status = 200;
  std::string type = "text/plain; charset=utf-8";
  std::string body;
  std::string download;  // file name for Content-Disposition; empty: shown in place
  std::string upgrade;   // the protocol to ask in instead (status 426); empty: this one
};

/// How long to gather before answering: /debug/pprof/* profile the coming seconds, as Go's own endpoint does.
struct Wait {
  std::chrono::seconds time{0};
};

/// The wait that a target asks for; 0 for all but /debug/pprof/*?seconds=N (default 10, bounds 1 to 300).
/// Empty: the number makes no sense, answer 400.
std::optional<Wait> wait_of(std::string_view target);

/// The answer, after the wait. `from_ns`: when the request came. Never throws. Cost: one query.
Answer answer(std::string_view target, std::uint64_t from_ns, const Source& source);

}  // namespace fanlight::serve
