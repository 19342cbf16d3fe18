// Probes on a program that a test started, driven until it has ended. In: a program at its gate. Out: all it did.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "collector/kernel/probes.hpp"
#include "tests/child.hpp"

namespace fanlight::kernel {

struct Recorded {
  std::vector<ThreadReading> threads;  // as they were when they ended
  std::vector<RawSample> samples;
  Reading last;
};

inline void expect_closed(const Ledger& ledger) {
  for (const LedgerEntry& entry : ledger) EXPECT_EQ(entry.balance(), 0) << entry.source;
}

inline const LedgerEntry& entry_of(const Reading& reading, const std::string& source) {
  for (const LedgerEntry& entry : reading.ledger)
    if (entry.source == source) return entry;
  static const LedgerEntry kNone;
  ADD_FAILURE() << "no ledger entry " << source;
  return kNone;
}

/// What the programs did not see, for messages of failing tests.
inline std::string missed(const Reading& reading) {
  std::string words;
  for (const LedgerEntry& entry : reading.ledger)
    for (const auto& [cause, count] : entry.missed)
      words += entry.source + " missed, " + cause + ": " + std::to_string(count) + "\n";
  return words;
}

/// The number after "key": on a line of JSON.
inline double number_in(const std::string& text, const std::string& key) {
  const std::size_t at = text.find("\"" + key + "\":");
  if (at == std::string::npos) {
    ADD_FAILURE() << key << " is not in " << text;
    return 0;
  }
  return std::stod(text.substr(at + key.size() + 3));
}

inline void read_once(Probes& probes, Recorded& recorded) {
  auto reading = probes.read();
  ASSERT_TRUE(reading) << reading.error().what;
  expect_closed(reading->ledger);  // at every moment, not only at the end
  for (const ThreadReading& thread : reading->threads) {
    std::uint64_t sum = 0;
    for (const std::uint64_t ns : thread.ns) sum += ns;
    EXPECT_EQ(sum, thread.to_ns - thread.from_ns) << thread.name;
    if (thread.ended) recorded.threads.push_back(thread);
  }
  recorded.last = std::move(*reading);
}

/// Attaches at the gate, lets the program go, polls and reads until it has ended. `idle`: does not look until then.
inline Recorded record(testing::Child& program, Options options = {}, bool idle = false) {
  Recorded recorded;
  EXPECT_FALSE(program.await("ready").empty()) << program.err();
  options.pid = program.pid();
  auto probes = Probes::attach(options);
  EXPECT_TRUE(probes) << probes.error().what;
  if (!probes) return recorded;
  const auto keep = [&](RawSample&& sample) { recorded.samples.push_back(std::move(sample)); };
  program.send("go");
  if (idle) program.wait();
  while (program.running()) {
    EXPECT_TRUE(probes->poll(std::chrono::milliseconds(50), keep));
    read_once(*probes, recorded);
  }
  EXPECT_TRUE(probes->poll(std::chrono::milliseconds(0), keep));
  read_once(*probes, recorded);
  // What was handed over is what the account says was delivered.
  std::map<Sampler, std::uint64_t> handed;
  for (const RawSample& sample : recorded.samples) ++handed[sample.sampler];
  EXPECT_EQ(entry_of(recorded.last, "on-cpu samples").delivered, handed[Sampler::kernel_cpu]);
  // That a wait begins is a record, and no sample.
  if (options.waits_per_second > 0)
    EXPECT_GT(entry_of(recorded.last, "blocked samples").delivered, handed[Sampler::kernel_blocked]);
  else
    EXPECT_EQ(entry_of(recorded.last, "blocked samples").delivered, handed[Sampler::kernel_blocked]);
  EXPECT_EQ(entry_of(recorded.last, "socket samples").delivered, handed[Sampler::socket_write]);
  EXPECT_EQ(entry_of(recorded.last, "map samples").delivered, handed[Sampler::map_operation]);
  EXPECT_EQ(entry_of(recorded.last, "thread ends").delivered, recorded.threads.size());
  return recorded;
}

}  // namespace fanlight::kernel
