// The dashboard without a screen: ImGui builds its frames and nobody draws them. In: a scene, mouse and keys. Out: what
// is where, what was chosen.
#pragma once

#include <imgui.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ui/app/theme.hpp"
#include "ui/views/panels.hpp"

namespace fanlight::ui::testing {

/// One at a time. Whoever changes the selection gets a scene made of it before the next frame.
class Stage {
 public:
  explicit Stage(Seen seen, float width = 1600, float height = 1000) : width_(width), height_(height) {
    ImGui::CreateContext();
    ImGuiIO& io = ImGui::GetIO();
    io.IniFilename = nullptr;
    for (int key = 0; key < ImGuiKey_COUNT; ++key) io.KeyMap[key] = 400 + key;
    ui_.fonts = load_fonts(1);
    io.FontDefault = ui_.fonts.of(Face::regular);
    unsigned char* pixels = nullptr;
    int w = 0, h = 0;
    io.Fonts->GetTexDataAsAlpha8(&pixels, &w, &h);
    use_palette(Theme::dark, false);
    apply_theme(1);
    ui_.pen = {1, measure_with(ui_.fonts)};
    ui_.shell = &shell_;
    ui_.widgets = &widgets_;
    shell_.targets = {"stage"};
    arrival_.status = {.phase = Phase::recording, .place = "stage", .ever_connected = true};
    ui_.arrival = &arrival_;
    ui_.selection.range = ui_.everything();
    show(std::move(seen));
  }
  ~Stage() { ImGui::DestroyContext(); }
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  Ui& ui() { return ui_; }
  Shell& shell() { return shell_; }
  Arrival& arrival() { return arrival_; }
  const Widgets& widgets() const { return widgets_; }
  int vertices() const { return vertices_; }

  /// Other data from now on.
  void show(Seen seen) {
    seen_ = std::move(seen);
    scene_.reset();
    frame();
  }

  void frame() {
    make_scene();
    ImGuiIO& io = ImGui::GetIO();
    io.DisplaySize = {width_, height_};
    io.DeltaTime = 1.0f / 60;
    ImGui::NewFrame();
    ui_.now_ns += 16'000'000;
    show_dashboard(ui_, width_, height_);
    ImGui::Render();
    vertices_ = ImGui::GetDrawData()->TotalVtxCount;
    io.MouseWheel = 0;
  }
  void frames(int count) {
    for (int i = 0; i < count; ++i) frame();
  }

  /// The first item, panel or box whose name begins so.
  std::optional<Rect> find(std::string_view name) const {
    for (const auto* list : {&widgets_.items, &widgets_.panels})
      for (const Widgets::Panel& one : *list)
        if (one.name.starts_with(name)) return one.rect;
    for (const Widgets::Box& box : widgets_.flame)
      if (!box.merged && std::string_view(box.name).starts_with(name)) return box.rect;
    return std::nullopt;
  }
  bool shows(std::string_view name) const { return find(name).has_value(); }
  std::optional<Rect> panel(std::string_view name) const {
    for (const Widgets::Panel& one : widgets_.panels)
      if (one.name == name) return one.rect;
    return std::nullopt;
  }

  void point(float x, float y) {
    ImGui::GetIO().MousePos = {x, y};
    frames(2);
  }
  /// False: nothing is called that.
  bool hover(std::string_view name) {
    const auto rect = find(name);
    if (rect) point(rect->x + std::min(rect->w / 2, 20.0f), rect->y + rect->h / 2);
    return rect.has_value();
  }
  bool click(std::string_view name, int button = 0) {
    if (!hover(name)) return false;
    press(button);
    return true;
  }
  void press(int button = 0) {
    ImGui::GetIO().MouseDown[button] = true;
    frame();
    ImGui::GetIO().MouseDown[button] = false;
    frames(2);
  }
  bool drag(std::string_view name, float from, float to) {
    const auto rect = find(name);
    if (!rect) return false;
    const float y = rect->y + rect->h * 0.6f;
    point(rect->x + rect->w * from, y);
    ImGui::GetIO().MouseDown[0] = true;
    frame();
    for (int i = 1; i <= 5; ++i) {
      const float share = from + (to - from) * static_cast<float>(i) / 5;
      ImGui::GetIO().MousePos = {rect->x + rect->w * share, y};
      frame();
    }
    ImGui::GetIO().MouseDown[0] = false;
    frames(2);
    return true;
  }
  void wheel(float turns) {
    ImGui::GetIO().MouseWheel = turns;
    frames(2);
  }
  void type(std::string_view text) {
    for (const char c : text) ImGui::GetIO().AddInputCharacter(static_cast<unsigned char>(c));
    frames(2);
  }
  void key(ImGuiKey key, bool ctrl = false) { key_code(ImGui::GetKeyIndex(key), ctrl); }
  void key_code(int code, bool ctrl = false) {
    ImGuiIO& io = ImGui::GetIO();
    io.KeyCtrl = ctrl;
    io.KeysDown[code] = true;
    frame();
    io.KeysDown[code] = false;
    io.KeyCtrl = false;
    frames(2);
  }

 private:
  void make_scene() {
    if (!seen_.profile) {
      ui_.scene = nullptr;
      return;
    }
    SceneChoice choice{.chosen = ui_.selection,
                       .function = ui_.function,
                       .heatmap = ui_.heatmap,
                       .heatmap_chosen = ui_.heatmap_chosen,
                       .plotted_ns = 0};
    choice.chosen.range = {};
    choice.chosen.zoom.clear();
    if (ui_.selection.colouring == Colouring::label) choice.label_key = ui_.selection.label_key;
    if (scene_ && scene_->choice == choice) return;
    scene_ = std::make_shared<const Scene>(build_scene(seen_, choice));
    ui_.scene = scene_.get();
  }

  float width_, height_;
  Shell shell_;
  Ui ui_;
  Widgets widgets_;
  Arrival arrival_;
  Seen seen_;
  std::shared_ptr<const Scene> scene_;
  int vertices_ = 0;
};

/// What a profile looks like once its timeline is in chunks, as sources hand it over.
inline Seen seen_of(profile::Profile profile, std::shared_ptr<const profile::Profile> before = nullptr) {
  TimelineStore store;
  store.take(profile);
  profile.timeline = {};
  return {std::make_shared<const profile::Profile>(std::move(profile)), std::move(before), store.timeline()};
}

}  // namespace fanlight::ui::testing
