// Deliveries allocate nothing: a counting allocator under a running server with real sockets.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
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

/// Allocations of the whole process while `messages` are published to `subscribers`, all taken by their clients.
std::uint64_t allocations_of(int subscribers, int messages, std::uint64_t& delivered) {
  Server server = serve({.workers = 1});
  std::vector<RawClient> clients;
  for (int i = 0; i < subscribers; ++i)
    clients.push_back(i % 2 == 0 ? subscribe_sse(server.port(), "t") : subscribe_websocket(server.port(), "t"));
  RawClient publisher(server.port());
  const std::string post = request("POST", "/topics/t", std::string(128, 'x'));
  char drop[4096];
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      publisher.send(post);
      publisher.read_some(drop, sizeof drop);
      for (RawClient& client : clients) client.read_some(drop, sizeof drop);
    }
  };
  publish(300);  // pools, outboxes, the topic's history and the kernel's buffers grow to what they need
  const std::uint64_t before = allocations.load();
  publish(messages);
  const std::uint64_t during = allocations.load() - before;
  const Reading reading = server.reading();
  delivered = reading.workers.wires[0].delivered + reading.workers.wires[1].delivered;
  return during;
}

TEST(Allocations, NonePerDelivery) {
  constexpr int kMessages = 200;
  std::uint64_t few_delivered = 0, many_delivered = 0;
  const std::uint64_t few = allocations_of(2, kMessages, few_delivered);
  const std::uint64_t many = allocations_of(102, kMessages, many_delivered);
  EXPECT_EQ(few_delivered, 2u * (300 + kMessages));
  EXPECT_EQ(many_delivered, 102u * (300 + kMessages));
  // 20,000 deliveries more, and not one allocation more than the odd growth of a vector.
  EXPECT_LE(many, few + 20) << few << " with 2 subscribers, " << many << " with 102";
  // What a publish costs is its HTTP answer.
  EXPECT_LE(few, 8u * kMessages) << few;
}

}  // namespace
}  // namespace fanlight::server::net
