// Deliveries allocate nothing: a counting allocator under a running server with real sockets.
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <vector>

#include "tests/server/net/client.hpp"
#include "tests/server/net/serve.hpp"

namespace {
std::atomic<std::uint64_t> allocations = 0;
}  // namespace

void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size == 0 ? 1 : size)) return memory;
  throw std::bad_alloc();
}
void* operator new[](std::size_t size) { return operator new(size); }
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete[](void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete[](void* memory, std::size_t) noexcept { std::free(memory); }

namespace fanlight::server::net {
namespace {

/// Reads that many bytes away; allocates nothing.
void discard(RawClient& client, std::size_t bytes) {
  char drop[4096];
  while (bytes > 0) {
    const std::size_t got = client.read_some(drop, std::min(bytes, sizeof drop));
    ASSERT_GT(got, 0u);
    bytes -= got;
  }
}

std::size_t digits(std::uint64_t number) {
  std::size_t count = 1;
  while (number >= 10) number /= 10, ++count;
  return count;
}

/// Allocations of the whole process while messages are published to `subscribers`, `burst` at a time, all taken by
/// their clients.
std::uint64_t allocations_of(int subscribers, hub::SendMode send, int burst, int bursts, std::uint64_t& delivered) {
  constexpr std::size_t kPayload = 128;
  Server server = serve({.workers = 1, .send = send});
  std::vector<RawClient> clients;
  for (int i = 0; i < subscribers; ++i)
    clients.push_back(i % 2 == 0 ? subscribe_sse(server.port(), "t") : subscribe_websocket(server.port(), "t"));
  RawClient publisher(server.port());
  std::string posts;
  for (int i = 0; i < burst; ++i) posts += request("POST", "/topics/t", std::string(kPayload, 'x'));
  publisher.send(request("POST", "/topics/t", std::string(kPayload, 'x')));
  const std::size_t answer =
      read_answer(publisher).head.size() + std::string_view("{\"subscribers\":,\"id\":}\n").size();
  for (std::size_t i = 0; i < clients.size(); ++i)
    discard(clients[i], i % 2 == 0 ? kPayload + std::string_view("id: 1\ndata: \n\n").size() : kPayload + 4);
  std::uint64_t id = 1;
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      publisher.send(posts);
      std::size_t events = 0, answers = 0;
      for (int each = 0; each < burst; ++each) {
        const std::size_t number = digits(++id);
        events += kPayload + std::string_view("id: \ndata: \n\n").size() + number;
        answers += answer + digits(static_cast<std::uint64_t>(subscribers)) + number;
      }
      // The length of an answer's body has two digits, whatever they are.
      discard(publisher, answers);
      for (std::size_t each = 0; each < clients.size(); ++each)
        discard(clients[each], each % 2 == 0 ? events : static_cast<std::size_t>(burst) * (kPayload + 4));
    }
  };
  publish(300 / burst);  // pools, outboxes, the topic's history and the kernel's buffers grow to what they need
  const std::uint64_t before = allocations.load();
  publish(bursts);
  const std::uint64_t during = allocations.load() - before;
  const Reading reading = server.reading();
  delivered = reading.workers.wires[0].delivered + reading.workers.wires[1].delivered;
  return during;
}

TEST(Allocations, NonePerDelivery) {
  constexpr int kMessages = 192;
  for (const hub::SendMode send : send_modes()) {
    for (const int burst : {1, 16}) {
      SCOPED_TRACE("send mode " + std::to_string(static_cast<int>(send)) + ", " + std::to_string(burst) + " at a time");
      const std::uint64_t messages = 1 + 300 / static_cast<std::uint64_t>(burst) * burst + kMessages;
      std::uint64_t few_delivered = 0, many_delivered = 0;
      const std::uint64_t few = allocations_of(2, send, burst, kMessages / burst, few_delivered);
      const std::uint64_t many = allocations_of(102, send, burst, kMessages / burst, many_delivered);
      EXPECT_EQ(few_delivered, 2 * messages);
      EXPECT_EQ(many_delivered, 102 * messages);
      // 19,200 deliveries more, and not one allocation more than the odd growth of a vector.
      EXPECT_LE(many, few + 20) << few << " with 2 subscribers, " << many << " with 102";
      // What a publish costs is its HTTP answer.
      EXPECT_LE(few, 8u * kMessages) << few;
    }
  }
}

}  // namespace
}  // namespace fanlight::server::net
