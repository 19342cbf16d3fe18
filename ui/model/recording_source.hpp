// A file. In: a *.fanlight recording, or what another tool wrote. Out: arrivals, one per range asked for, by the same
// query that `attach` answers.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "collector/profile/view.hpp"
#include "collector/profile/window.hpp"
#include "core/error.hpp"
#include "ui/model/arrival.hpp"
#include "ui/model/mailbox.hpp"

namespace fanlight::ui {

/// Threads: one of its own, which queries; `ask` from any.
class RecordingSource {
 public:
  /// Reads the whole file. Errors: those of `formats::open_file`.
  static Result<std::unique_ptr<RecordingSource>> open(const std::filesystem::path& path,
                                                       std::function<void()> arrived);
  RecordingSource(profile::Window window, std::string name, std::function<void()> arrived,
                  profile::View view = profile::View::on_cpu, bool foreign = false);
  ~RecordingSource();
  RecordingSource(const RecordingSource&) = delete;
  RecordingSource& operator=(const RecordingSource&) = delete;

  void ask(const Question& question);
  void ask(const Range& range) { ask(Question{range}); }
  const Mailbox<Arrival>& arrivals() const { return arrivals_; }
  /// The view that shows the file as it is: foreign files may know no states.
  profile::View view() const { return view_; }
  bool foreign() const { return foreign_; }

 private:
  void drive();
  void answer(const Question& question);

  const profile::Window window_;
  const std::function<void()> arrived_;
  const profile::View view_;
  const bool foreign_;
  Mailbox<Arrival> arrivals_;
  Arrival state_;  // the thread's
  std::mutex mutex_;
  std::condition_variable wake_;
  std::optional<Question> asked_;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace fanlight::ui
