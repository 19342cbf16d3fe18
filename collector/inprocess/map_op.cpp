#include "collector/inprocess/map_op.h"

extern "C" {
[[gnu::section(".probes"), gnu::used]] unsigned short fanlight_map_op_semaphore = 0;
}
