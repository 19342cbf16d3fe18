// Owners of libbpf's handles.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <memory>

#include "bpf/events.h"

// Made by bpftool; its structs name those of bpf/events.h, so that header comes first.
#include "fanlight.skel.h"
#include "map_entries.skel.h"

namespace fanlight::kernel {

template <auto Destroy>
struct Deleter {
  void operator()(auto* handle) const noexcept { Destroy(handle); }
};
using LinkPtr = std::unique_ptr<bpf_link, Deleter<bpf_link__destroy>>;
using RingPtr = std::unique_ptr<ring_buffer, Deleter<ring_buffer__free>>;

// Not by the template: the generated function is static, and a type that names it would differ from file to file.
struct SkeletonDeleter {
  void operator()(fanlight_bpf* skeleton) const noexcept { fanlight_bpf__destroy(skeleton); }
};
using SkeletonPtr = std::unique_ptr<fanlight_bpf, SkeletonDeleter>;

struct MapEntriesDeleter {
  void operator()(map_entries_bpf* skeleton) const noexcept { map_entries_bpf__destroy(skeleton); }
};
using MapEntriesPtr = std::unique_ptr<map_entries_bpf, MapEntriesDeleter>;

}  // namespace fanlight::kernel
