// What is not there, what may not be looked at and who is gone are told apart.
#include "collector/inprocess/locate.hpp"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

namespace fanlight::inprocess {
namespace {

/// A child that publishes nothing and waits. Ends with this object.
class Sleeper {
 public:
  Sleeper() {
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      for (;;) ::pause();
    }
  }
  ~Sleeper() { end(); }
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_ = -1;
};

TEST(Locate, NothingPublished) {
  const Sleeper target;
  const auto found = locate(target.pid(), "/");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ENOENT);
  EXPECT_NE(found.error().what.find("publishes nothing"), std::string::npos) << found.error().what;
}

TEST(Locate, NoSuchProcess) {
  Sleeper target;
  const pid_t pid = target.pid();
  target.end();
  const auto found = locate(pid, "/");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ESRCH);
}

}  // namespace
}  // namespace fanlight::inprocess
