#include "ui/model/recording_source.hpp"

#include <exception>
#include <utility>

#include "collector/store/recording.hpp"

namespace fanlight::ui {

Result<std::unique_ptr<RecordingSource>> RecordingSource::open(const std::filesystem::path& path,
                                                               std::function<void()> arrived) {
  auto window = store::open_recording(path);
  if (!window) return std::unexpected(std::move(window.error()));
  return std::make_unique<RecordingSource>(std::move(*window), path.filename().string(), std::move(arrived));
}

RecordingSource::RecordingSource(profile::Window window, std::string name, std::function<void()> arrived)
    : window_(std::move(window)), arrived_(std::move(arrived)) {
  state_.status.phase = Phase::recording;
  state_.status.place = std::move(name);
  state_.status.ever_connected = true;
  thread_ = std::thread([this] { drive(); });
}

RecordingSource::~RecordingSource() {
  {
    const std::lock_guard hold(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void RecordingSource::ask(const Range& range) {
  {
    const std::lock_guard hold(mutex_);
    asked_ = range;
  }
  wake_.notify_one();
}

void RecordingSource::drive() {
  for (;;) {
    Range range;
    {
      std::unique_lock hold(mutex_);
      wake_.wait(hold, [this] { return stop_ || asked_; });
      if (stop_) return;
      range = *asked_;
      asked_.reset();
    }
    // The one catch of this thread: a long recording may not fit into memory twice.
    try {
      answer(range);
    } catch (const std::exception& error) {
      state_.status.trouble = error.what();
    }
    state_.number += 1;
    arrivals_.post(std::make_shared<const Arrival>(state_));
    if (arrived_) arrived_();
  }
}

void RecordingSource::answer(const Range& range) {
  const std::uint64_t newest = window_.slices().empty() ? 0 : window_.slices().back().to_ns;
  const auto [from, to] = ends_of(range, newest);
  state_.profile = std::make_shared<const profile::Profile>(window_.query(from, to));
  state_.profile_number += 1;
  state_.range = range;
  state_.status.trouble.clear();
}

}  // namespace fanlight::ui
