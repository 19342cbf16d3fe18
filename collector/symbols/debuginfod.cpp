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
  void* handle = ::dlopen("libdebuginfod.so.1", RTLD_NOW | RTLD_LOCAL);
  Begin begin = handle ? reinterpret_cast<Begin>(::dlsym(handle, "debuginfod_begin")) : nullptr;
  Find find = handle ? reinterpret_cast<Find>(::dlsym(handle, "debuginfod_find_debuginfo")) : nullptr;
  End end = handle ? reinterpret_cast<End>(::dlsym(handle, "debuginfod_end")) : nullptr;
};

}  // namespace

Result<Fd> fetch_debug_file(const std::string& build_id) {
  const char* const servers = std::getenv("DEBUGINFOD_URLS");
  if (servers == nullptr || *servers == '\0') return fail(0, "DEBUGINFOD_URLS names no server");
  static const Library library;
  if (library.begin == nullptr || library.find == nullptr || library.end == nullptr)
    return fail(0, "libdebuginfod.so.1 is not installed", "apt-get install libdebuginfod1");
  void* const client = library.begin();
  if (client == nullptr) return fail(0, "debuginfod cannot start");
  // A length of 0 says that the build-id is text.
  Fd file{library.find(client, reinterpret_cast<const unsigned char*>(build_id.c_str()), 0, nullptr)};
  library.end(client);
  if (!file) return fail(0, "no debuginfod server has " + build_id);
  return file;
}

}  // namespace fanlight::symbols
