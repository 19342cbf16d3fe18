#include "ui/app/app.hpp"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "collector/formats/folded.hpp"
#include "collector/formats/pprof.hpp"
#include "core/clock.hpp"
#include "ui/app/script.hpp"
#include "ui/app/target.hpp"
#include "ui/app/theme.hpp"
#include "ui/app/window.hpp"
#include "ui/viewmodel/capture.hpp"
#include "ui/viewmodel/status.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui {
namespace {

using std::chrono::milliseconds;

Result<> write_text(const std::string& path, std::string_view text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) return fail(errno, "write " + path, "is the directory there, and may you write to it?");
  return {};
}

/// "fanlight-NAME" in the directory, with a number where there is one already: an export overwrites nothing.
std::string free_name(const std::filesystem::path& directory, const std::string& name) {
  const std::size_t dot = std::min(name.find('.'), name.size());
  const std::string stem = "fanlight-" + name.substr(0, dot), extension = name.substr(dot);
  std::error_code unreadable;
  std::filesystem::path path = directory / (stem + extension);
  for (int number = 2; std::filesystem::exists(path, unreadable) && number < 10'000; ++number)
    path = directory / (stem + "-" + std::to_string(number) + extension);
  return path.string();
}

std::string clock_words(std::uint64_t ns, std::int64_t shift) {
  const std::int64_t seconds = (static_cast<std::int64_t>(ns) + shift) / 1'000'000'000 % 86'400;
  char text[32];
  std::snprintf(text, sizeof text, "%02lld:%02lld:%02lld", static_cast<long long>(seconds / 3600),
                static_cast<long long>(seconds / 60 % 60), static_cast<long long>(seconds % 60));
  return text;
}

/// The part of a picture that a panel takes.
Picture cut(const Picture& whole, const Rect& rect) {
  const auto bound = [](float value, int most) { return std::clamp(static_cast<int>(value + 0.5f), 0, most); };
  const int left = bound(rect.x, whole.width), right = bound(rect.x + rect.w, whole.width);
  const int top = bound(rect.y, whole.height), bottom = bound(rect.y + rect.h, whole.height);
  Picture part{.width = right - left, .height = bottom - top};
  for (int y = top; y < bottom; ++y) {
    const auto row = whole.rgb.begin() + (static_cast<std::ptrdiff_t>(y) * whole.width + left) * 3;
    part.rgb.insert(part.rgb.end(), row, row + static_cast<std::ptrdiff_t>(part.width) * 3);
  }
  return part;
}

/// One run of the program: what arrives goes to the composers, what they make goes to the screen.
class Dashboard {
 public:
  Dashboard(const Options& options, Window& window, std::vector<std::unique_ptr<Target>> targets)
      : options_(options), window_(window), targets_(std::move(targets)) {
    shell_.settings = read_settings(options.settings);
    if (!options.theme.empty())
      shell_.settings.theme = options.theme == "light"      ? Theme::light
                              : options.theme == "contrast" ? Theme::contrast
                                                            : Theme::dark;
    for (const std::string& text : options.triggers) shell_.settings.triggers.push_back(text);
    for (const std::string& text : shell_.settings.triggers)
      if (const auto trigger = parse_trigger(text)) shell_.triggers.push_back(*trigger);
    const auto& pages = shell_.settings.layout.pages;
    for (std::size_t i = 0; i < pages.size(); ++i)
      if (pages[i].name == options.page) shell_.page = i;
    if (shell_.settings.scale != 1) window_.rescale(shell_.settings.scale);
    for (auto& target : targets_) adopt(*target);
    started_ns_ = monotonic_ns();
  }

  Result<> run() {
    if (!options_.script.empty()) return run_script();
    while (!window_.closed()) {
      const std::uint64_t now = monotonic_ns();
      if (options_.run_for && now - started_ns_ >= static_cast<std::uint64_t>(options_.run_for->count())) return {};
      if (picture_due(now)) {
        if (auto taken = take_picture(); !taken || !options_.then || pictures_ == 2) return taken;
        picture_due_ns_ = monotonic_ns() - started_ns_ + static_cast<std::uint64_t>(options_.then->count());
      }
      // Nothing is drawn while nothing changes: on a software renderer each frame costs as much as a small server does.
      constexpr std::uint64_t kCountdown = 500'000'000, kQuiet = 5'000'000'000;
      const bool quiet =
          shell_.message.empty() && target().arrival() && target().arrival()->status.phase == Phase::live;
      const bool due = now - drawn_ns_ >= (quiet ? kQuiet : kCountdown) && moves();
      if (frames_wanted_ > 0 || due) draw_frame();
      const bool activity = window_.wait(frames_wanted_ > 0 ? milliseconds{8} : milliseconds{100});
      // ImGui settles hovers and focus over a few frames; new data need one.
      if (update()) frames_wanted_ = std::max(frames_wanted_, 1);
      if (activity) frames_wanted_ = 3;
    }
    return {};
  }

 private:
  Target& target() { return *targets_[shell_.target]; }
  const Target& target() const { return *targets_[shell_.target]; }

  /// Gives a new tab what all share, and what the command line asked for.
  void adopt(Target& target) {
    Ui& ui = target.ui;
    ui.shell = &shell_;
    ui.fonts = window_.fonts();
    ui.pen = {window_.scale(), measure_with(window_.fonts())};
    ui.selection.view = options_.view.value_or(target.view());
    ui.selection.idle = options_.idle;
    if (options_.last) ui.selection.range = {.last_ns = static_cast<std::uint64_t>(options_.last->count())};
    ui.selection.search = options_.search;
    options_.search.copy(ui.flame.search_text, sizeof ui.flame.search_text - 1);
    target.zoom_to = options_.zoom;
    if (!options_.widgets.empty() || !options_.script.empty()) ui.widgets = &widgets_;
    shell_.targets.push_back(target.name());
    target.update(wants_before(), true);
  }

  std::string status_words() const {
    const auto& arrival = target().arrival();
    return arrival ? status_line(arrival->status, target().ui.selection.frozen, monotonic_ns()).text : std::string();
  }
  /// Something on the screen tells time by itself: a countdown, how long nothing came, a message that goes.
  bool moves() const { return !shell_.message.empty() || status_words() != drawn_status_; }

  bool shows(std::initializer_list<PanelId> panels) const {
    const auto wanted = [&](PanelId id) { return std::find(panels.begin(), panels.end(), id) != panels.end(); };
    if (shell_.enlarged) return wanted(*shell_.enlarged);
    for (const LayoutRow& row : shell_.settings.layout.pages[shell_.page].rows)
      for (const LayoutCell& cell : row.cells)
        if (wanted(cell.panel)) return true;
    return false;
  }
  bool wants_before() const {
    if (shell_.target < targets_.size() && target().ui.selection.colouring == Colouring::change) return true;
    return shows({PanelId::why, PanelId::changes});
  }
  bool wants_deep() const { return shows({PanelId::why, PanelId::changes, PanelId::cross_check, PanelId::source}); }

  /// True when there is something new to draw.
  bool update() {
    bool news = false;
    for (auto& one : targets_) {
      const bool shown = one.get() == &target();
      news |= one->update(shown && wants_before(), shown && wants_deep()) && shown;
    }
    watch_triggers();
    return fulfil_wishes() || news;
  }

  /// A trigger looks at what is new, whatever is shown; it fires once, and then not for as long as a snapshot covers.
  void watch_triggers() {
    Target& looked_at = target();
    const auto& arrival = looked_at.arrival();
    if (shell_.triggers.empty() || !arrival || !arrival->profile || arrival->profile->seconds.empty()) return;
    const profile::Profile& profile = *arrival->profile;
    const std::uint64_t newest = profile.seconds.back().to_ns;
    if (newest <= watched_until_ns_) return;
    constexpr std::uint64_t kRest = 15'000'000'000;
    for (const Trigger& trigger : shell_.triggers) {
      const auto fired = first_fired(trigger, profile, watched_until_ns_);
      if (!fired || fired->to_ns < quiet_until_ns_) continue;
      quiet_until_ns_ = fired->to_ns + kRest;
      save_snapshot(looked_at, *arrival->profile, trigger.text + ": " + trigger_words(trigger, fired->value));
      // Frozen around the moment, which may be older than what was shown.
      const std::uint64_t before = fired->from_ns > 10'000'000'000 ? fired->from_ns - 10'000'000'000 : 0;
      looked_at.ui.selection.range = {Range::Kind::fixed, 0, before, fired->to_ns};
      looked_at.ui.selection.frozen = true;
      break;
    }
    watched_until_ns_ = newest;
  }

  void save_snapshot(Target& from, const profile::Profile& profile, const std::string& why) {
    const std::uint64_t now = monotonic_ns();
    profile::Profile kept = profile;
    if (const auto& timeline = from.arrival() ? from.arrival()->timeline : nullptr; timeline)
      kept.timeline = rows_of(*timeline, profile);
    const std::string path = free_name(options_.exports, "snapshot.fanlight");
    if (const auto saved = save_capture(kept, path); !saved)
      return shell_.say("No snapshot: " + saved.error().what, now, true);
    shell_.snapshots.push_back(
        {path, clock_words(profile.to_ns, profile.realtime_offset_ns), why, profile.from_ns, profile.to_ns});
    shell_.say("Saved " + path + " (" + why + ")", now);
    frames_wanted_ = 3;
  }

  /// The timeline's records within a profile's range, as a profile has them.
  static std::vector<profile::TimelineRow> rows_of(const Timeline& timeline, const profile::Profile& profile) {
    std::vector<profile::TimelineRow> rows;
    for (profile::ThreadId id = 0; id < profile.threads.size(); ++id) {
      const auto track = timeline.track_of(profile.threads[id].tid, profile.threads[id].name);
      if (!track) continue;
      timeline.each(*track, profile.from_ns, profile.to_ns, ~std::size_t{0},
                    [&](std::uint64_t begin, std::uint64_t, Reason reason) {
                      rows.push_back({.time_ns = begin, .thread = id, .reason = reason});
                    });
    }
    std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.time_ns < b.time_ns; });
    return rows;
  }

  /// What panels asked for; true when there is something to draw.
  bool fulfil_wishes() {
    const std::vector<Wish> wishes = std::exchange(shell_.wishes, {});
    for (const Wish& wish : wishes) fulfil(wish);
    return !wishes.empty();
  }

  void fulfil(const Wish& wish) {
    const std::uint64_t now = monotonic_ns();
    switch (wish.what) {
      case Wish::What::open: return open(wish.text);
      case Wish::What::close_target:
        if (targets_.size() < 2) return;
        targets_.erase(targets_.begin() + static_cast<std::ptrdiff_t>(shell_.target));
        shell_.targets.erase(shell_.targets.begin() + static_cast<std::ptrdiff_t>(shell_.target));
        shell_.target = std::min(shell_.target, targets_.size() - 1);
        return;
      case Wish::What::picture: picture_of_ = wish; return;
      case Wish::What::write: return write_export(wish);
      case Wish::What::snapshot:
        if (target().scene()) return save_snapshot(target(), *target().scene()->seen.profile, wish.text);
        return shell_.say("There is nothing to save yet", now, true);
      case Wish::What::scale:
        window_.rescale(shell_.settings.scale);
        for (auto& one : targets_) {
          one->ui.fonts = window_.fonts();
          one->ui.pen = {window_.scale(), measure_with(window_.fonts())};
          one->ui.flame.laid_out_for = 0;
          one->ui.timeline.made_for = 0;
        }
        return;
      case Wish::What::save:
        if (options_.settings.empty()) return;
        if (const auto written = write_settings(options_.settings, shell_.settings); !written)
          shell_.say(written.error().what, now, true);
        return;
    }
  }

  void open(const std::string& name) {
    auto opened = Target::open(name, wake_window);
    if (!opened)
      return shell_.say(opened.error().what + (opened.error().hint.empty() ? "" : ": " + opened.error().hint),
                        monotonic_ns(), true);
    targets_.push_back(std::move(*opened));
    adopt(*targets_.back());
    shell_.target = targets_.size() - 1;
  }

  void write_export(const Wish& wish) {
    const std::uint64_t now = monotonic_ns();
    std::string text = wish.text, name = wish.name;
    if (text.empty()) {
      if (!target().scene()) return shell_.say("There is nothing to export yet", now, true);
      const profile::WeightedStacks& stacks = target().scene()->stacks;
      if (name == "folded") {
        text = formats::folded(stacks);
      } else {
        auto packed = formats::pprof(stacks);
        if (!packed) return shell_.say(packed.error().what, now, true);
        text = std::move(*packed);
      }
      name = stacks.name + "." + name;
    }
    const std::string path = free_name(options_.exports, name);
    if (const auto written = write_text(path, text); !written) return shell_.say(written.error().what, now, true);
    shell_.say("Wrote " + path, now);
  }

  void begin() {
    if (shell_.settings.theme != theme_ || shell_.settings.colour_blind != colour_blind_) {
      theme_ = shell_.settings.theme;
      colour_blind_ = shell_.settings.colour_blind;
      use_palette(theme_, colour_blind_);
      apply_theme(window_.scale());
    }
    if (options_.screenshot.empty() && options_.script.empty()) {
      window_.begin_frame();
    } else {
      window_.begin_frame(mouse_);
    }
    Ui& ui = target().ui;
    ui.now_ns = monotonic_ns();
    if (!typed_.empty()) {
      for (const char c : typed_) ImGui::GetIO().AddInputCharacter(static_cast<unsigned char>(c));
      typed_.clear();
    }
    show_dashboard(ui, static_cast<float>(window_.width()), static_cast<float>(window_.height()));
  }

  void draw_frame() {
    begin();
    drawn_ns_ = target().ui.now_ns;
    drawn_status_ = status_words();
    if (frames_wanted_ > 0) --frames_wanted_;
    if (!picture_of_) return window_.end_frame();
    const Wish wish = *std::exchange(picture_of_, std::nullopt);
    const auto picture = window_.end_frame_and_read();
    const std::string path = free_name(options_.exports, wish.name);
    const auto written =
        picture ? write_png(path, cut(*picture, wish.rect)) : Result<>(std::unexpected(picture.error()));
    if (written)
      shell_.say("Wrote " + path, drawn_ns_);
    else
      shell_.say(written.error().what, drawn_ns_, true);
    frames_wanted_ = 2;
  }

  bool picture_due(std::uint64_t now) const {
    if (options_.screenshot.empty()) return false;
    const std::uint64_t after = picture_due_ns_;
    if (now - started_ns_ < after) return false;
    // Connected, but the first second is still on its way: a little patience makes a better picture.
    constexpr std::uint64_t kPatience = 3'000'000'000;
    const auto& arrival = target().arrival();
    const bool connected = arrival && arrival->status.ever_connected;
    const bool expected = (connected || target().is_file()) && !target().has_data();
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
    ++pictures_;
    if (auto written = shoot(picture_file()); !written) return written;
    if (!options_.widgets.empty())
      if (auto written = write_text(options_.widgets, to_json(widgets_)); !written) return written;
    const auto& arrival = target().arrival();
    if (arrival && arrival->status.ever_connected) return {};
    const std::string trouble = arrival ? arrival->status.trouble : "";
    return fail(
        0, "no collector at " + target().name() + (trouble.empty() ? "" : ": " + trouble) + " (the picture says so)",
        "start one: sudo fanlight attach --pid PID");
  }

  Result<> shoot(const std::string& path) {
    begin();
    const auto picture = window_.end_frame_and_read();
    if (!picture) return std::unexpected(picture.error());
    return write_png(path, *picture);
  }

  std::string picture_file() const {
    if (pictures_ < 2) return options_.screenshot;
    const std::filesystem::path first(options_.screenshot);
    return (first.parent_path() / (first.stem().string() + "-2" + first.extension().string())).string();
  }

  Result<> run_script() {
    std::ifstream file(options_.script, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    if (!file) return fail(errno, "read " + options_.script, "give a file of steps; docs/dashboard.md lists them");
    const auto steps = parse_script(text.str());
    if (!steps) return std::unexpected(steps.error());
    settle(milliseconds{0});
    for (const Step& step : *steps)
      if (auto taken = take(step); !taken) return within(options_.script, taken.error());
    return {};
  }

  /// Draws until nothing is under way: a few frames, for at least `time`, and until what was chosen is what is shown.
  void settle(std::chrono::nanoseconds time) {
    constexpr int kFrames = 5;
    constexpr std::uint64_t kPatience = 20'000'000'000;
    const std::uint64_t now = monotonic_ns(), until = now + static_cast<std::uint64_t>(time.count());
    int since = 0;  // frames since the last that something was under way
    while (since < kFrames || monotonic_ns() < until) {
      window_.wait(milliseconds{since < kFrames ? 4 : 30});
      const bool news = update();
      draw_frame();
      const auto& arrival = target().arrival();
      // Nobody there, or nothing yet: there is nothing to wait for.
      const bool waits = !arrival || (!arrival->profile && arrival->status.attempts == 0);
      const bool busy = news || (!target().settled() && (waits || arrival->profile));
      since = busy && monotonic_ns() < now + kPatience ? 0 : since + 1;
    }
  }

  Result<> await(const std::string& name) {
    constexpr std::uint64_t kPatience = 60'000'000'000;
    const std::uint64_t until = monotonic_ns() + kPatience;
    for (;;) {
      window_.wait(milliseconds{20});
      update();
      draw_frame();
      const auto rect = find_rect(name);
      if (rect) return {};
      if (monotonic_ns() > until) return std::unexpected(rect.error());
    }
  }

  Result<Rect> find_rect(const std::string& name) const {
    for (const auto* list : {&widgets_.items, &widgets_.panels})
      for (const Widgets::Panel& one : *list)
        if (one.name.starts_with(name)) return one.rect;
    for (const Widgets::Box& box : widgets_.flame)
      if (box.name.starts_with(name) && !box.merged) return box.rect;
    return fail(0, "nothing on the screen is called '" + name + "'", "the step `widgets FILE` writes what there is");
  }

  Result<> take(const Step& step) {
    switch (step.what) {
      case Step::What::wait: settle(step.time); return {};
      case Step::What::await: return await(step.text);
      case Step::What::command:
        if (!run_command(target().ui, step.text)) return fail(0, "no command is called '" + step.text + "'");
        settle(milliseconds{0});
        return {};
      case Step::What::type:
        typed_ = step.text;
        settle(milliseconds{0});
        return {};
      case Step::What::enter:
        ImGui::GetIO().KeysDown[ImGui::GetKeyIndex(ImGuiKey_Enter)] = true;
        draw_frame();
        ImGui::GetIO().KeysDown[ImGui::GetKeyIndex(ImGuiKey_Enter)] = false;
        settle(milliseconds{0});
        return {};
      case Step::What::wheel:
        if (!mouse_) mouse_ = FakeMouse{};
        mouse_->wheel = step.y0;
        draw_frame();
        mouse_->wheel = 0;
        settle(milliseconds{0});
        return {};
      case Step::What::shot: return shoot(step.text);
      case Step::What::widgets: return write_text(step.text, to_json(widgets_));
      case Step::What::click:
      case Step::What::right_click:
      case Step::What::hover:
      case Step::What::drag: break;
    }
    const auto rect = find_rect(step.text);
    if (!rect) return std::unexpected(rect.error());
    return use_mouse(step, *rect);
  }

  Result<> use_mouse(const Step& step, const Rect& rect) {
    const auto at = [&](float x, float y) { mouse_ = FakeMouse{rect.x + rect.w * x, rect.y + rect.h * y}; };
    const auto frames = [&](int count) {
      for (int i = 0; i < count; ++i) draw_frame();
    };
    if (step.what == Step::What::drag) {
      at(step.x0, step.y0);
      frames(2);
      mouse_->down = true;
      frames(2);
      constexpr int kMoves = 6;
      for (int i = 1; i <= kMoves; ++i) {
        const float share = static_cast<float>(i) / kMoves;
        at(step.x0 + (step.x1 - step.x0) * share, step.y0 + (step.y1 - step.y0) * share);
        mouse_->down = true;
        draw_frame();
      }
      mouse_->down = false;
    } else {
      // A little right of the middle would miss narrow boxes; the middle is in all of them.
      at(rect.w > 60 ? 30 / rect.w : 0.5f, 0.5f);
      frames(2);
      if (step.what == Step::What::click) mouse_->down = true;
      if (step.what == Step::What::right_click) mouse_->right_down = true;
      frames(1);
      mouse_->down = mouse_->right_down = false;
    }
    settle(milliseconds{0});
    return {};
  }

  const Options& options_;
  Window& window_;
  Shell shell_;
  std::vector<std::unique_ptr<Target>> targets_;  // never empty
  Widgets widgets_;
  std::optional<FakeMouse> mouse_;
  std::string typed_;
  std::optional<Wish> picture_of_;
  Theme theme_ = Theme::dark;
  bool colour_blind_ = false;
  std::string drawn_status_;
  int frames_wanted_ = 3;
  int pictures_ = 0;  // taken
  std::uint64_t watched_until_ns_ = 0, quiet_until_ns_ = 0;
  std::uint64_t started_ns_ = 0;
  std::uint64_t picture_due_ns_ = static_cast<std::uint64_t>(options_.after.count());  // after the start
  std::uint64_t drawn_ns_ = 0;
};

}  // namespace

Result<> run(const Options& options) {
  const std::vector<std::string> names =
      options.targets.empty() ? std::vector<std::string>{Endpoint{}.text()} : options.targets;
  // A file that cannot be read is said first, display or not. It is asked, and wakes the window, only further down.
  std::vector<std::unique_ptr<RecordingSource>> files;
  for (const std::string& name : names) {
    files.emplace_back();
    if (endpoint_in(name)) continue;
    auto opened = RecordingSource::open(name, wake_window);
    if (!opened) return std::unexpected(std::move(opened.error()));
    files.back() = std::move(*opened);
  }
  auto window = Window::open(options.width, options.height, options.scale);
  if (!window) return std::unexpected(std::move(window.error()));
  // After the window, since their threads wake it: what comes later is destroyed earlier.
  std::vector<std::unique_ptr<Target>> targets;
  for (std::size_t i = 0; i < names.size(); ++i) {
    auto opened =
        files[i] ? Target::open(std::move(files[i]), names[i], wake_window) : Target::open(names[i], wake_window);
    if (!opened) return std::unexpected(std::move(opened.error()));
    targets.push_back(std::move(*opened));
  }
  return Dashboard(options, *window, std::move(targets)).run();
}

}  // namespace fanlight::ui
