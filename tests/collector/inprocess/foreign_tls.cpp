// A writer of somebody else's, with the variable in a library, reached as the compiler was told to: a record of its own
// and nothing of ours.
#include <cstdint>

extern "C" {

struct Record {
  std::uint8_t trace_id[16], span_id[8], valid, flags;
  std::uint16_t bytes;
  std::uint8_t attributes[64];
};

__attribute__((visibility("default"))) __thread Record* otel_thread_ctx_v1 = nullptr;

__attribute__((visibility("default"))) void module_hold_labels(void (*until)()) {
  Record record{{1}, {2}, 1, 0, 5, {0, 3, 'a', 'b', 'c'}};
  otel_thread_ctx_v1 = &record;
  until();
  otel_thread_ctx_v1 = nullptr;
}

}  // extern "C"
