#include "server/net/server.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <future>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "core/clock.hpp"
#include "server/hub/stages.hpp"
#include "server/net/listener.hpp"
#include "server/net/tls.hpp"

namespace fanlight::server::net {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr std::size_t kMaxRefusals = 64;  // told why at one time; beyond them connections just close
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kStopPoll{5};
constexpr std::size_t kFullest = 10;  // outboxes that /admin shows per worker

hub::HubOptions hub_options(const Options& options) {
  hub::HubOptions hub;
  hub.workers = options.workers == 0 ? default_workers() : options.workers;
  hub.max_topics = options.max_topics;
  hub.policies.common = {.slow = options.slow_client,
                         .outbox_frames = static_cast<std::uint32_t>(options.outbox_frames),
                         .outbox_bytes = static_cast<std::uint32_t>(options.outbox_bytes),
                         .max_age = options.max_age,
                         .history_messages = static_cast<std::uint32_t>(options.history_messages),
                         .history_bytes = static_cast<std::uint32_t>(options.history_bytes)};
  hub.policies.rules = options.slow_rules;
  hub.designs = options.designs;
  hub.registry = options.registry;
  hub.shards = options.shards;
  hub.dispatch = options.dispatch;
  hub.codec = options.codec;
  hub.slots = options.slots;
  hub.pin = options.pin;
  hub.worker = {.limits = {.heartbeat = options.heartbeat, .pong_window = options.pong_window},
                .queue = options.queue,
                .inbox_messages = options.inbox_messages,
                .edge_triggered = options.edge_triggered,
                .flush_slice = options.flush_slice,
                .send = options.send};
  return hub;
}

std::string_view key_of(const sockaddr_storage& peer) {
  if (peer.ss_family == AF_INET6) {
    const auto& in6 = reinterpret_cast<const sockaddr_in6&>(peer);
    return {reinterpret_cast<const char*>(&in6.sin6_addr), sizeof in6.sin6_addr};
  }
  const auto& in = reinterpret_cast<const sockaddr_in&>(peer);
  return {reinterpret_cast<const char*>(&in.sin_addr), sizeof in.sin_addr};
}

}  // namespace

struct Server::State {
  explicit State(const Options& options_in) : options(options_in), limits(options.limits()), hub(hub_options(options)) {
    if (options.origin) {
      snapshots = std::make_unique<Snapshots>(options.snapshots, [origin = *options.origin](const std::string& topic) {
        return fetch_state(origin, topic);
      });
    }
    const Office office{.options = options,
                        .stopping = stopping,
                        .snapshots = snapshots.get(),
                        .page = [this](hub::Worker& asker, Endpoint page, std::function<void(std::string)> done) {
                          collect(asker, page, std::move(done));
                        }};
    for (std::size_t i = 0; i < hub.workers(); ++i) {
      desks.push_back(std::make_unique<Desk>(hub, hub.worker(i), office));
      hub.worker(i).set_reception(*desks.back());
    }
  }
  ~State() { halt(); }

  void halt() {
    for (std::size_t i = 0; i < hub.workers(); ++i) hub.worker(i).post([&worker = hub.worker(i)] { worker.finish(); });
    for (std::thread& thread : threads) thread.join();
    threads.clear();
    hub.dispatcher().stop();
    // What publishers left with a worker that had finished already.
    for (std::size_t i = 0; i < hub.workers(); ++i) hub.worker(i).end_all();
  }

  void accept_some();
  void pause_accepting();
  void admit(Fd socket, const sockaddr_storage& peer);
  void collect(hub::Worker& asker, Endpoint page, std::function<void(std::string)> done);
  void adapt_every_second();
  void deal_slots();
  void complete(Reading& total);
  /// Runs `task(Desk&)` on every worker and waits for all.
  template <class Task>
  void on_each(Task task);
  static void add(Reading& total, Desk& desk) {
    total.workers.add(desk.worker().reading());
    total.desks.add(desk.counts);
  }

  const Options options;
  Limits limits;                // the accepting thread's copy
  limits::Addresses addresses;  // before the hub: sessions hold some
  std::atomic<bool> stopping = false;
  hub::Hub hub;
  std::vector<std::unique_ptr<Desk>> desks;
  std::unique_ptr<Snapshots> snapshots;  // after the desks, which its threads answer
  SslContextPtr tls;
  Listener listener;
  std::size_t turn = 0;
  std::vector<std::thread> threads;
  std::uint64_t messages_before = 0;
  std::atomic<std::uint64_t> publishes_last_second = 0;
};

void Server::State::accept_some() {
  const hub::AtStage stage(hub::Stage::accept);
  // One listener, not one per worker with SO_REUSEPORT: the kernel's hash would spread subscribers unevenly, and a
  // second server on the same port would go unnoticed.
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    sockaddr_storage peer{};
    Fd socket = accept_one(listener.socket.get(), peer);
    if (!socket) {
      if (errno == EAGAIN || errno == EWOULDBLOCK) return;
      if (errno == EINTR || errno == ECONNABORTED) continue;
      ++desks.front()->counts.accept_errors;
      return pause_accepting();
    }
    ++desks.front()->counts.accepted;
    admit(std::move(socket), peer);
  }
}

void Server::State::pause_accepting() {
  // Out of descriptors, most likely: the listener stays readable, and asking it again at once would burn the CPU.
  hub::Worker& own = hub.worker(0);
  own.unwatch(listener.socket.get());
  own.after(kAcceptPause, [this] {
    if (listener.socket) hub.worker(0).watch(listener.socket.get(), [this] { accept_some(); });
  });
}

void Server::State::admit(Fd socket, const sockaddr_storage& peer) {
  Desk& front = *desks.front();
  limits::Address* address = nullptr;
  const std::uint64_t now = monotonic_ns();
  const auto verdict = addresses.admit(peer, limits.address, now, address);
  struct Objection {
    Refusal cause;
    std::uint64_t DeskReading::* count;
    const char* error;
    const char* hint;
  };
  const Objection* objection = nullptr;
  static constexpr Objection kTooMany{Refusal::max_per_address, &DeskReading::refused_address,
                                      "this address has as many connections as it may have",
                                      "close some, or raise --max-per-address"};
  static constexpr Objection kTooFast{Refusal::accept_rate, &DeskReading::refused_rate,
                                      "this address connects too fast", "wait a little, or raise --accept-rate"};
  static constexpr Objection kFull{Refusal::max_connections, &DeskReading::refused,
                                   "as many connections as may be are open",
                                   "try again later, or raise --max-connections"};
  if (verdict == limits::Addresses::Verdict::too_many) {
    objection = &kTooMany;
  } else if (verdict == limits::Addresses::Verdict::too_fast) {
    objection = &kTooFast;
  } else if (hub.open_connections() >= options.max_connections) {
    objection = &kFull;
  }
  if (objection != nullptr) {
    ++(front.counts.*objection->count);
    // Over TLS nothing can be said before a handshake, which costs more than a refusal may.
    if (tls || hub.open_connections() >= options.max_connections + kMaxRefusals) {
      if (address != nullptr) address->release(now);
      return;
    }
  }
  std::size_t which = turn++ % desks.size();
  if (options.affinity == Affinity::address) which = hub.slots().owner_of_key(key_of(peer)) % desks.size();
  const auto deadline = static_cast<std::uint32_t>(options.request_deadline.count());
  auto settle = [this, address, deadline, objection](Desk& desk, Fd connection, hub::Ticket ticket) {
    hub::SslPtr ssl = tls ? begin_tls(*tls, connection.get()) : nullptr;
    if (tls && !ssl) {
      ++desk.counts.tls_failures;
      if (address != nullptr) address->release(monotonic_ns());
      return;
    }
    desk.retry.accepted(monotonic_ns());
    hub::Session& session =
        desk.worker().adopt(std::move(connection), std::move(ticket), std::move(ssl), address, deadline);
    if (objection != nullptr) desk.refuse(session, objection->cause, objection->error, objection->hint);
  };
  Desk& desk = *desks[which];
  if (which == 0) return settle(desk, std::move(socket), hub.ticket());
  desk.worker().post([settle, &desk, connection = std::move(socket), ticket = hub.ticket()]() mutable {
    settle(desk, std::move(connection), std::move(ticket));
  });
}

void Server::State::complete(Reading& total) {
  total.published = hub.published();
  total.publishes_last_second = publishes_last_second.load();
  total.registry = hub.registry();
  total.dispatch = hub.dispatcher().reading();
  total.frames = codec::frame_pool();
  total.topics = hub.topics().active();
  total.topics_remembered = hub.topics().remembered();
  if (snapshots) total.snapshots = snapshots->reading();
}

void Server::State::collect(hub::Worker& asker, Endpoint page, std::function<void(std::string)> done) {
  struct Gathering {
    std::mutex mutex;
    Reading total;
    std::vector<WorkerOutline> workers;
    std::size_t missing;
  };
  auto gathering = std::make_shared<Gathering>();
  gathering->missing = desks.size();
  for (const auto& each : desks) {
    // Each part is taken on the thread that owns it; the last one writes the page.
    each->worker().post([this, gathering, &asker, page, done, &desk = *each] {
      WorkerOutline outline{.index = desk.worker().index(), .reading = desk.worker().reading()};
      if (page == Endpoint::admin) outline.outboxes = desk.worker().fullest(kFullest);
      const std::scoped_lock lock(gathering->mutex);
      gathering->total.workers.add(outline.reading);
      gathering->total.desks.add(desk.counts);
      gathering->workers.push_back(std::move(outline));
      if (--gathering->missing > 0) return;
      complete(gathering->total);
      std::ranges::sort(gathering->workers, {}, &WorkerOutline::index);
      std::string body = page == Endpoint::metrics ? metrics_text(gathering->total)
                                                   : admin_json(gathering->total, gathering->workers, hub);
      asker.post([done, text = std::move(body)]() mutable { done(std::move(text)); });
    });
  }
}

void Server::State::adapt_every_second() {
  hub::Worker& own = hub.worker(0);
  const std::uint64_t messages = hub.published().messages;
  const double p95_ms = own.recent_p95_ns() / 1e6;
  publishes_last_second = messages - std::exchange(messages_before, messages);
  hub.adapt(static_cast<double>(publishes_last_second.load()), p95_ms);
  own.after(std::chrono::seconds(1), [this] { adapt_every_second(); });
}

void Server::State::deal_slots() {
  hub::Slots& slots = hub.slots();
  for (std::size_t slot = 0; slot < slots.size(); ++slot)
    slots.remap(slot, static_cast<unsigned>(slot % hub.workers()));
  for (const SlotOwner& each : limits.slot_owners) {
    if (each.slot < slots.size()) slots.remap(each.slot, each.worker % static_cast<unsigned>(hub.workers()));
  }
}

template <class Task>
void Server::State::on_each(Task task) {
  std::vector<std::future<void>> done;
  for (const auto& desk : desks) {
    std::packaged_task<void()> packaged([&task, &desk] { task(*desk); });
    done.push_back(packaged.get_future());
    desk->worker().post([run = std::move(packaged)]() mutable { run(); });
  }
  for (std::future<void>& each : done) each.get();
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

std::uint16_t Server::port() const { return state_->listener.port; }

Result<Server> Server::start(const Options& options) {
  auto listener = listen_on(options.address, options.port);
  if (!listener) return std::unexpected(std::move(listener.error()));
  if (options.send == hub::SendMode::uring) {
    if (auto works = hub::SendRing::try_out(); !works) return std::unexpected(std::move(works.error()));
  }
  auto state = std::make_unique<State>(options);
  state->listener = std::move(*listener);
  if (!options.certificate.empty()) {
    auto tls = make_tls(options.certificate, options.key);
    if (!tls) return std::unexpected(std::move(tls.error()));
    state->tls = std::move(*tls);
  }
  state->deal_slots();
  state->hub.worker(0).watch(state->listener.socket.get(), [raw = state.get()] { raw->accept_some(); });
  state->hub.worker(0).after(std::chrono::seconds(1), [raw = state.get()] { raw->adapt_every_second(); });
  try {
    for (std::size_t i = 0; i < state->hub.workers(); ++i) {
      state->threads.emplace_back([&worker = state->hub.worker(i)] { worker.run(); });
    }
  } catch (const std::system_error& failure) {
    return fail(failure.code().value(), "start worker " + std::to_string(state->threads.size()), "lower --workers");
  }
  return Server(std::move(state));
}

void Server::set_limits(const Limits& limits) {
  state_->on_each([&](Desk& desk) {
    if (&desk == state_->desks.front().get()) {
      state_->limits = limits;
      state_->deal_slots();
    }
    desk.set_limits(limits);
  });
}

Reading Server::reading() {
  Reading total;
  if (state_->threads.empty()) {
    for (const auto& desk : state_->desks) State::add(total, *desk);
  } else {
    std::mutex adding;
    state_->on_each([&](Desk& desk) {
      const std::scoped_lock lock(adding);
      State::add(total, desk);
    });
  }
  state_->complete(total);
  return total;
}

Reading Server::stop() {
  const auto deadline = std::chrono::steady_clock::now() + state_->options.drain;
  state_->stopping = true;
  state_->on_each([this](Desk& desk) {
    if (&desk == state_->desks.front().get()) {
      desk.worker().unwatch(state_->listener.socket.get());
      state_->listener.socket.reset();
    }
    desk.begin_drain();
  });
  while (state_->hub.open_connections() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kStopPoll);
  }
  state_->halt();
  return reading();
}

}  // namespace fanlight::server::net
