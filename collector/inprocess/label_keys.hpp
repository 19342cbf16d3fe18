// Names of label keys, and the process context that tells them to profilers. In: names. Out: their indexes; the
// OTEL_CTX mapping of OTEP-4719 with `threadlocal.attribute_key_map`.
#pragma once

namespace fanlight::inprocess {

/// FANLIGHT_NO_KEY when there is none to be had. Threads: any, async-signal-safe.
unsigned key_of(const char* name);

/// The name of the key of that index; null past the last. Threads: any, async-signal-safe.
const char* key_name(unsigned index);

/// Publishes what there is, unless it is published already. Threads: any, async-signal-safe. Cost: some 20 us.
void publish_label_keys();

}  // namespace fanlight::inprocess
