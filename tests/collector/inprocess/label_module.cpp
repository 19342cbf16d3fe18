// A library that brings labels with it.
#include "tests/collector/inprocess/label_holder.hpp"

extern "C" __attribute__((visibility("default"))) void module_hold_labels(void (*until)()) { hold_labels(until); }
