// A screen for one test, and what the dashboard left there. In: Xvfb. Out: pictures and widgets as values.
#pragma once

#include <png.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <boost/json.hpp>

#include "tests/child.hpp"

namespace fanlight::ui::testing {

/// Xvfb on a display number that it chose itself; killed by pid with the test.
class Screen {
 public:
  Screen() : xvfb_({"Xvfb", "-displayfd", "1", "-screen", "0", "1920x1080x24", "-nolisten", "tcp"}) {
    for (int i = 0; i < 2000 && xvfb_.running(); ++i) {
      const std::string number = xvfb_.out();
      if (!number.empty() && number.back() == '\n') {
        display_ = ":" + number.substr(0, number.size() - 1);
        return;
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
  bool works() const { return !display_.empty(); }
  std::string why() const { return xvfb_.err(); }

  /// The dashboard's command line on this screen, drawn in software.
  std::vector<std::string> command(std::vector<std::string> arguments) const {
    // Mesa's driver leaks 240 bytes of its own before it is unloaded; that is not for us to judge in sanitized builds.
    std::vector<std::string> words{"env", "DISPLAY=" + display_, "LIBGL_ALWAYS_SOFTWARE=1",
                                   "ASAN_OPTIONS=detect_leaks=0", FANLIGHT_UI};
    words.insert(words.end(), arguments.begin(), arguments.end());
    return words;
  }

 private:
  fanlight::testing::Child xvfb_;
  std::string display_;
};

struct Shot {
  unsigned width = 0, height = 0;
  std::vector<std::uint8_t> rgb;
  std::size_t colours() const {
    std::set<std::uint32_t> seen;
    for (std::size_t i = 0; i + 2 < rgb.size(); i += 3) seen.insert(rgb[i] << 16u | rgb[i + 1] << 8u | rgb[i + 2]);
    return seen.size();
  }
};

/// Width 0 when the file is no PNG.
inline Shot read_png(const std::string& path) {
  Shot shot;
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  if (png_image_begin_read_from_file(&image, path.c_str()) == 0) return shot;
  image.format = PNG_FORMAT_RGB;
  shot.rgb.resize(PNG_IMAGE_SIZE(image));
  if (png_image_finish_read(&image, nullptr, shot.rgb.data(), 0, nullptr) == 0) return {};
  shot.width = image.width;
  shot.height = image.height;
  return shot;
}

inline boost::json::object read_widgets(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  boost::system::error_code malformed;
  const boost::json::value value = boost::json::parse(text.str(), malformed);
  return malformed || !value.is_object() ? boost::json::object{} : value.as_object();
}

/// How wide the widest box of this name is, as a share of the box that it lies under. 0: there is no such box.
inline double share_of_parent(const boost::json::object& widgets, std::string_view name) {
  double widest = 0, share = 0;
  const boost::json::array& boxes = widgets.at("flame").as_array();
  for (const boost::json::value& box : boxes) {
    const boost::json::string& found = box.at("name").as_string();
    if (std::string_view(found).find(name) != 0 || box.at("merged").as_bool()) continue;
    const std::int64_t parent = box.at("parent").as_int64();
    const double width = box.at("w").to_number<double>();
    if (parent < 0 || width <= widest) continue;
    widest = width;
    share = width / boxes.at(static_cast<std::size_t>(parent)).at("w").to_number<double>();
  }
  return share;
}

}  // namespace fanlight::ui::testing
