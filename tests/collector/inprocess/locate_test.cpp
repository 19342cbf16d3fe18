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

constexpr uid_t kNobody = 65534;

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

/// The kernel refuses an ordinary user to look into a process of root.
TEST(Locate, NotPermittedNamesTheCapability) {
  if (::geteuid() != 0) GTEST_SKIP() << "takes root, to look as somebody else";
  const Sleeper target;
  const pid_t looker = ::fork();
  if (looker == 0) {
    if (::setresuid(kNobody, kNobody, kNobody) != 0) ::_exit(2);
    const auto found = locate(target.pid(), "/");
    const bool told = !found && found.error().code == EACCES &&
                      found.error().what.find("CAP_SYS_PTRACE") != std::string::npos &&
                      found.error().hint.find("--cap-add SYS_PTRACE --pid=host") != std::string::npos;
    ::_exit(told ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(looker, &status, 0), looker);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

}  // namespace
}  // namespace fanlight::inprocess
