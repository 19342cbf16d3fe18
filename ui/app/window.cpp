#include "ui/app/window.hpp"

#include <GLFW/glfw3.h>
#include <backends/imgui_impl_glfw.h>
#include <backends/imgui_impl_opengl3.h>

#include <algorithm>
#include <cfloat>
#include <cstdlib>
#include <utility>

#include "ui/app/theme.hpp"

namespace fanlight::ui {
namespace {

constexpr const char* kNoDisplay = "run under Xvfb: xvfb-run -a fanlight-ui \u2026";

std::string last_glfw_error() {
  const char* words = nullptr;
  glfwGetError(&words);
  return words != nullptr ? words : "unknown reason";
}

struct GlfwLibrary {
  GlfwLibrary() = default;
  ~GlfwLibrary() { glfwTerminate(); }
  GlfwLibrary(const GlfwLibrary&) = delete;
  GlfwLibrary& operator=(const GlfwLibrary&) = delete;
};

struct WindowDeleter {
  void operator()(GLFWwindow* window) const noexcept { glfwDestroyWindow(window); }
};

struct ImGuiOwner {
  ImGuiOwner() { ImGui::CreateContext(); }
  ~ImGuiOwner() {
    if (opengl) ImGui_ImplOpenGL3_Shutdown();
    if (glfw) ImGui_ImplGlfw_Shutdown();
    ImGui::DestroyContext();
  }
  ImGuiOwner(const ImGuiOwner&) = delete;
  ImGuiOwner& operator=(const ImGuiOwner&) = delete;
  bool glfw = false, opengl = false;
};

// ImGui's GLFW backend keeps and calls the callbacks that it finds, so these only say that somebody did something.
void note_activity(GLFWwindow* window) { *static_cast<bool*>(glfwGetWindowUserPointer(window)) = true; }

void watch(GLFWwindow* window) {
  glfwSetCursorPosCallback(window, [](GLFWwindow* w, double, double) { note_activity(w); });
  glfwSetMouseButtonCallback(window, [](GLFWwindow* w, int, int, int) { note_activity(w); });
  glfwSetScrollCallback(window, [](GLFWwindow* w, double, double) { note_activity(w); });
  glfwSetKeyCallback(window, [](GLFWwindow* w, int, int, int, int) { note_activity(w); });
  glfwSetCharCallback(window, [](GLFWwindow* w, unsigned) { note_activity(w); });
  glfwSetWindowFocusCallback(window, [](GLFWwindow* w, int) { note_activity(w); });
  glfwSetWindowRefreshCallback(window, [](GLFWwindow* w) { note_activity(w); });
  glfwSetFramebufferSizeCallback(window, [](GLFWwindow* w, int, int) { note_activity(w); });
}

}  // namespace

struct Window::State {
  GlfwLibrary library;
  std::unique_ptr<GLFWwindow, WindowDeleter> window;
  std::unique_ptr<ImGuiOwner> imgui;
  Fonts fonts;
  float scale = 1;
  float opened_scale = 1;
  bool activity = true;
};

Window::Window(std::unique_ptr<State> state) : state_(std::move(state)) {}
Window::Window(Window&&) noexcept = default;
Window& Window::operator=(Window&&) noexcept = default;
Window::~Window() = default;

Result<Window> Window::open(int width, int height, float scale) {
  if (glfwInit() != GLFW_TRUE) return fail(0, "open a display: " + last_glfw_error(), kNoDisplay);
  auto state = std::make_unique<State>();
  glfwWindowHint(GLFW_CONTEXT_VERSION_MAJOR, 3);
  glfwWindowHint(GLFW_CONTEXT_VERSION_MINOR, 3);
  glfwWindowHint(GLFW_OPENGL_PROFILE, GLFW_OPENGL_CORE_PROFILE);
  glfwWindowHint(GLFW_DOUBLEBUFFER, GLFW_TRUE);
  state->window.reset(glfwCreateWindow(width, height, "Fanlight", nullptr, nullptr));
  if (!state->window)
    return fail(0, "open a window with OpenGL 3.3: " + last_glfw_error(),
                "install libgl1-mesa-dri, or draw in software: LIBGL_ALWAYS_SOFTWARE=1 fanlight-ui \u2026");
  GLFWwindow* window = state->window.get();
  glfwMakeContextCurrent(window);
  glfwSwapInterval(1);
  glfwSetWindowUserPointer(window, &state->activity);
  watch(window);
  float display_scale = 1;
  glfwGetWindowContentScale(window, &display_scale, nullptr);
  state->scale = state->opened_scale = scale * (display_scale > 0 ? display_scale : 1);

  IMGUI_CHECKVERSION();
  state->imgui = std::make_unique<ImGuiOwner>();
  ImGui::GetIO().IniFilename = nullptr;  // the arrangement is ours; nothing is written into the user's directory
  state->fonts = load_fonts(state->scale);
  ImGui::GetIO().FontDefault = state->fonts.of(Face::regular);
  apply_theme(state->scale);
  state->imgui->glfw = ImGui_ImplGlfw_InitForOpenGL(window, true);
  state->imgui->opengl = ImGui_ImplOpenGL3_Init("#version 330 core");
  if (!state->imgui->glfw || !state->imgui->opengl) return fail(0, "start drawing with OpenGL 3.3", kNoDisplay);
  return Window(std::move(state));
}

bool Window::wait(std::chrono::milliseconds longest) {
  if (longest.count() > 0)
    glfwWaitEventsTimeout(static_cast<double>(longest.count()) / 1000);
  else
    glfwPollEvents();
  return std::exchange(state_->activity, false);
}

bool Window::closed() const { return glfwWindowShouldClose(state_->window.get()) == GLFW_TRUE; }

void Window::begin_frame() {
  ImGui_ImplOpenGL3_NewFrame();
  ImGui_ImplGlfw_NewFrame();
  ImGui::NewFrame();
}

void Window::begin_frame(const std::optional<FakeMouse>& mouse) {
  ImGui_ImplOpenGL3_NewFrame();
  ImGui_ImplGlfw_NewFrame();
  ImGuiIO& io = ImGui::GetIO();
  io.MousePos = mouse ? ImVec2{mouse->x, mouse->y} : ImVec2{-FLT_MAX, -FLT_MAX};
  io.MouseDown[ImGuiMouseButton_Left] = mouse && mouse->down;
  io.MouseDown[ImGuiMouseButton_Right] = mouse && mouse->right_down;
  io.MouseWheel = mouse ? mouse->wheel : 0;
  ImGui::NewFrame();
}

void Window::render() {
  ImGui::Render();
  int width = 0, height = 0;
  glfwGetFramebufferSize(state_->window.get(), &width, &height);
  glViewport(0, 0, width, height);
  const ImVec4 background = vec(kBackground);
  glClearColor(background.x, background.y, background.z, 1);
  glClear(GL_COLOR_BUFFER_BIT);
  ImGui_ImplOpenGL3_RenderDrawData(ImGui::GetDrawData());
}

void Window::end_frame() {
  render();
  glfwSwapBuffers(state_->window.get());
}

Result<Picture> Window::end_frame_and_read() {
  render();
  Picture picture;
  glfwGetFramebufferSize(state_->window.get(), &picture.width, &picture.height);
  if (picture.width <= 0 || picture.height <= 0) return fail(0, "read the picture: the window has no area");
  const auto row = static_cast<std::size_t>(picture.width) * 3;
  picture.rgb.resize(row * static_cast<std::size_t>(picture.height));
  glPixelStorei(GL_PACK_ALIGNMENT, 1);
  glReadBuffer(GL_BACK);
  glReadPixels(0, 0, picture.width, picture.height, GL_RGB, GL_UNSIGNED_BYTE, picture.rgb.data());
  if (const GLenum error = glGetError(); error != GL_NO_ERROR)
    return fail(0, "read the picture: OpenGL error " + std::to_string(error));
  // OpenGL's first row is the lowest.
  for (int y = 0; y < picture.height / 2; ++y)
    std::swap_ranges(picture.rgb.begin() + static_cast<std::ptrdiff_t>(row) * y,
                     picture.rgb.begin() + static_cast<std::ptrdiff_t>(row) * (y + 1),
                     picture.rgb.begin() + static_cast<std::ptrdiff_t>(row) * (picture.height - 1 - y));
  glfwSwapBuffers(state_->window.get());
  return picture;
}

void Window::rescale(float times) {
  ImGui_ImplOpenGL3_DestroyFontsTexture();
  ImGui::GetIO().Fonts->Clear();
  state_->scale = state_->opened_scale * times;
  state_->fonts = load_fonts(state_->scale);
  ImGui::GetIO().FontDefault = state_->fonts.of(Face::regular);
  apply_theme(state_->scale);
  ImGui_ImplOpenGL3_CreateFontsTexture();
}

int Window::width() const { return static_cast<int>(ImGui::GetIO().DisplaySize.x); }
int Window::height() const { return static_cast<int>(ImGui::GetIO().DisplaySize.y); }
float Window::scale() const { return state_->scale; }
const Fonts& Window::fonts() const { return state_->fonts; }

void wake_window() { glfwPostEmptyEvent(); }

}  // namespace fanlight::ui
