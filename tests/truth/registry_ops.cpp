// Passes the point fanlight:map_op a known number of times, with known waiting and holding times.
#include "collector/inprocess/map_op.h"
#include "tests/truth/gate.hpp"

int main() {
  fanlight::truth::wait_at_gate();
  for (unsigned i = 0; i < 1000; ++i) FANLIGHT_MAP_OP("truth", i % 4, FANLIGHT_MAP_OP_INSERT, 100, 50);
  for (unsigned i = 0; i < 400; ++i) FANLIGHT_MAP_OP("truth", i % 4, FANLIGHT_MAP_OP_REMOVE, 200, 25);
  for (unsigned i = 0; i < 300; ++i) FANLIGHT_MAP_OP("other", 7, FANLIGHT_MAP_OP_ITERATE, 0, 1000);
  std::puts(R"({"insert":1000,"remove":400,"iterate":300})");
  return 0;
}
