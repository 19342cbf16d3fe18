// Takes root, to look as somebody else.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <string>

#include "collector/inprocess/locate.hpp"
#include "tests/child.hpp"

namespace fanlight::inprocess {
namespace {

constexpr uid_t kNobody = 65534;

/// The kernel refuses an ordinary user to look into a process of root.
TEST(Locate, NotPermittedNamesTheCapability) {
  const testing::Child target({"sleep", "30"});
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
