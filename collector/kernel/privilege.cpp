#include "collector/kernel/privilege.hpp"

#include <fcntl.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace fanlight::kernel {
namespace {

constexpr std::uint64_t bit(unsigned capability) { return std::uint64_t{1} << capability; }

// glibc wraps neither call; the layout is that of version 3: two words of 32 capabilities.
using Words = std::array<__user_cap_data_struct, 2>;

/// `pid` 0: of this process.
Result<std::uint64_t> permitted(pid_t pid) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = pid};
  Words words{};
  if (::syscall(SYS_capget, &header, words.data()) != 0) return fail(errno, "read capabilities");
  return words[0].permitted | std::uint64_t{words[1].permitted} << 32;
}

Result<> set(std::uint64_t permitted, std::uint64_t effective) {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  Words words{};
  for (unsigned i = 0; i < words.size(); ++i) {
    words[i].permitted = static_cast<__u32>(permitted >> 32 * i);
    words[i].effective = static_cast<__u32>(effective >> 32 * i);
  }
  if (::syscall(SYS_capset, &header, words.data()) != 0) return fail(errno, "give up capabilities");
  return {};
}

}  // namespace

std::uint64_t needed_to_look(std::uint64_t held, std::uint64_t target_permitted) {
  const std::uint64_t looking =
      held & (bit(CAP_SYS_PTRACE) | bit(CAP_DAC_READ_SEARCH) | bit(CAP_SYSLOG) | bit(CAP_CHECKPOINT_RESTORE));
  return (looking & bit(CAP_SYS_PTRACE)) != 0 ? looking : looking | (held & target_permitted);
}

Result<> drop_privileges(pid_t target, const std::filesystem::path& output) {
  const Result<std::uint64_t> held = permitted(0);
  if (!held) return std::unexpected(held.error());
  // A target that is gone is not looked at any more.
  std::uint64_t kept = needed_to_look(*held, permitted(target).value_or(0));
  if (!output.empty() && (*held & bit(CAP_DAC_OVERRIDE)) != 0) {
    if (Result<> tried = set(*held, kept); !tried) return tried;
    if (::faccessat(AT_FDCWD, output.c_str(), W_OK | X_OK, AT_EACCESS) != 0) kept |= bit(CAP_DAC_OVERRIDE);
    if (Result<> back = set(*held, *held); !back) return back;
  }
  // What a later exec could gain; permitted only while CAP_SETPCAP is held, and without it there is nothing to lose.
  if ((*held & bit(CAP_SETPCAP)) != 0) {
    for (unsigned capability = 0; capability < 64; ++capability)
      if ((kept & bit(capability)) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  return set(kept, kept);
}

}  // namespace fanlight::kernel
