#include "ui/model/live_source.hpp"

#include <algorithm>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/websocket.hpp>

#include "collector/wire/wire.hpp"
#include "core/clock.hpp"
#include "ui/model/backoff.hpp"

namespace fanlight::ui {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace websocket = beast::websocket;
using tcp = asio::ip::tcp;
using Stream = websocket::stream<beast::tcp_stream, false>;

constexpr auto as_result = asio::as_tuple(asio::use_awaitable);

std::string words_for(const beast::error_code& error, const char* step) {
  if (error == websocket::error::upgrade_declined) return "what listens there does not serve /live";
  if (error == websocket::error::closed || error == asio::error::eof || error == asio::error::connection_reset)
    return "the collector went away";
  if (error == beast::error::timeout) return std::string(step) + ": no answer in time";
  if (error == asio::error::connection_refused) return "nothing listens there";
  return std::string(step) + ": " + error.message();
}

std::uint64_t newest_of(const profile::Profile& profile) {
  return profile.seconds.empty() ? 0 : profile.seconds.back().to_ns;
}

}  // namespace

class LiveSource::Worker {
 public:
  Worker(Endpoint endpoint, std::function<void()> arrived, Timing timing)
      : endpoint_(std::move(endpoint)),
        arrived_(std::move(arrived)),
        timing_(timing),
        timer_(context_),
        deadline_(context_),
        backoff_(timing.first_retry, timing.last_retry) {
    state_.status.place = endpoint_.text();
    publish();
    asio::co_spawn(context_, run(), asio::detached);
    thread_ = std::thread([this] { drive(); });
  }

  ~Worker() {
    context_.stop();
    thread_.join();
  }

  void ask(const Question& question) {
    asio::post(context_, [this, question] {
      if (question_ == question) return;
      question_ = question;
      changed_ = true;
      if (state_.status.phase == Phase::live) timer_.cancel();
    });
  }

  const Mailbox<Arrival>& arrivals() const { return arrivals_; }

 private:
  void drive() {
    // The one catch of this thread: Asio and protobuf throw when memory is short.
    try {
      context_.run();
    } catch (const std::exception& error) {
      state_.status.phase = Phase::waiting;
      state_.status.attempts += 1;
      state_.status.trouble = std::string("the network thread ended: ") + error.what();
      publish();
    }
  }

  void publish() {
    state_.number += 1;
    arrivals_.post(std::make_shared<const Arrival>(state_));
    if (arrived_) arrived_();
  }

  asio::awaitable<void> pause(Duration duration) {
    timer_.expires_after(duration);
    co_await timer_.async_wait(as_result);  // cancelled: there is something to do at once
  }

  asio::awaitable<void> run() {
    for (;;) {
      state_.status.phase = Phase::connecting;
      publish();
      const std::string trouble = co_await session();
      const Duration wait = backoff_.failed();
      state_.status.phase = Phase::waiting;
      state_.status.trouble = trouble;
      state_.status.attempts += 1;
      state_.status.retry_at_ns = monotonic_ns() + static_cast<std::uint64_t>(wait.count()) * 1'000'000u;
      publish();
      co_await pause(wait);
    }
  }

  /// One connection, from resolving to its end. Returns why it ended.
  asio::awaitable<std::string> session() {
    Stream stream(context_);
    const std::string broken = co_await open(stream);
    if (!broken.empty()) co_return broken;
    backoff_.succeeded();
    state_.status.phase = Phase::live;
    state_.status.trouble.clear();
    state_.status.attempts = 0;
    state_.status.ever_connected = true;
    publish();
    newest_ns_ = 0;
    slice_ns_ = 0;
    changed_ = true;
    for (;;) {
      const std::string lost = co_await exchange(stream);
      if (!lost.empty()) co_return lost;
    }
  }

  asio::awaitable<std::string> open(Stream& stream) {
    tcp::resolver resolver(context_);
    const auto [unknown, addresses] = co_await resolver.async_resolve(endpoint_.host, endpoint_.port, as_result);
    if (unknown) co_return words_for(unknown, "look up the host");
    beast::get_lowest_layer(stream).expires_after(timing_.connect);
    const auto [refused, peer] = co_await beast::get_lowest_layer(stream).async_connect(addresses, as_result);
    if (refused) co_return words_for(refused, "connect");
    beast::get_lowest_layer(stream).expires_never();  // from here on the WebSocket's own deadlines hold
    websocket::stream_base::timeout deadlines{timing_.connect, timing_.answer, false};
    stream.set_option(deadlines);
    stream.read_message_max(wire::kMaxBytes);
    stream.binary(true);
    const std::string host = endpoint_.text();
    const auto [declined] = co_await stream.async_handshake(host, "/live", as_result);
    if (declined) co_return words_for(declined, "handshake");
    co_return std::string();
  }

  /// What the collector answers to [from_ns, to_ns).
  struct Answer {
    std::string lost;  // why the connection is over; empty: it is not
    wire::Reply reply;
  };
  asio::awaitable<Answer> query(Stream& stream, std::uint64_t from_ns, std::uint64_t to_ns) {
    // The stream's own deadline starts anew with every byte, so one that trickles would keep us for ever.
    auto waiting = std::make_shared<bool>(true);
    deadline_.expires_after(timing_.answer);
    deadline_.async_wait([&stream, waiting](beast::error_code cancelled) {
      if (!cancelled && std::exchange(*waiting, false)) beast::get_lowest_layer(stream).cancel();
    });
    Answer answer = co_await converse(stream, from_ns, to_ns);
    if (!std::exchange(*waiting, false)) answer.lost = "read the answer: no answer in time";
    deadline_.cancel();
    co_return answer;
  }

  asio::awaitable<Answer> converse(Stream& stream, std::uint64_t from_ns, std::uint64_t to_ns) {
    const wire::Request request{++last_id_, from_ns, to_ns};
    const std::string question = wire::encode_request(request);
    const auto [not_sent, sent] = co_await stream.async_write(asio::buffer(question), as_result);
    if (not_sent) co_return Answer{words_for(not_sent, "ask"), {}};
    beast::flat_buffer buffer(wire::kMaxBytes);
    const auto [not_read, size] = co_await stream.async_read(buffer, as_result);
    if (not_read) co_return Answer{words_for(not_read, "read the answer"), {}};
    auto reply = wire::decode_reply({static_cast<const char*>(buffer.data().data()), size});
    if (!reply) co_return Answer{reply.error().what, {}};
    if (reply->id != request.id) co_return Answer{"the collector answered another question", {}};
    co_return Answer{{}, std::move(*reply)};
  }

  /// One question and its answer, then the pause before the next.
  asio::awaitable<std::string> exchange(Stream& stream) {
    const Question asked = question_;
    const bool fresh = std::exchange(changed_, false);
    // A range that holds nothing tells, at little cost, where the newest second ends. So we begin, and so we wait for
    // news of a range that does not follow the newest by itself: it may be ten minutes long.
    const bool probe = newest_ns_ == 0 || (!fresh && asked.range.kind != Range::Kind::last);
    // While waiting for the next slice, the range is already the one that it will end.
    const auto [from_ns, to_ns] = probe ? std::pair(~std::uint64_t{0} - 1, ~std::uint64_t{0})
                                        : ends_of(asked.range, newest_ns_ + (fresh ? 0 : slice_ns_));
    Answer answer = co_await query(stream, from_ns, to_ns);
    if (!answer.lost.empty()) co_return answer.lost;
    if (const auto* refused = std::get_if<std::string>(&answer.reply.answer); refused != nullptr) {
      if (state_.status.trouble != *refused) {
        state_.status.trouble = *refused;
        publish();
      }
      co_await pause(timing_.rest);
      co_return std::string();
    }
    auto& profile = std::get<profile::Profile>(answer.reply.answer);
    const bool news = newest_of(profile) != newest_ns_;
    std::shared_ptr<const profile::Profile> before;
    if (asked.before && !probe && (news || fresh) && profile.to_ns > profile.from_ns) {
      const auto [begin, end] = ends_before(profile.from_ns, profile.to_ns);
      Answer earlier = co_await query(stream, begin, end);
      if (!earlier.lost.empty()) co_return earlier.lost;
      if (auto* kept = std::get_if<profile::Profile>(&earlier.reply.answer);
          kept != nullptr && kept->to_ns > kept->from_ns)
        before = std::make_shared<const profile::Profile>(std::move(*kept));
    }
    take(std::move(profile), std::move(before), asked, fresh, probe);
    if (probe && news) {
      changed_ = true;
      co_return std::string();
    }
    if (!changed_) co_await pause(news ? until_next_slice() : timing_.poll);
    co_return std::string();
  }

  Duration until_next_slice() const {
    const auto most_of_it = std::chrono::nanoseconds(slice_ns_ / 5 * 4);
    return std::clamp(std::chrono::duration_cast<Duration>(most_of_it), std::min(timing_.poll, timing_.rest),
                      timing_.rest);
  }

  /// Publishes what is new.
  void take(profile::Profile&& profile, std::shared_ptr<const profile::Profile> before, const Question& asked,
            bool fresh, bool probe) {
    const std::uint64_t newest = newest_of(profile);
    const bool news = newest != newest_ns_;
    newest_ns_ = newest;
    if (!profile.seconds.empty()) slice_ns_ = profile.seconds.back().to_ns - profile.seconds.back().from_ns;
    if (news) state_.status.data_at_ns = monotonic_ns();
    if (probe || (!news && !fresh)) return;
    state_.status.trouble.clear();
    if (!profile.timeline.empty()) {
      timeline_.take(profile);
      state_.timeline = timeline_.timeline();
      profile.timeline = {};  // kept once, in chunks
    }
    state_.profile = std::make_shared<const profile::Profile>(std::move(profile));
    state_.before = std::move(before);
    state_.profile_number += 1;
    state_.range = asked.range;
    state_.compared = asked.before;
    publish();
  }

  const Endpoint endpoint_;
  const std::function<void()> arrived_;
  const Timing timing_;
  Mailbox<Arrival> arrivals_;
  asio::io_context context_{1};
  asio::steady_timer timer_, deadline_;
  // All below belong to the network thread once it runs.
  Backoff backoff_;
  Arrival state_;
  Question question_;
  TimelineStore timeline_;
  bool changed_ = true;
  std::uint64_t last_id_ = 0;
  std::uint64_t newest_ns_ = 0;
  std::uint64_t slice_ns_ = 0;
  std::thread thread_;
};

LiveSource::LiveSource(Endpoint endpoint, std::function<void()> arrived, Timing timing)
    : worker_(std::make_unique<Worker>(std::move(endpoint), std::move(arrived), timing)) {}
LiveSource::~LiveSource() = default;
void LiveSource::ask(const Question& question) { worker_->ask(question); }
const Mailbox<Arrival>& LiveSource::arrivals() const { return worker_->arrivals(); }

}  // namespace fanlight::ui
