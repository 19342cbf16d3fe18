#include "collector/session/namer.hpp"

#include <algorithm>
#include <tuple>
#include <utility>

namespace fanlight::session {

Namer::~Namer() {
  thread_.request_stop();
  symbols_.stop_fetching();
  changed_.notify_all();
}

void Namer::ask(std::vector<Request> requests) {
  if (requests.empty()) return;
  const std::lock_guard held(lock_);
  asked_.insert(asked_.end(), std::make_move_iterator(requests.begin()), std::make_move_iterator(requests.end()));
  if (!thread_.joinable()) thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  changed_.notify_all();
}

Namer::Answers Namer::take(std::chrono::milliseconds patience) {
  std::unique_lock held(lock_);
  changed_.wait_for(held, patience, [this] { return asked_.empty() && !busy_; });
  Answers answers = std::exchange(answers_, {});
  answers.all = asked_.empty() && !busy_;
  return answers;
}

symbols::Symbols::Sources Namer::sources() const {
  const std::lock_guard held(lock_);
  return sources_;
}

void Namer::run(const std::stop_token& stop) {
  std::unique_lock held(lock_);
  while (changed_.wait(held, stop, [this] { return !asked_.empty(); })) {
    std::vector<Request> requests = std::exchange(asked_, {});
    busy_ = true;
    held.unlock();
    answer(std::move(requests), stop);
    symbols::Symbols::Sources sources = symbols_.sources();
    held.lock();
    sources_ = std::move(sources);
    busy_ = false;
    changed_.notify_all();
  }
}

void Namer::answer(std::vector<Request> requests, const std::stop_token& stop) {
  // File by file, so that what is quick is not held up by what is not.
  std::ranges::stable_sort(requests, {},
                           [](const Request& request) { return std::tie(request.kernel, request.module); });
  for (std::size_t from = 0; from < requests.size() && !stop.stop_requested();) {
    const Request& first = requests[from];
    std::size_t to = from;
    std::vector<std::uint64_t> offsets;
    for (; to < requests.size() && requests[to].kernel == first.kernel && requests[to].module == first.module; ++to)
      offsets.push_back(requests[to].offset);
    std::vector<symbols::Place> places;
    if (first.kernel)
      for (const std::uint64_t address : offsets) places.push_back({.name = symbols_.kernel(address)});
    else
      places = symbols_.places(first.module, offsets);
    const std::string build_id = first.kernel ? std::string() : symbols_.build_id(first.module);
    const std::lock_guard held(lock_);
    for (std::size_t i = from; i < to; ++i) answers_.named.push_back({requests[i].frame, std::move(places[i - from])});
    if (!build_id.empty()) answers_.build_ids[first.module] = build_id;
    from = to;
  }
}

}  // namespace fanlight::session
