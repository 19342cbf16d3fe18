// What the programs and the library of conformance_test have in common: a thread with labels, for a reader to look at.
#pragma once

#include <string>

#include "fanlight/label.hpp"

/// Puts labels and a trace on the calling thread and waits for the end of its input.
inline void hold_labels(void (*until)()) {
  using namespace fanlight::inprocess;
  const Label topic{"topic", "conformance"};
  const Label hidden{"http.route", "/old"};
  const Label route{"http.route", "/new"};
  const TraceScope trace("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  until();
}
