// What the server says of its work to profilers: stage, topic and class of connection, as labels of the thread. In: the
// work at hand. Out: labels while a scope lasts (fanlight/labels.h); 10 ns each.
#pragma once

#include <optional>
#include <string_view>

#include "fanlight/label.hpp"
#include "server/codec/message.hpp"

namespace fanlight::server::hub {

inline const inprocess::LabelKey kStageKey{"stage"};
inline const inprocess::LabelKey kTopicKey{"topic"};
inline const inprocess::LabelKey kClassKey{"connection"};

enum class Stage : std::uint8_t { accept, parse, enqueue, encode, send, flush };

/// The calling thread is at that stage until the end of the scope.
class AtStage {
 public:
  explicit AtStage(Stage stage) : label_(kStageKey, kNames[static_cast<std::size_t>(stage)]) {}

 private:
  static constexpr std::string_view kNames[] = {"accept", "parse", "enqueue", "encode", "send", "flush"};
  inprocess::Label label_;
};

/// It works for that topic, and for the trace that a publisher named.
class ForMessage {
 public:
  ForMessage(std::string_view topic, const fanlight_trace& trace) : topic_(kTopicKey, topic) {
    if (trace.span_id[0] != 0 || trace.span_id[7] != 0 || trace.trace_id[15] != 0 || trace.trace_id[0] != 0)
      trace_.emplace(trace);
  }

 private:
  inprocess::Label topic_;
  std::optional<inprocess::TraceScope> trace_;
};

/// The class of the connection that is being served; where neighbours are of one class, one label serves them all.
class ForConnection {
 public:
  void become(codec::Wire wire) {
    if (class_ && wire == wire_) return;
    wire_ = wire;
    class_.reset();
    class_.emplace(kClassKey, codec::name_of(wire));
  }

 private:
  codec::Wire wire_ = codec::Wire::sse;
  std::optional<inprocess::Label> class_;
};

/// The message's form for that wire, made now if nobody has asked for it before.
inline const codec::Encoded& encoded(const codec::Message& message, codec::Wire wire) {
  if (message.has_form(wire)) [[likely]]
    return message.form(wire);
  const AtStage stage(Stage::encode);
  return message.form(wire);
}

}  // namespace fanlight::server::hub
