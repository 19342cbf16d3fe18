// holder PID: attaches, says "attached", samples until its stdin ends.
// holder --forms PID: what doctor says of each probe, and what attaching to PID says of it.
// holder --spawn PROGRAM [ARGUMENT...]: starts PROGRAM, attaches to it, says whether our numbers of its threads are
// those of /proc here. For PID namespaces: everything in it is seen from the inside.
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <set>
#include <string_view>

#include "collector/kernel/doctor.hpp"
#include "collector/kernel/probes.hpp"
#include "collector/process/process.hpp"

namespace {

using namespace fanlight;

int complain(const Error& error) {
  std::fprintf(stderr, "%s\n", error.what.c_str());
  return 1;
}

int compare_threads(char** command) {
  int in[2];
  if (::pipe(in) != 0) return 1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(in[0], STDIN_FILENO);
    ::close(in[1]);
    ::execvp(command[0], command);
    ::_exit(127);
  }
  ::usleep(300'000);
  auto probes = kernel::Probes::attach({.pid = child});
  if (!probes) return complain(probes.error());
  std::size_t strangers = 0, samples = 0;
  (void)!::write(in[1], "go\n", 3);
  for (int i = 0; i < 10; ++i) {
    const auto polled = probes->poll(std::chrono::milliseconds(50), [&](RawSample&& sample) {
      ++samples;
      strangers += sample.tid != child;
    });
    if (!polled) return complain(polled.error());
  }
  const auto reading = probes->read();
  if (!reading) return complain(reading.error());
  std::set<pid_t> ours, theirs;
  for (const auto& thread : reading->threads)
    if (!thread.ended) ours.insert(thread.tid);
  if (const auto threads = process::threads(child))
    for (const auto& thread : *threads) theirs.insert(thread.tid);
  std::printf("same %d threads %zu samples %zu strangers %zu\n", ours == theirs, ours.size(), samples, strangers);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  return ours == theirs && !ours.empty() ? 0 : 1;
}

void print_forms(const char* who, const std::vector<kernel::Form>& forms) {
  for (const kernel::Form& form : forms)
    std::printf("%s %s: %s %s\n", who, form.probe.c_str(), form.form.c_str(), form.why.c_str());
}

int compare_forms(pid_t pid) {
  print_forms("doctor", kernel::diagnose().forms);
  const auto probes = kernel::Probes::attach({.pid = pid});
  if (!probes) return complain(probes.error());
  print_forms("attached", probes->forms());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 2 && std::string_view(argv[1]) == "--spawn") return compare_threads(argv + 2);
  if (argc == 3 && std::string_view(argv[1]) == "--forms") return compare_forms(std::atoi(argv[2]));
  if (argc != 2) return 2;
  auto probes = kernel::Probes::attach({.pid = std::atoi(argv[1])});
  if (!probes) return complain(probes.error());
  std::puts("attached ");
  std::fflush(stdout);
  pollfd in{.fd = STDIN_FILENO, .events = POLLIN};
  while (::poll(&in, 1, 0) == 0)
    if (const auto polled = probes->poll(std::chrono::milliseconds(100), [](RawSample&&) {}); !polled)
      return complain(polled.error());
  return 0;
}
