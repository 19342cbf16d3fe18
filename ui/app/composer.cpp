#include "ui/app/composer.hpp"

#include <exception>
#include <utility>

namespace fanlight::ui {

Composer::Composer(const Mailbox<Arrival>& arrivals, std::function<void()> made)
    : arrivals_(arrivals), made_(std::move(made)), thread_([this] { drive(); }) {}

Composer::~Composer() {
  {
    const std::lock_guard hold(mutex_);
    stop_ = true;
  }
  wake_.notify_one();
  thread_.join();
}

void Composer::look(const SceneChoice& choice, const Seen& held) {
  {
    const std::lock_guard hold(mutex_);
    if (choice_ == choice && held_ == held) return;
    choice_ = choice;
    held_ = held;
    poked_ = true;
  }
  wake_.notify_one();
}

void Composer::poke() {
  {
    const std::lock_guard hold(mutex_);
    poked_ = true;
  }
  wake_.notify_one();
}

void Composer::drive() {
  Seen shown;
  SceneChoice shown_choice;
  for (;;) {
    SceneChoice choice;
    Seen seen;
    {
      std::unique_lock hold(mutex_);
      wake_.wait(hold, [this] { return stop_ || poked_; });
      if (stop_) return;
      poked_ = false;
      choice = choice_;
      seen = held_;
    }
    if (!seen.profile) {
      if (const auto arrival = arrivals_.newest()) seen = {arrival->profile, arrival->before, arrival->timeline};
    }
    if (!seen.profile || (seen == shown && choice == shown_choice)) continue;
    // The one catch of this thread: memory may be short. The scene before stays on the screen.
    try {
      scenes_.post(std::make_shared<const Scene>(build_scene(seen, choice)));
    } catch (const std::exception&) {
      continue;
    }
    shown = seen;
    shown_choice = choice;
    if (made_) made_();
  }
}

}  // namespace fanlight::ui
