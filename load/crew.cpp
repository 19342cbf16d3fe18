#include "load/crew.hpp"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>

#include "load/tally_json.hpp"

namespace fanlight::load {
namespace {

using Pools = std::vector<std::unique_ptr<SubscriberPool>>;

Result<Pools> make_pools(const Plan& plan, const std::vector<Approach>& approaches, const Expectation& expectation,
                         Shared& shared, unsigned first) {
  Pools pools;
  for (unsigned i = 0; i < plan.threads; ++i) {
    auto pool = SubscriberPool::make(plan, approaches, expectation, shared, {first + i, Crew::pools_of(plan)});
    if (!pool) return std::unexpected(std::move(pool.error()));
    pools.push_back(std::move(*pool));
  }
  return pools;
}

void start_threads(const Pools& pools, Shared& shared, std::vector<std::thread>& threads) {
  for (const auto& pool : pools) {
    threads.emplace_back([&pool = *pool, &shared] {
      while (!shared->go && !shared->stop) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      pool.run();
    });
    ::pthread_setname_np(threads.back().native_handle(), ("load-sub-" + std::to_string(threads.size() - 1)).c_str());
  }
}

void add(std::vector<Tally>& sums, const std::vector<Tally>& tallies) {
  if (sums.size() < tallies.size()) sums.resize(tallies.size());
  for (std::size_t i = 0; i < tallies.size(); ++i) sums[i].merge(tallies[i]);
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// The whole life of a worker process.
int work(const Plan& plan, const std::vector<Approach>& approaches, const Expectation& expectation, Shared& shared,
         unsigned number, int results) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  // Ctrl-C reaches everybody in the terminal; the parent decides when it is over.
  ::signal(SIGINT, SIG_IGN);
  auto pools = make_pools(plan, approaches, expectation, shared, number * plan.threads);
  if (!pools) return 1;
  std::vector<std::thread> threads;
  start_threads(*pools, shared, threads);
  for (std::thread& thread : threads) thread.join();
  std::vector<Tally> sums;
  for (const auto& pool : *pools) add(sums, pool->tallies());
  return write_all(results, tallies_to_json(sums)) ? 0 : 1;
}

}  // namespace

Result<Crew> Crew::start(const Plan& plan, const std::vector<Approach>& approaches, const Expectation& expectation,
                         Shared& shared) {
  Crew crew(shared);
  for (unsigned i = 0; i < pools_of(plan); ++i)
    crew.names_.push_back(plan.workers == 0 ? "load-sub-" + std::to_string(i)
                                            : "worker-" + std::to_string(i / plan.threads) + "/load-sub-" +
                                                  std::to_string(i % plan.threads));
  if (plan.workers == 0) {
    auto pools = make_pools(plan, approaches, expectation, shared, 0);
    if (!pools) return std::unexpected(std::move(pools.error()));
    crew.pools_ = std::move(*pools);
    start_threads(crew.pools_, shared, crew.threads_);
    return crew;
  }
  for (unsigned i = 0; i < plan.workers; ++i) {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(errno, "pipe");
    Fd read_end(ends[0]), write_end(ends[1]);
    const pid_t pid = ::fork();
    if (pid < 0) return fail(errno, "start worker " + std::to_string(i));
    if (pid == 0) {
      read_end.reset();
      crew.workers_.clear();  // the others' pipes; their pids are not ours to stop
      ::_exit(work(plan, approaches, expectation, shared, i, write_end.get()));
    }
    crew.workers_.push_back({pid, std::move(read_end)});
  }
  return crew;
}

Crew::~Crew() {
  if (threads_.empty() && workers_.empty()) return;
  (*shared_)->stop = true;
  for (std::thread& thread : threads_) thread.join();
  for (Worker& worker : workers_) {
    worker.results.reset();
    if (worker.pid > 0) ::waitpid(worker.pid, nullptr, 0);
  }
}

Result<> Crew::check() {
  for (std::size_t i = 0; i < workers_.size(); ++i) {
    int status = 0;
    if (workers_[i].pid <= 0 || ::waitpid(workers_[i].pid, &status, WNOHANG) != workers_[i].pid) continue;
    workers_[i].pid = -1;
    return fail(0,
                "worker " + std::to_string(i) +
                    (WIFSIGNALED(status) ? " was ended by signal " + std::to_string(WTERMSIG(status))
                                         : " ended with " + std::to_string(WEXITSTATUS(status))),
                "its figures are lost; out of memory?");
  }
  return {};
}

Result<std::vector<Tally>> Crew::finish() {
  std::vector<Tally> sums;
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
  for (const auto& pool : pools_) add(sums, pool->tallies());
  std::vector<Worker> workers = std::move(workers_);
  workers_.clear();
  Error error;
  for (Worker& worker : workers) {
    std::string text;
    std::array<char, 65536> buffer;
    for (ssize_t got; (got = ::read(worker.results.get(), buffer.data(), buffer.size())) != 0;) {
      if (got < 0 && errno == EINTR) continue;
      if (got < 0) break;
      text.append(buffer.data(), static_cast<std::size_t>(got));
    }
    if (worker.pid > 0) ::waitpid(worker.pid, nullptr, 0);
    auto tallies = tallies_from_json(text);
    if (tallies)
      add(sums, *tallies);
    else
      error = std::move(tallies.error());
  }
  if (!error.what.empty()) return within("a worker's results", std::move(error));
  return sums;
}

}  // namespace fanlight::load
