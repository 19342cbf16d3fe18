// Errors of the kernel as programmers know them: "EPIPE".
#pragma once

#include <string>

namespace fanlight {

/// "EPIPE"; "ERESTARTSYS" for the kernel's own number of a call that a signal interrupted; "errno 4000" for any other
/// that has no name.
std::string errno_name(int number);

}  // namespace fanlight
