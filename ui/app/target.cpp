#include "ui/app/target.hpp"

#include <filesystem>
#include <utility>

#include "ui/app/options.hpp"

namespace fanlight::ui {

Result<std::unique_ptr<Target>> Target::open(const std::string& target, std::function<void()> ready) {
  if (const auto endpoint = endpoint_in(target))
    return std::make_unique<Target>(Source(std::make_unique<LiveSource>(*endpoint, ready)), endpoint->text(), ready);
  auto opened = RecordingSource::open(target, ready);
  if (!opened) return std::unexpected(std::move(opened.error()));
  return open(std::move(*opened), target, std::move(ready));
}

Result<std::unique_ptr<Target>> Target::open(std::unique_ptr<RecordingSource> file, const std::string& path,
                                             std::function<void()> ready) {
  return std::make_unique<Target>(Source(std::move(file)), std::filesystem::path(path).filename().string(),
                                  std::move(ready));
}

Target::Target(Source source, std::string name, std::function<void()> ready)
    : source_(std::move(source)), name_(std::move(name)), composer_(arrivals_of(source_), std::move(ready)) {
  ui.selection.range = is_file() ? Range{.kind = Range::Kind::all} : Range{};
}

bool Target::is_file() const { return std::holds_alternative<std::unique_ptr<RecordingSource>>(source_); }

profile::View Target::view() const {
  const auto* file = std::get_if<std::unique_ptr<RecordingSource>>(&source_);
  return file != nullptr ? (*file)->view() : profile::View::on_cpu;
}

SceneChoice Target::choice(bool deep) const {
  SceneChoice choice{
      .chosen = ui.selection, .function = ui.function, .heatmap = ui.heatmap, .heatmap_chosen = ui.heatmap_chosen};
  choice.chosen.range = {};
  choice.chosen.zoom.clear();
  choice.deep = deep;
  if (ui.selection.colouring == Colouring::label) choice.label_key = ui.selection.label_key;
  if (is_file()) choice.plotted_ns = 0;
  return choice;
}

bool Target::update(bool before, bool deep) {
  bool news = arrivals_of(source_).take_newer(arrival_);
  ui.arrival = arrival_.get();
  if (news) composer_.poke();
  const Question question{ui.selection.range, before};
  if (!ever_asked_ || question != asked_) {
    ask(source_, asked_ = question);
    ever_asked_ = true;
  }
  if (ui.selection.frozen && !held_.profile && scene_) {
    held_ = scene_->seen;
    held_range_ = ui.selection.range;
  }
  // What is held stays until time is chosen anew: then it is the answer to that which is held.
  if (ui.selection.frozen && ui.selection.range != held_range_ && arrival_ && arrival_->range == ui.selection.range) {
    held_ = {arrival_->profile, arrival_->before, arrival_->timeline};
    held_range_ = ui.selection.range;
  }
  if (!ui.selection.frozen) held_ = {};
  composer_.look(choice(deep), held_);
  std::shared_ptr<const Scene> made = newest_;
  if (composer_.scenes().take_newer(made)) newest_ = made;
  if (newest_ && newest_ != scene_ && (!held_.profile || newest_->seen == held_)) {
    scene_ = newest_;
    ui.scene = scene_.get();
    news = true;
    if (!zoom_to.empty()) {
      if (const NodeId node = find(scene_->flame, zoom_to); node != 0) {
        ui.selection.zoom = path_to(scene_->flame, node);
        zoom_to.clear();
      }
    }
  }
  const bool answered = arrival_ && arrival_->range == ui.selection.range && arrival_->compared == before;
  const bool shown = scene_ && scene_->choice == choice(deep);
  // Live, the next slice is always under way; a file has an end.
  settled_ = answered && shown && (!is_file() || held_.profile || scene_->seen.profile == arrival_->profile);
  return news;
}

}  // namespace fanlight::ui
