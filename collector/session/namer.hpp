// Names places beside the thread that gathers samples: debug information of half a gigabyte takes seconds to read, and
// rings overflow meanwhile. In: places of new frames. Out: their names, when they are known.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "collector/profile/profile.hpp"
#include "collector/symbols/symbols.hpp"

namespace fanlight::session {

/// Threads: any, beside its own, which starts with the first request, so after privilege is given up.
class Namer {
 public:
  explicit Namer(symbols::Symbols symbols) : symbols_(std::move(symbols)) {}
  Namer(const Namer&) = delete;
  ~Namer();

  struct Request {
    profile::FrameId frame = 0;
    bool kernel = false;
    std::string module;
    std::uint64_t offset = 0;
  };
  struct Named {
    profile::FrameId frame = 0;
    symbols::Place place;
  };
  struct Answers {
    std::vector<Named> named;
    std::map<std::string, std::string> build_ids;  // by module
    bool all = true;                               // nothing that was asked is still open
  };

  void ask(std::vector<Request> requests);
  /// What has become known since the last call, after waiting up to `patience` for all that was asked.
  Answers take(std::chrono::milliseconds patience);
  /// How much of the code that was asked for has debug information; as of the last batch.
  symbols::Symbols::Sources sources() const;

 private:
  void run(const std::stop_token& stop);
  void answer(std::vector<Request> requests, const std::stop_token& stop);

  symbols::Symbols symbols_;  // its thread's alone
  mutable std::mutex lock_;   // over all that follows
  std::condition_variable_any changed_;
  std::vector<Request> asked_;
  bool busy_ = false;
  Answers answers_;
  symbols::Symbols::Sources sources_;
  std::jthread thread_;
};

}  // namespace fanlight::session
