// Makes scenes away from the drawing thread. In: the source's arrivals and what was chosen. Out: the newest scene.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "ui/model/arrival.hpp"
#include "ui/model/mailbox.hpp"
#include "ui/viewmodel/scene.hpp"

namespace fanlight::ui {

/// Threads: one of its own. `look` and `poke` from any; scenes are taken from `scenes()`.
class Composer {
 public:
  /// `made` is called on the composer's thread after every scene; it must not throw and not wait.
  Composer(const Mailbox<Arrival>& arrivals, std::function<void()> made);
  ~Composer();
  Composer(const Composer&) = delete;
  Composer& operator=(const Composer&) = delete;

  /// What to show from now on. `held`: of that, whatever arrives; without a profile: of the newest.
  void look(const SceneChoice& choice, const Seen& held);
  void poke();  // something may have arrived
  const Mailbox<Scene>& scenes() const { return scenes_; }

 private:
  void drive();

  const Mailbox<Arrival>& arrivals_;
  const std::function<void()> made_;
  Mailbox<Scene> scenes_;
  std::mutex mutex_;
  std::condition_variable wake_;
  SceneChoice choice_;
  Seen held_;
  bool poked_ = true;
  bool stop_ = false;
  std::thread thread_;
};

}  // namespace fanlight::ui
