// Labels for C++: what a thread works on while a scope lasts. In: key, value. Out: see labels.h, which says what all
// this costs and promises.
#pragma once

#include <memory>
#include <string_view>

#include "fanlight/labels.h"

namespace fanlight::inprocess {

/// A key that is looked up once: `static const LabelKey kTopic{"topic"};`
class LabelKey {
 public:
  explicit LabelKey(const char* name) : index_(fanlight_label_key(name)) {}
  unsigned index() const { return index_; }

 private:
  unsigned index_;
};

/// On the calling thread until destroyed: `fanlight::Label topic{"topic", name};`
class Label {
 public:
  Label(const char* key, std::string_view value) : Label(fanlight_label_key(key), value) {}
  Label(LabelKey key, std::string_view value) : Label(key.index(), value) {}
  ~Label() { fanlight_label_pop(mark_); }
  Label(const Label&) = delete;
  Label& operator=(const Label&) = delete;

 private:
  Label(unsigned key, std::string_view value) : mark_(fanlight_label_push(key, value.data(), value.size())) {}
  fanlight_label_mark mark_;
};

/// The trace that the calling thread works for, until destroyed. Spans and samples in between carry it.
class TraceScope {
 public:
  explicit TraceScope(const fanlight_trace& trace) : before_(fanlight_trace_set(trace)) {}
  /// Of a `traceparent` header; one that cannot be read is none.
  explicit TraceScope(std::string_view traceparent) : before_(fanlight_trace_set(read(traceparent))) {}
  ~TraceScope() { fanlight_trace_set(before_); }
  TraceScope(const TraceScope&) = delete;
  TraceScope& operator=(const TraceScope&) = delete;

 private:
  static fanlight_trace read(std::string_view traceparent) {
    fanlight_trace trace;
    fanlight_trace_parse(traceparent.data(), traceparent.size(), &trace);
    return trace;
  }
  fanlight_trace before_;
};

/// Labels and trace of a thread at one moment, to be taken up by another. Copies share. Cost: `take` allocates, unless
/// the thread has neither.
class LabelSnapshot {
 public:
  LabelSnapshot() = default;
  static LabelSnapshot take() {
    fanlight_thread_context now;
    const std::size_t bytes = fanlight_context_save(&now);
    LabelSnapshot snapshot;
    if (bytes == 0) return snapshot;
    snapshot.record_ = std::make_shared<fanlight_thread_context>(now);
    snapshot.bytes_ = bytes;
    return snapshot;
  }
  void install() const { fanlight_context_install(record_.get(), bytes_); }
  bool empty() const { return bytes_ == 0; }
  bool operator==(const LabelSnapshot& other) const { return record_ == other.record_; }

 private:
  std::shared_ptr<const fanlight_thread_context> record_;
  std::size_t bytes_ = 0;
};

/// Another's labels on the calling thread until destroyed; then its own again, as they were.
class LabelsOf {
 public:
  explicit LabelsOf(const LabelSnapshot& snapshot) : own_bytes_(fanlight_context_save(&own_)) { snapshot.install(); }
  ~LabelsOf() { fanlight_context_install(&own_, own_bytes_); }
  LabelsOf(const LabelsOf&) = delete;
  LabelsOf& operator=(const LabelsOf&) = delete;

 private:
  fanlight_thread_context own_;
  std::size_t own_bytes_;
};

}  // namespace fanlight::inprocess
