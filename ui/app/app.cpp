#include "ui/app/app.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "core/clock.hpp"
#include "ui/app/composer.hpp"
#include "ui/app/window.hpp"
#include "ui/model/source.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

using std::chrono::milliseconds;

Range first_range(const Options& options) {
  if (options.last) return {.last_ns = static_cast<std::uint64_t>(options.last->count())};
  return options.recording ? Range{.kind = Range::Kind::all} : Range{};
}

Result<> write_text(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail(errno, "write " + path, "is the directory there, and may you write to it?");
  return {};
}

/// One run of the program: what arrives goes to the composer, what it makes goes to the screen.
class Dashboard {
 public:
  Dashboard(const Options& options, Window& window, Source& source)
      : options_(options), window_(window), source_(source), composer_(arrivals_of(source), wake_window) {
    ui_.fonts = window.fonts();
    ui_.pen = {window.scale(), measure_with(window.fonts())};
    ui_.selection.view = options.view;
    ui_.selection.idle = options.idle;
    ui_.selection.range = first_range(options);
    ui_.selection.search = options.search;
    options.search.copy(ui_.flame.search_text, sizeof ui_.flame.search_text - 1);
    if (!options.widgets.empty()) ui_.widgets = &widgets_;
    // Before anything can arrive, or the first scene would be of a view that nobody chose.
    composer_.look(choice(), held_);
    ask(source_, asked_ = ui_.selection.range);
    started_ns_ = monotonic_ns();
  }

  Result<> run() {
    while (!window_.closed()) {
      const std::uint64_t now = monotonic_ns();
      if (options_.run_for && now - started_ns_ >= static_cast<std::uint64_t>(options_.run_for->count())) return {};
      if (picture_due(now)) {
        if (auto taken = take_picture(); !taken || !options_.then || pictures_ == 2) return taken;
        picture_due_ns_ = monotonic_ns() - started_ns_ + static_cast<std::uint64_t>(options_.then->count());
      }
      // Nothing is drawn while nothing changes: on a software renderer each frame costs as much as a small server does.
      constexpr std::uint64_t kCountdown = 500'000'000;
      const bool due = now - drawn_ns_ >= kCountdown;
      if (frames_wanted_ > 0 || due) draw_frame();
      const bool activity = window_.wait(frames_wanted_ > 0 ? milliseconds{8} : milliseconds{100});
      // ImGui settles hovers and focus over a few frames; new data need one.
      if (update()) frames_wanted_ = std::max(frames_wanted_, 1);
      if (activity) frames_wanted_ = 3;
    }
    return {};
  }

 private:
  SceneChoice choice() const {
    SceneChoice choice{.view = ui_.selection.view, .idle = ui_.selection.idle};
    if (options_.recording) choice.plotted_ns = 0;
    return choice;
  }

  /// Takes in what came and hands on what was chosen; true when there is something new to draw.
  bool update() {
    bool news = arrivals_of(source_).take_newer(arrival_);
    ui_.arrival = arrival_.get();
    if (news) composer_.poke();
    Selection& selection = ui_.selection;
    if (selection.range != asked_) ask(source_, asked_ = selection.range);
    if (selection.frozen && !held_ && scene_) held_ = scene_->profile;
    if (!selection.frozen && held_) held_.reset();
    composer_.look(choice(), held_);
    std::shared_ptr<const Scene> made = newest_;
    if (composer_.scenes().take_newer(made)) newest_ = made;
    if (newest_ && newest_ != scene_ && (!held_ || newest_->profile == held_)) {
      scene_ = newest_;
      ui_.scene = scene_.get();
      news = true;
      if (!zoomed_ && !options_.zoom.empty()) {
        if (const NodeId node = find(scene_->flame, options_.zoom); node != 0) {
          ui_.selection.zoom = path_to(scene_->flame, node);
          zoomed_ = true;
        }
      }
    }
    return news;
  }

  void begin() {
    if (options_.screenshot.empty()) {
      window_.begin_frame();
    } else {
      window_.begin_frame(mouse_);
    }
    ui_.now_ns = monotonic_ns();
    show_dashboard(ui_, static_cast<float>(window_.width()), static_cast<float>(window_.height()));
  }

  void draw_frame() {
    begin();
    window_.end_frame();
    drawn_ns_ = ui_.now_ns;
    if (frames_wanted_ > 0) --frames_wanted_;
  }

  bool has_data() const { return scene_ && drawable(*scene_->profile); }

  bool picture_due(std::uint64_t now) const {
    if (options_.screenshot.empty()) return false;
    const std::uint64_t after = picture_due_ns_;
    if (now - started_ns_ < after) return false;
    // Connected, but the first second is still on its way: a little patience makes a better picture.
    constexpr std::uint64_t kPatience = 3'000'000'000;
    const bool connected = arrival_ && arrival_->status.ever_connected;
    const bool expected = (connected || options_.recording) && !has_data();
    return !expected || now - started_ns_ >= after + kPatience;
  }

  Result<> take_picture() {
    if (options_.pointer)
      mouse_ = FakeMouse{static_cast<float>(options_.pointer->first), static_cast<float>(options_.pointer->second)};
    // ImGui sees a press when a frame with the button down follows one without.
    constexpr int kFrames = 6, kPressed = 3;
    for (int i = 0; i < kFrames; ++i) {
      if (mouse_) mouse_->down = options_.click && i == kPressed;
      window_.wait(milliseconds{0});
      draw_frame();
    }
    begin();
    const auto picture = window_.end_frame_and_read();
    if (!picture) return std::unexpected(picture.error());
    ++pictures_;
    if (auto written = write_png(picture_file(), *picture); !written) return written;
    if (!options_.widgets.empty())
      if (auto written = write_text(options_.widgets, to_json(widgets_)); !written) return written;
    if (arrival_ && arrival_->status.ever_connected) return {};
    const std::string place = options_.endpoint.text();
    const std::string trouble = arrival_ ? arrival_->status.trouble : "";
    return fail(0, "no collector at " + place + (trouble.empty() ? "" : ": " + trouble) + " (the picture says so)",
                "start one: sudo fanlight attach --pid PID");
  }

  std::string picture_file() const {
    if (pictures_ < 2) return options_.screenshot;
    const std::filesystem::path first(options_.screenshot);
    return (first.parent_path() / (first.stem().string() + "-2" + first.extension().string())).string();
  }

  const Options& options_;
  Window& window_;
  Source& source_;
  Composer composer_;
  Ui ui_;
  Widgets widgets_;
  Range asked_;
  std::shared_ptr<const Arrival> arrival_;
  std::shared_ptr<const Scene> newest_, scene_;   // made, shown: they differ while frozen
  std::shared_ptr<const profile::Profile> held_;  // while frozen
  std::optional<FakeMouse> mouse_;
  bool zoomed_ = false;
  int frames_wanted_ = 3;
  int pictures_ = 0;  // taken
  std::uint64_t started_ns_ = 0;
  std::uint64_t picture_due_ns_ = static_cast<std::uint64_t>(options_.after.count());  // after the start
  std::uint64_t drawn_ns_ = 0;
};

}  // namespace

Result<> run(const Options& options) {
  // A file that cannot be read is said first, display or not; it is asked, and wakes the window, only further down.
  std::unique_ptr<RecordingSource> recording;
  if (options.recording) {
    auto opened = RecordingSource::open(*options.recording, wake_window);
    if (!opened) return std::unexpected(std::move(opened.error()));
    recording = std::move(*opened);
  }
  auto window = Window::open(options.width, options.height, options.scale);
  if (!window) return std::unexpected(std::move(window.error()));
  // After the window, since the source's thread wakes it: what comes later is destroyed earlier.
  Source source =
      recording ? Source(std::move(recording)) : Source(std::make_unique<LiveSource>(options.endpoint, wake_window));
  return Dashboard(options, *window, source).run();
}

}  // namespace fanlight::ui
