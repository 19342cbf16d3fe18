#include "server/hub/hub.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "server/hub/stages.hpp"

namespace fanlight::server::hub {

Hub::Hub(const HubOptions& options)
    : codec_(options.codec),
      remembers_(options.policies.common.history_messages > 0),
      topics_(options.policies, options.max_topics),
      slots_(std::clamp(options.workers, 1u, PerCoreRegistry::kMostWorkers), options.slots),
      registry_((*options.designs)[options.registry](std::clamp(options.workers, 1u, PerCoreRegistry::kMostWorkers),
                                                     options.shards)),
      dispatcher_((*options.designs)[options.dispatch]()) {
  for (unsigned i = 0; i < std::clamp(options.workers, 1u, PerCoreRegistry::kMostWorkers); ++i) {
    WorkerOptions worker = options.worker;
    worker.cpu = options.pin ? static_cast<int>(i) : -1;
    workers_.push_back(std::make_unique<Worker>(i, worker, *registry_, topics_, published_));
  }
}

Hub::~Hub() { dispatcher_->stop(); }

Receipt Hub::publish(const Post& post) {
  const AtStage stage(Stage::enqueue);
  const ForMessage labels(post.topic, post.trace);
  codec::NewMessage message = codec::new_message();
  message->topic = post.topic;
  message->payload = post.payload;
  message->event = post.event;
  message->key = post.key;
  message->published_ns = post.published_ns;
  message->trace = post.trace;
  message->codec = codec_;
  message->counts = &encoded_;
  messages_.fetch_add(1, std::memory_order_relaxed);
  bytes_.fetch_add(post.payload.size(), std::memory_order_relaxed);
  published_.publishes.add();

  for (;;) {
    TopicPtr topic = topics_.find(post.topic);
    if (!topic && remembers_) {
      if (auto made = topics_.obtain(post.topic, false)) topic = std::move(*made);
    }
    if (!topic) return {.id = topics_.nobody_id()};
    Receipt receipt;
    std::uint64_t to_wake = 0;
    {
      const std::scoped_lock lock(topic->publishing);
      if (topic->forgotten) continue;
      receipt = {.id = ++topic->last_id, .subscribers = topic->subscribers.load(std::memory_order_relaxed)};
      for (const Group& group : topic->groups) receipt.subscribers -= group.size() - 1;
      // Before anybody can take it: whoever looks meanwhile finds it waiting, never delivered unasked.
      addressed_.fetch_add(receipt.subscribers, std::memory_order_relaxed);
      message->id = receipt.id;
      const codec::MessagePtr shared = message;
      topic->history.add(shared);
      const auto leave_with = [&](unsigned worker, SessionListPtr sessions) {
        workers_[worker]->push({.message = shared, .topic = topic, .sessions = std::move(sessions)});
        to_wake |= std::uint64_t{1} << worker;
      };
      registry_->lookup(*topic, leave_with);
      for (Group& group : topic->groups) {
        const Group::Member* member = group.pick(post.key, receipt.id);
        if (member == nullptr) continue;
        auto one = new_session_list();
        one->sessions.push_back(member->session);
        leave_with(member->worker, SessionListPtr(std::move(one)));
      }
    }
    for (; to_wake != 0; to_wake &= to_wake - 1) workers_[static_cast<std::size_t>(std::countr_zero(to_wake))]->wake();
    return receipt;
  }
}

void Hub::submit(std::string topic, std::string payload, std::string event, std::string key, std::uint64_t published_ns,
                 const fanlight_trace& trace, std::move_only_function<void(Receipt)> done) {
  dispatcher_->run([this, topic = std::move(topic), payload = std::move(payload), event = std::move(event),
                    key = std::move(key), published_ns, trace, done = std::move(done)]() mutable {
    done(publish({.topic = topic,
                  .payload = payload,
                  .event = event,
                  .key = key,
                  .published_ns = published_ns,
                  .trace = trace}));
  });
}

PublishReading Hub::published() const {
  PublishReading reading;
  reading.messages = messages_.load(std::memory_order_relaxed);
  reading.bytes = bytes_.load(std::memory_order_relaxed);
  reading.addressed = addressed_.load(std::memory_order_relaxed);
  for (std::size_t i = 0; i < codec::kWires; ++i) reading.encoded[i] = encoded_[i].load(std::memory_order_relaxed);
  return reading;
}

}  // namespace fanlight::server::hub
