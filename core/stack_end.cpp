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

}  // namespace fanlight
