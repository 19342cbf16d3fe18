#include <png.h>

#include <cerrno>
#include <cstdio>
#include <memory>

#include "ui/app/window.hpp"

namespace fanlight::ui {

Result<> write_png(const std::string& path, const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB;
  errno = 0;
  if (png_image_write_to_file(&image, path.c_str(), 0, picture.rgb.data(), 0, nullptr) != 0) return {};
  return fail(errno, "write " + path + (errno == 0 ? std::string(": ") + image.message : ""),
              "is the directory there, and may you write to it?");
}

}  // namespace fanlight::ui
