// One tab: a source, the scenes made of it, what was chosen in it. In: an address or a file. Out: a `Ui` to draw.
#pragma once

#include <memory>
#include <string>

#include "core/error.hpp"
#include "ui/app/composer.hpp"
#include "ui/model/source.hpp"
#include "ui/views/ui.hpp"

namespace fanlight::ui {

/// Threads: the drawing thread's; its source and its composer have one each of their own.
class Target {
 public:
  /// `target`: a file or HOST:PORT; `ready` is called whenever there may be something new. Errors: the file cannot be
  /// read.
  static Result<std::unique_ptr<Target>> open(const std::string& target, std::function<void()> ready);
  /// The same for a file that was read already.
  static Result<std::unique_ptr<Target>> open(std::unique_ptr<RecordingSource> file, const std::string& path,
                                              std::function<void()> ready);
  Target(Source source, std::string name, std::function<void()> ready);
  Target(const Target&) = delete;
  Target& operator=(const Target&) = delete;

  /// Takes in what came and hands on what was chosen. True: there is something new to draw.
  /// `before`: the stretch before is wanted, too, to compare with; `deep`: see SceneChoice.
  bool update(bool before, bool deep);

  Ui ui;
  const std::string& name() const { return name_; }
  bool is_file() const;
  profile::View view() const;  // that shows it as it is
  const std::shared_ptr<const Arrival>& arrival() const { return arrival_; }
  const std::shared_ptr<const Scene>& scene() const { return scene_; }
  /// What is shown is what was chosen: nothing is under way.
  bool settled() const { return settled_; }
  bool has_data() const { return scene_ && drawable(*scene_->profile); }
  /// Names below the root, to zoom into once the first scene is there.
  std::string zoom_to;

 private:
  SceneChoice choice(bool deep) const;

  Source source_;
  std::string name_;
  Composer composer_;
  Question asked_;
  bool ever_asked_ = false, settled_ = false;
  std::shared_ptr<const Arrival> arrival_;
  std::shared_ptr<const Scene> newest_, scene_;  // made, shown: they differ while frozen
  Seen held_;                                    // while frozen
  Range held_range_;
};

}  // namespace fanlight::ui
