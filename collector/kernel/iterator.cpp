#include "collector/kernel/iterator.hpp"

#include <unistd.h>

#include <cerrno>

#include "core/fd.hpp"

namespace fanlight::kernel {

Result<LinkPtr> attach_to_process(bpf_program* program, pid_t pid) {
  bpf_iter_link_info scope{};
  scope.task.pid = static_cast<__u32>(pid);
  LIBBPF_OPTS(bpf_iter_attach_opts, options, .link_info = &scope, .link_info_len = sizeof scope);
  LinkPtr link{bpf_program__attach_iter(program, &options)};
  if (!link) return fail(errno, std::string("attach ") + bpf_program__name(program));
  return link;
}

Result<> run_iterator(bpf_link* link, std::vector<std::byte>& bytes) {
  bytes.clear();
  const Fd fd{bpf_iter_create(bpf_link__fd(link))};
  if (!fd) return fail(errno, "open iterator");
  // The kernel fills pages of 32 KiB; less room would only mean more calls.
  constexpr std::size_t kRoom = 32 * 1024;
  for (;;) {
    const std::size_t filled = bytes.size();
    bytes.resize(filled + kRoom);
    const ssize_t got = ::read(fd.get(), bytes.data() + filled, kRoom);
    bytes.resize(filled + (got > 0 ? static_cast<std::size_t>(got) : 0));
    if (got == 0) return {};
    if (got < 0 && errno != EINTR && errno != EAGAIN) return fail(errno, "read iterator");
  }
}

}  // namespace fanlight::kernel
