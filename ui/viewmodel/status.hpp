// The status line. In: how things stand with the source. Out: one sentence and how good it is.
#pragma once

#include <cstdint>
#include <string>

#include "ui/model/arrival.hpp"

namespace fanlight::ui {

struct StatusLine {
  enum class Tone : std::uint8_t { good, busy, bad } tone = Tone::busy;
  std::string text;
};

/// `now_ns`: our own CLOCK_MONOTONIC.
StatusLine status_line(const Status& status, bool frozen, std::uint64_t now_ns);

/// What to say where there is no profile yet: a heading, and what to do, one line each.
struct EmptyState {
  std::string heading;
  std::string advice;
  std::string command;
};
EmptyState empty_state(const Status& status, std::uint64_t now_ns);

}  // namespace fanlight::ui
