#include "core/sample.hpp"

namespace fanlight {

std::string_view name_of(StackEnd end) {
  switch (end) {
    case StackEnd::unknown: return "unknown";
    case StackEnd::entry: return "entry reached";
    case StackEnd::room: return "more frames than a record holds";
    case StackEnd::no_mapping: return "address outside of known code";
    case StackEnd::no_rule: return "no unwind rule and no frame pointer";
    case StackEnd::unreadable: return "stack memory not readable";
    case StackEnd::not_upward: return "caller's frame below its callee's";
    case StackEnd::bad_address: return "return address that is none";
    case StackEnd::unsupported: return "unwind rule that is not supported";
    case StackEnd::frame_pointer: return "end of the frame pointers";
    case StackEnd::no_stack: return "no stack in user space";
  }
  return "unknown";
}

std::string_view name_of(Sampler sampler) {
  switch (sampler) {
    case Sampler::kernel_cpu: return "on-cpu samples";
    case Sampler::kernel_blocked: return "blocked samples";
    case Sampler::socket_write: return "socket samples";
    case Sampler::map_operation: return "map samples";
    case Sampler::inprocess_cpu: return "in-process samples";
    case Sampler::registry_operation: return "registry samples";
  }
  return "samples";
}

std::string_view name_of(FrameFound found) {
  switch (found) {
    case FrameFound::registers: return "registers";
    case FrameFound::eh_frame: return ".eh_frame";
    case FrameFound::frame_pointer: return "frame pointer";
    case FrameFound::scan: return "scan";
    case FrameFound::untold: break;
  }
  return {};
}

}  // namespace fanlight
