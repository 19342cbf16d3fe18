// What arrived: the newest profile and how things stand with its source. In: a source's thread. Out: the drawing
// thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "collector/profile/profile.hpp"
#include "ui/model/range.hpp"
#include "ui/model/timeline.hpp"

namespace fanlight::ui {

enum class Phase : std::uint8_t {
  connecting,  // a connection is being made
  waiting,     // the last attempt failed; the next is at `retry_at_ns`
  live,        // connected
  recording,   // a file, read
};

struct Status {
  Phase phase = Phase::connecting;
  std::string place;              // "127.0.0.1:9180" or the file's name
  std::string trouble;            // what went wrong last; empty: nothing
  unsigned attempts = 0;          // failed ones since the last success
  std::uint64_t retry_at_ns = 0;  // our own CLOCK_MONOTONIC
  std::uint64_t data_at_ns = 0;   // our own CLOCK_MONOTONIC when something new last came
  bool ever_connected = false;
};

/// Immutable once published. `profile` is kept over a lost connection, so that there is something to look at.
struct Arrival {
  std::uint64_t number = 0;          // grows with every publication
  std::uint64_t profile_number = 0;  // grows with every new profile
  std::shared_ptr<const profile::Profile> profile;
  std::shared_ptr<const profile::Profile> before;  // the stretch before it; null: not asked for, or nothing is kept
  std::shared_ptr<const Timeline> timeline;        // every change of state that came; null: none
  Range range;                                     // the one that `profile` answers
  bool compared = false;                           // the stretch before was asked for with it
  Status status;
};

}  // namespace fanlight::ui
