#include "collector/inprocess/out_file.hpp"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "collector/inprocess/label_keys.hpp"

namespace fanlight::inprocess {
namespace {

/// Writes on at a place of a file, up to a bound.
class Text {
 public:
  Text(int file, std::uint64_t at) : file_(file), begin_(at), at_(at) {}
  void append(const char* bytes, std::size_t count) {
    while (count > 0 && at_ - begin_ + count <= kOutNoteBytes) {
      const ssize_t put = ::pwrite(file_, bytes, count, static_cast<off_t>(at_));
      if (put < 0 && errno == EINTR) continue;
      if (put <= 0) return;
      bytes += put;
      at_ += static_cast<std::uint64_t>(put);
      count -= static_cast<std::size_t>(put);
    }
  }
  std::uint64_t size() const { return at_ - begin_; }

 private:
  int file_;
  std::uint64_t begin_;
  std::uint64_t at_;
};

}  // namespace

int open_out_file() {
  const char* const path = std::getenv("FANLIGHT_OUT");
  if (path == nullptr || path[0] == '\0') return -1;
  return ::open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

void write_out_note(int file, std::uint64_t offset) {
  struct {
    std::uint64_t magic = kOutNoteMagic;
    std::uint64_t bytes = 0;
  } head;
  Text text(file, offset + sizeof head);
  const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
  if (maps >= 0) {
    char room[4096];
    for (;;) {
      const ssize_t got = ::read(maps, room, sizeof room);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) break;
      text.append(room, static_cast<std::size_t>(got));
    }
    ::close(maps);
  }
  text.append(kOutKeysLine, sizeof kOutKeysLine - 1);
  for (unsigned i = 0; const char* name = key_name(i); ++i) {
    text.append(name, std::strlen(name));
    text.append("\n", 1);
  }
  head.bytes = text.size();
  [[maybe_unused]] const ssize_t put = ::pwrite(file, &head, sizeof head, static_cast<off_t>(offset));
}

}  // namespace fanlight::inprocess
