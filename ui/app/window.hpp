// The window: GLFW, OpenGL 3.3 and ImGui together. In: a size. Out: frames, and the pixels of the last one.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/error.hpp"
#include "ui/canvas/imgui_canvas.hpp"

struct GLFWwindow;

namespace fanlight::ui {

/// Rows from top to bottom, 3 bytes a pixel.
struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
};

/// Where the mouse is said to be, and whether its left button is down.
struct FakeMouse {
  float x = 0, y = 0;
  bool down = false;
  bool right_down = false;
  float wheel = 0;
};

/// One at a time, on the main thread; only `wake_window` may be called from others.
class Window {
 public:
  /// Errors: no display, no OpenGL 3.3; each with a hint.
  static Result<Window> open(int width, int height, float scale);
  Window(Window&&) noexcept;
  Window& operator=(Window&&) noexcept;
  ~Window();

  /// Waits until something happens, somebody wakes it, or `longest` has passed. True: a person did something.
  bool wait(std::chrono::milliseconds longest);
  bool closed() const;

  void begin_frame();
  /// The same with a mouse that is not the person's. Nothing: as if the pointer were elsewhere, so that a picture has
  /// no tooltip by accident.
  void begin_frame(const std::optional<FakeMouse>& mouse);
  void end_frame();
  /// The same, and the pixels: of the back buffer, before it is shown, because its content is undefined afterwards.
  Result<Picture> end_frame_and_read();

  /// Fonts and spacing anew, `times` what the window was opened with. Between frames.
  void rescale(float times);

  int width() const;
  int height() const;
  float scale() const;  // the option times the display's own
  const Fonts& fonts() const;

 private:
  struct State;
  explicit Window(std::unique_ptr<State> state);
  void render();
  std::unique_ptr<State> state_;
};

/// Ends a wait. Threads: any, while a window exists.
void wake_window();

/// Errors: cannot write.
Result<> write_png(const std::string& path, const Picture& picture);

}  // namespace fanlight::ui
