#include "ui/model/recording_source.hpp"

#include <exception>
#include <utility>

#include "collector/formats/open_file.hpp"

namespace fanlight::ui {

Result<std::unique_ptr<RecordingSource>> RecordingSource::open(const std::filesystem::path& path,
                                                               std::function<void()> arrived) {
  auto file = formats::open_file(path);
  if (!file) return std::unexpected(std::move(file.error()));
  const bool foreign = file->format != "recording";
  return std::make_unique<RecordingSource>(std::move(file->window), path.filename().string(), std::move(arrived),
                                           foreign ? file->view : profile::View::on_cpu, foreign);
}

RecordingSource::RecordingSource(profile::Window window, std::string name, std::function<void()> arrived,
                                 profile::View view, bool foreign)
    : window_(std::move(window)), arrived_(std::move(arrived)), view_(view), foreign_(foreign) {
  TimelineStore timeline;
  profile::Profile events;
  for (const auto& thread : window_.tables().threads())
    events.threads.push_back({.tid = thread.tid, .name = thread.name});
  for (const profile::Slice& slice : window_.slices())
    events.timeline.insert(events.timeline.end(), slice.timeline.begin(), slice.timeline.end());
  if (!events.timeline.empty()) {
    timeline.take(events);
    state_.timeline = timeline.timeline();
  }
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

void RecordingSource::ask(const Question& question) {
  {
    const std::lock_guard hold(mutex_);
    asked_ = question;
  }
  wake_.notify_one();
}

void RecordingSource::drive() {
  for (;;) {
    Question question;
    {
      std::unique_lock hold(mutex_);
      wake_.wait(hold, [this] { return stop_ || asked_; });
      if (stop_) return;
      question = *asked_;
      asked_.reset();
    }
    // The one catch of this thread: a long recording may not fit into memory twice.
    try {
      answer(question);
    } catch (const std::exception& error) {
      state_.status.trouble = error.what();
    }
    state_.number += 1;
    arrivals_.post(std::make_shared<const Arrival>(state_));
    if (arrived_) arrived_();
  }
}

void RecordingSource::answer(const Question& question) {
  const std::uint64_t newest = window_.slices().empty() ? 0 : window_.slices().back().to_ns;
  const auto [from, to] = ends_of(question.range, newest);
  auto profile = std::make_shared<profile::Profile>(window_.query(from, to));
  profile->timeline = {};  // kept once, in chunks
  state_.before.reset();
  if (question.before && profile->to_ns > profile->from_ns) {
    const auto [begin, end] = ends_before(profile->from_ns, profile->to_ns);
    profile::Profile earlier = window_.query(begin, end);
    earlier.timeline = {};
    if (earlier.to_ns > earlier.from_ns) state_.before = std::make_shared<const profile::Profile>(std::move(earlier));
  }
  state_.profile = std::move(profile);
  state_.profile_number += 1;
  state_.range = question.range;
  state_.compared = question.before;
  state_.status.trouble.clear();
}

}  // namespace fanlight::ui
