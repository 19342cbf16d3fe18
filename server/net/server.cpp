#include "server/net/server.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

#include "server/net/connection.hpp"

namespace fanlight::server::net {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kAsResult = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxRefusals = 64;  // told why at one time; beyond them connections just close
constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr std::chrono::milliseconds kStopPoll{5};

hub::HubOptions hub_options(const Options& options) {
  const unsigned cores = std::max(std::thread::hardware_concurrency(), 1u);
  return {.workers = options.workers == 0 ? cores : options.workers,
          .max_topics = options.max_topics,
          .worker = {.outbox_frames = options.outbox_frames, .heartbeat = options.heartbeat}};
}

}  // namespace

struct Server::State {
  explicit State(const Options& options_in) : options(options_in), hub(hub_options(options)) {
    for (std::size_t i = 0; i < hub.workers(); ++i) {
      desks.push_back(std::make_unique<Desk>(Desk{.hub = hub,
                                                  .worker = hub.worker(i),
                                                  .options = options,
                                                  .metrics_page = [this] { return metrics_page(); },
                                                  .counts = {},
                                                  .idle = {}}));
    }
  }
  ~State() {
    for (std::size_t i = 0; i < hub.workers(); ++i) hub.worker(i).context().stop();
    for (std::thread& thread : threads) thread.join();
  }

  asio::awaitable<void> accept_all();
  void admit(Desk& desk, tcp::socket socket);
  asio::awaitable<std::string> metrics_page();
  /// Runs `task(Desk&)` on every worker and waits for all.
  template <class Task>
  void on_each(Task task);
  void add(Reading& total, const Desk& desk) const {
    total.workers.add(desk.worker.reading());
    total.desks.add(desk.counts);
  }

  const Options options;
  hub::Hub hub;
  std::vector<std::unique_ptr<Desk>> desks;
  tcp::acceptor acceptor{hub.worker(0).context()};
  std::uint16_t port = 0;
  std::atomic<std::size_t> refusals = 0;
  std::vector<std::thread> threads;
};

asio::awaitable<void> Server::State::accept_all() {
  // One listener, not one per worker with SO_REUSEPORT: the kernel's hash would spread subscribers unevenly, and a
  // second server on the same port would go unnoticed.
  Desk& own = *desks.front();
  for (std::size_t turn = 0;; turn = (turn + 1) % desks.size()) {
    Desk& desk = *desks[turn];
    tcp::socket socket(desk.worker.context());
    const auto [error] = co_await acceptor.async_accept(socket, kAsResult);
    if (!acceptor.is_open() || error == asio::error::operation_aborted) co_return;
    if (error) {
      ++own.counts.accept_errors;
      asio::steady_timer pause(co_await asio::this_coro::executor, kAcceptPause);  // for descriptors to come back
      co_await pause.async_wait(kAsResult);
      continue;
    }
    ++own.counts.accepted;
    admit(desk, std::move(socket));
  }
}

void Server::State::admit(Desk& desk, tcp::socket socket) {
  boost::system::error_code ignored;
  // A flush is one send of everything queued: there is nothing for Nagle to wait for.
  socket.set_option(tcp::no_delay(true), ignored);
  const auto finish = [&desk](std::exception_ptr exception) {
    --desk.counts.connections;
    if (exception) ++desk.counts.exceptions;
  };
  if (hub.open_connections() >= options.max_connections) {
    ++desks.front()->counts.refused;
    if (refusals.load() >= kMaxRefusals) return;
    ++refusals;
    asio::post(desk.worker.context(), [this, &desk, finish, refused = std::move(socket)]() mutable {
      ++desk.counts.connections;
      asio::co_spawn(desk.worker.context(), refuse(desk, std::move(refused)),
                     [this, finish](std::exception_ptr exception) {
                       --refusals;
                       finish(exception);
                     });
    });
    return;
  }
  asio::post(desk.worker.context(), [&desk, finish, accepted = std::move(socket), ticket = hub.ticket()]() mutable {
    ++desk.counts.connections;
    asio::co_spawn(desk.worker.context(), converse(desk, std::move(accepted), std::move(ticket)), finish);
  });
}

asio::awaitable<std::string> Server::State::metrics_page() {
  Reading total;
  for (const auto& desk : desks) {
    // Awaited one after the other: each part is taken on the thread that owns it.
    co_await asio::co_spawn(
        desk->worker.context(),
        [&]() -> asio::awaitable<void> {
          add(total, *desk);
          co_return;
        },
        asio::use_awaitable);
  }
  total.published = hub.published();
  total.registry = hub.registry().reading();
  co_return metrics_text(total);
}

template <class Task>
void Server::State::on_each(Task task) {
  std::vector<std::future<void>> done;
  for (const auto& desk : desks) {
    std::packaged_task<void()> packaged([&task, &desk] { task(*desk); });
    done.push_back(packaged.get_future());
    asio::post(desk->worker.context(), std::move(packaged));
  }
  for (std::future<void>& each : done) each.get();
}

Server::Server(std::unique_ptr<State> state) : state_(std::move(state)) {}
Server::Server(Server&&) noexcept = default;
Server& Server::operator=(Server&&) noexcept = default;
Server::~Server() = default;

std::uint16_t Server::port() const { return state_->port; }

Result<Server> Server::start(const Options& options) {
  const bool v6 = options.address.find(':') != std::string::npos;
  const std::string where =
      "listen on " + (v6 ? "[" + options.address + "]" : options.address) + ":" + std::to_string(options.port);
  boost::system::error_code error;
  const auto address = asio::ip::make_address(options.address, error);
  if (error) return fail(0, where + ": not an IP address", "write it like 127.0.0.1:8080 or [::1]:8080");
  auto state = std::make_unique<State>(options);
  const tcp::endpoint endpoint(address, options.port);
  tcp::acceptor& acceptor = state->acceptor;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
  if (!error) state->port = acceptor.local_endpoint(error).port();
  if (error) {
    const bool taken = error == asio::error::address_in_use;
    return fail(error.value(), where,
                taken ? "choose another with --listen 127.0.0.1:0 (any free port), or see who has it: ss -ltnp"
                      : "--listen takes an address of this machine; ports below 1024 need privilege");
  }
  asio::co_spawn(state->hub.worker(0).context(), state->accept_all(), asio::detached);
  try {
    for (std::size_t i = 0; i < state->hub.workers(); ++i) {
      state->threads.emplace_back([&worker = state->hub.worker(i)] { worker.run(); });
    }
  } catch (const std::system_error& failure) {
    return fail(failure.code().value(), "start worker " + std::to_string(state->threads.size()), "lower --workers");
  }
  return Server(std::move(state));
}

Reading Server::reading() {
  Reading total;
  if (state_->threads.empty()) {
    for (const auto& desk : state_->desks) state_->add(total, *desk);
  } else {
    std::mutex adding;
    state_->on_each([&](const Desk& desk) {
      const std::scoped_lock lock(adding);
      state_->add(total, desk);
    });
  }
  total.published = state_->hub.published();
  total.registry = state_->hub.registry().reading();
  return total;
}

Reading Server::stop() {
  const auto deadline = std::chrono::steady_clock::now() + state_->options.drain;
  state_->on_each([this](Desk& desk) {
    boost::system::error_code ignored;
    if (&desk == state_->desks.front().get()) state_->acceptor.close(ignored);
    desk.begin_drain();
    desk.worker.begin_drain();
  });
  while (state_->hub.open_connections() > 0 && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(kStopPoll);
  }
  state_->on_each([](Desk& desk) {
    desk.worker.end_all();
    desk.worker.finish();
  });
  for (std::size_t i = 0; i < state_->hub.workers(); ++i) state_->hub.worker(i).context().stop();
  for (std::thread& thread : state_->threads) thread.join();
  state_->threads.clear();
  // What publishers left with a worker that had finished already.
  for (std::size_t i = 0; i < state_->hub.workers(); ++i) state_->hub.worker(i).end_all();
  return reading();
}

}  // namespace fanlight::server::net
