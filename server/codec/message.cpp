#include "server/codec/message.hpp"

#include <functional>

#include "server/codec/base64.hpp"
#include "server/codec/deflate.hpp"
#include "server/codec/sse.hpp"
#include "server/codec/utf8.hpp"
#include "server/codec/websocket.hpp"

namespace fanlight::server::codec {
namespace {

constexpr std::size_t kPooled = 4096;
constexpr std::size_t kMaxPooledBytes = 16 * 1024;

memory::Pool<Message>& pool() {
  static auto& messages = *new memory::Pool<Message>(kPooled);
  return messages;
}

Envelope envelope_of(const Message& message) {
  return {
      .topic = message.topic, .id = message.id, .data = message.payload, .event = message.event, .key = message.key};
}

void append_sse_form(std::string& out, const Message& message) {
  if (message.codec == PayloadCodec::raw) return append_sse(out, message.id, message.event, message.payload);
  thread_local std::string enveloped;
  enveloped.clear();
  append_envelope(enveloped, message.codec, envelope_of(message));
  // An event stream is text: what is not, travels as base64.
  append_sse(out, message.id, message.event, is_text(message.codec) ? enveloped : to_base64(enveloped));
}

void append_websocket_form(std::string& out, const Message& message, PayloadCodec codec, bool compress) {
  thread_local std::string enveloped;
  std::string_view payload = message.payload;
  if (codec != PayloadCodec::raw) {
    enveloped.clear();
    append_envelope(enveloped, codec, envelope_of(message));
    payload = enveloped;
  }
  const bool text = codec == PayloadCodec::raw ? is_utf8(payload) : is_text(codec);
  const Opcode opcode = text ? Opcode::text : Opcode::binary;
  if (compress) return append_deflated_websocket(out, opcode, payload);
  append_websocket(out, opcode, payload);
}

PayloadCodec codec_of(Wire wire, const Message& message) {
  switch (wire) {
    case Wire::json:
    case Wire::json_deflate: return PayloadCodec::json;
    case Wire::msgpack:
    case Wire::msgpack_deflate: return PayloadCodec::msgpack;
    case Wire::protobuf:
    case Wire::protobuf_deflate: return PayloadCodec::protobuf;
    default: return message.codec;
  }
}

}  // namespace

const Encoded& Message::make(Wire wire) const {
  const std::scoped_lock lock(making_);
  auto& slot = forms_[index_of(wire)];
  if (const Encoded* made = slot.load(std::memory_order_acquire)) return *made;
  NewFrame frame = new_frame(published_ns);
  frame->trace = trace;
  frame->key = key.empty() ? 0 : static_cast<std::uint32_t>(std::hash<std::string_view>()(key) | 1u);
  if (wire == Wire::sse) {
    append_sse_form(frame->storage, *this);
  } else if (wire == Wire::sse_gzip) {
    thread_local std::string plain;
    plain.clear();
    append_sse_form(plain, *this);
    append_deflated(frame->storage, plain);
  } else {
    append_websocket_form(frame->storage, *this, codec_of(wire, *this), is_deflated(wire));
  }
  if (counts != nullptr) (*counts)[index_of(wire)].fetch_add(1, std::memory_order_relaxed);
  const Encoded* made = frame.detach();
  slot.store(made, std::memory_order_release);
  return *made;
}

void Message::clear() {
  for (auto& form : forms_) {
    if (const Encoded* made = form.exchange(nullptr, std::memory_order_relaxed)) intrusive_ptr_release(made);
  }
}

void release(const Message& message) {
  auto* mine = const_cast<Message*>(&message);
  mine->clear();
  if (mine->payload.capacity() > kMaxPooledBytes) {
    delete mine;
    return;
  }
  pool().put(mine);
}

memory::PoolReading message_pool() { return pool().reading(); }

NewMessage new_message() {
  Message* message = pool().get();
  message->topic.clear();
  message->payload.clear();
  message->event.clear();
  message->key.clear();
  message->id = 0;
  message->published_ns = 0;
  message->trace = {};
  message->codec = PayloadCodec::raw;
  message->counts = nullptr;
  return NewMessage(message);
}

}  // namespace fanlight::server::codec
