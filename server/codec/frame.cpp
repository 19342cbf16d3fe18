#include "server/codec/frame.hpp"

#include <utility>

namespace fanlight::server::codec {
namespace {

constexpr std::size_t kPooled = 8192;
constexpr std::size_t kMaxPooledBytes = 16 * 1024;  // a rare giant must not stay

/// Never destroyed: frames held by statics outlive any order of destruction.
memory::Pool<Encoded>& pool() {
  static auto& frames = *new memory::Pool<Encoded>(kPooled);
  return frames;
}

}  // namespace

memory::PoolReading frame_pool() { return pool().reading(); }

void release(const Encoded& frame) {
  auto* mine = const_cast<Encoded*>(&frame);
  if (mine->storage.capacity() > kMaxPooledBytes) {
    delete mine;
    return;
  }
  pool().put(mine);
}

NewFrame new_frame(std::uint64_t published_ns) {
  Encoded* frame = pool().get();
  frame->storage.clear();
  frame->published_ns = published_ns;
  frame->begin = 0;
  frame->key = 0;
  frame->kind = Encoded::Kind::event;
  frame->trace = {};
  return NewFrame(frame);
}

Frame control_frame(std::string bytes) {
  NewFrame frame = new_frame();
  frame->storage = std::move(bytes);
  frame->kind = Encoded::Kind::control;
  return frame;
}

Frame event_frame(std::string bytes, std::uint64_t published_ns, std::uint32_t key) {
  NewFrame frame = new_frame(published_ns);
  frame->storage = std::move(bytes);
  frame->key = key;
  return frame;
}

}  // namespace fanlight::server::codec
