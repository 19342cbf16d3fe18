// A recording. In: a *.fanlight file. Out: arrivals, one per range asked for, by the same query that `attach` answers.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "collector/profile/window.hpp"
#include "core/error.hpp"
#include "ui/model/arrival.hpp"
#include "ui/model/mailbox.hpp"

namespace fanlight::ui {

/// Threads: one of its own, which queries; `ask` from any.
class RecordingSource {
 public:
  /// Reads the whole file. Errors: those of `store::open_recording`.
  static Result<std::unique_ptr<RecordingSource>> open(const std::filesystem::path& path,
                                                       std::function<void()> arrived);
  RecordingSource(profile::Window window, std::string name, std::function<void()> arrived);
  ~RecordingSource();
  RecordingSource(const RecordingSource&) = delete;
  RecordingSource& operator=(const RecordingSource&) = delete;

  void ask(const Range& range);
  const Mailbox<Arrival>& arrivals() const { return arrivals_; }

 private:
  void drive();
  void answer(const Range& range);

  const profile::Window window_;
  const std::function<void()> arrived_;
  Mailbox<Arrival> arrivals_;
  Arrival state_;  // the thread's
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Range> asked_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace fanlight::ui
