#include "collector/symbols/debuginfod.hpp"

#include <dlfcn.h>

#include <cstdlib>

namespace fanlight::symbols {
namespace {

// Loaded when it is needed and there: a machine without network has no use for it and for all that it brings.
struct Library {
  using Begin = void* (*)();
  using Find = int (*)(void*, const unsigned char*, int, char**);
  using End = void (*)(void*);
  using Progress = int (*)(void*, long, long);
  using SetProgress = void (*)(void*, Progress);
  using SetData = void (*)(void*, void*);
  using GetData = void* (*)(void*);
  void* handle = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
  Begin begin = handle ? reinterpret_cast<Begin>(::dlsym(handle, "debuginfod_begin")) : nullptr;
  Find find = handle ? reinterpret_cast<Find>(::dlsym(handle, "debuginfod_find_debuginfo")) : nullptr;
  End end = handle ? reinterpret_cast<End>(::dlsym(handle, "debuginfod_end")) : nullptr;
  SetProgress on_progress =
      handle ? reinterpret_cast<SetProgress>(::dlsym(handle, "debuginfod_set_progressfn")) : nullptr;
  SetData set_data = handle ? reinterpret_cast<SetData>(::dlsym(handle, "debuginfod_set_user_data")) : nullptr;
  GetData get_data = handle ? reinterpret_cast<GetData>(::dlsym(handle, "debuginfod_get_user_data")) : nullptr;
  bool usable() const {
    return begin != nullptr && find != nullptr && end != nullptr && on_progress != nullptr && set_data != nullptr &&
           get_data != nullptr;
  }
};

const Library& library() {
  static const Library loaded;
  return loaded;
}

/// Called several times a second while a server is asked; anything but 0 ends that.
int end_when_stopped(void* client, long, long) {
  const auto* const stop = static_cast<const std::atomic<bool>*>(library().get_data(client));
  return stop->load(std::memory_order_relaxed) ? 1 : 0;
}

}  // namespace

Result<Fd> fetch_debug_file(const std::string& build_id, const std::atomic<bool>& stop) {
  const char* const servers = std::getenv("DEBUGINFOD_URLS");
  if (servers == nullptr || *servers == '\0') return fail(0, "DEBUGINFOD_URLS names no server");
  if (!library().usable()) return fail(0, "libdebuginfod.so.1 is not installed", "apt-get install libdebuginfod1");
  void* const client = library().begin();
  if (client == nullptr) return fail(0, "debuginfod cannot start");
  library().set_data(client, const_cast<std::atomic<bool>*>(&stop));
  library().on_progress(client, end_when_stopped);
  // A length of 0 says that the build-id is text.
  Fd file{library().find(client, reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, nullptr)};
  library().end(client);
  if (stop.load(std::memory_order_relaxed)) return fail(0, "stopped");
  if (!file) return fail(0, "no debuginfod server has " + build_id);
  return file;
}

}  // namespace fanlight::symbols
