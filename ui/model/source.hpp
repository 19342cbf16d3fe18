// Where profiles come from: one of a closed set. In: an address or a file. Out: one way to ask and to receive.
#pragma once

#include <memory>
#include <variant>

#include "ui/model/live_source.hpp"
#include "ui/model/recording_source.hpp"

namespace fanlight::ui {

using Source = std::variant<std::unique_ptr<LiveSource>, std::unique_ptr<RecordingSource>>;

inline void ask(Source& source, const Question& question) {
  std::visit([&](auto& chosen) { chosen->ask(question); }, source);
}
inline const Mailbox<Arrival>& arrivals_of(const Source& source) {
  return std::visit([](const auto& chosen) -> const Mailbox<Arrival>& { return chosen->arrivals(); }, source);
}

}  // namespace fanlight::ui
