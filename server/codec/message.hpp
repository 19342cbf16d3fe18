// A message, from its publisher to everyone. In: a payload. Out: its wire forms, each made once and shared.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>

#include "fanlight/labels.h"
#include "server/codec/envelope.hpp"
#include "server/codec/frame.hpp"

namespace fanlight::server::codec {

/// Frames made, by wire form. Threads: any.
using FormCounts = std::array<std::atomic<std::uint64_t>, kWires>;

/// Written by its publisher, then shared and constant but for the forms, which appear when first asked for. Comes from
/// a pool and returns there with the memory it has grown.
class Message {
 public:
  std::string topic;
  std::string payload;
  std::string event;  // its name; empty: none
  std::string key;    // a newer message with the same key replaces this one where a topic conflates; empty: never
  std::uint64_t id = 0;
  std::uint64_t published_ns = 0;
  fanlight_trace trace{};  // its publisher's, that of all work it causes; all zero: none
  PayloadCodec codec = PayloadCodec::raw;
  FormCounts* counts = nullptr;  // where forms are counted when made; outlives the message's making

  /// Made by whoever asks first; the others wait for it. Threads: any. Cost: a load, once it is there.
  const Encoded& form(Wire wire) const {
    const Encoded* made = forms_[index_of(wire)].load(std::memory_order_acquire);
    return made != nullptr ? *made : make(wire);
  }
  bool has_form(Wire wire) const { return forms_[index_of(wire)].load(std::memory_order_relaxed) != nullptr; }

  ~Message() { clear(); }
  /// Drops the forms. Only while nobody else holds it.
  void clear();

  mutable std::atomic<std::uint32_t> references = 0;

 private:
  const Encoded& make(Wire wire) const;

  mutable std::mutex making_;
  mutable std::array<std::atomic<const Encoded*>, kWires> forms_{};  // each holds a reference
};

void release(const Message& message);
memory::PoolReading message_pool();
inline void intrusive_ptr_add_ref(const Message* m) { m->references.fetch_add(1, std::memory_order_relaxed); }
inline void intrusive_ptr_release(const Message* m) {
  if (m->references.fetch_sub(1, std::memory_order_acq_rel) == 1) release(*m);
}

using MessagePtr = boost::intrusive_ptr<const Message>;
using NewMessage = boost::intrusive_ptr<Message>;

/// An empty one from the pool. Threads: any.
NewMessage new_message();

}  // namespace fanlight::server::codec
