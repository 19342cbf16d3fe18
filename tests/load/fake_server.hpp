// A broadcaster small enough to read at a glance, that can be told to misbehave. In: connections on loopback. Out: what
// the load tester should find.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/fd.hpp"

namespace fanlight::load {

/// Faults by message number per topic, from 0; `every` 0: never.
struct Misbehaviour {
  unsigned drop_every = 0;    // messages that no subscriber gets
  unsigned repeat_every = 0;  // messages that come twice
  unsigned swap_every = 0;    // messages that come after the one that follows them
  unsigned garble_every = 0;  // messages that lose their last byte
  unsigned cut_after = 0;     // messages, after which SSE subscribers are cut off
  unsigned refuse_posts_every = 0;
  unsigned die_after = 0;                  // messages, after which the listener and every connection close
  bool cut_once = false;                   // only those that were there then; what they missed is replayed by id
  std::chrono::milliseconds stall_for{0};  // so long nothing is read or sent
  std::chrono::milliseconds stall_every{0};
  enum class Sse { serve, answer, reset, ignore } sse = Sse::serve;  // what its subscribers get
  std::string sse_answer;                                            // with `answer`: these bytes, then the end
  bool chunked_sse = false;                                          // as proxies and other servers frame it
  bool refuse_websockets = false;
  bool wrong_accept = false;
  bool ping_websockets = false;
  unsigned most_sse = 0;          // subscribers; more are answered 503; 0: any number
  int retry_ms = -1;              // what SSE subscribers are told; below 0: nothing
  bool old_http = false;          // publishers are answered as by HTTP/1.0: the end of the connection ends the answer
  bool keep_half_closed = false;  // a client that ends its sending side goes on receiving
  std::uint64_t max_frame = 0;    // bytes of a WebSocket frame, above which the stream is closed with 1009; 0: any
};

/// When nothing was served, by the server's own clock (CLOCK_MONOTONIC).
struct Stall {
  std::uint64_t begin_ns;
  std::uint64_t end_ns;
};

/// Serves in one thread of its own until destroyed.
class FakeServer {
 public:
  explicit FakeServer(const Misbehaviour& misbehaviour = {});
  ~FakeServer();
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  std::uint64_t posts() const { return posts_; }
  std::uint64_t pongs() const { return pongs_; }
  std::uint64_t websocket_bytes() const { return websocket_bytes_; }  // received
  std::uint64_t accepted() const { return accepted_; }
  std::uint16_t port() const { return port_; }
  /// Ends the server; after that, what it saw.
  void stop();
  const std::vector<Stall>& stalls() const { return stalls_; }
  const std::set<std::string>& peers() const { return peers_; }
  const std::vector<std::string>& requests() const { return requests_; }  // heads of the first hundred

 private:
  struct Client {
    Fd fd;
    enum { unknown, sse, websocket } kind = unknown;
    std::string in;
    std::string out;
    bool cut = false;
    bool replays = false;
    bool half_closed = false;
    bool refused = false;  // told to close
  };

  void serve();
  void on_input(Client& client);
  void on_request(Client& client, const std::string& head, const std::string& body);
  void broadcast(const std::string& message);
  void deliver(const std::string& message);
  void stall_when_due();

  Misbehaviour misbehaviour_;
  Fd listener_;
  std::uint16_t port_ = 0;
  std::map<int, std::unique_ptr<Client>> clients_;
  std::uint64_t number_ = 0;
  unsigned sse_ = 0;  // subscribers that were taken
  std::string held_back_;
  std::vector<std::string> history_;  // events, if cut_once
  std::vector<Stall> stalls_;
  std::set<std::string> peers_;  // addresses that connected
  std::vector<std::string> requests_;
  std::uint64_t next_stall_ns_ = 0;
  std::atomic<std::uint64_t> accepted_ = 0;
  std::atomic<std::uint64_t> posts_ = 0;
  std::atomic<std::uint64_t> pongs_ = 0;
  std::atomic<std::uint64_t> websocket_bytes_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace fanlight::load
