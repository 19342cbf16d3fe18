/* SPDX-License-Identifier: Apache-2.0 */
/* What a thread is working on, said so that a profiler can read it at any instant. In: keys, values, a trace. Out: the
 * thread's record of OTEP-4947 behind `otel_thread_ctx_v1`, and the names of the keys in the OTEL_CTX mapping of
 * OTEP-4719. For C and C++; needs libc alone. Sources: github.com/open-telemetry/opentelemetry-specification,
 * oteps/profiles/4947-thread-ctx.md, 4719-process-ctx.md
 *
 * All of it: no locks, no allocation, async-signal-safe, threads: any, each for itself; nothing here fails the program.
 * A key that finds no room, or a value that finds none in its thread's record, is not shown and is counted. */
#ifndef FANLIGHT_LABELS_H
#define FANLIGHT_LABELS_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define FANLIGHT_LABEL_KEYS 255u  /* keys at most; an index is one byte, and the last one is not given out */
#define FANLIGHT_LABEL_NAME 47u	  /* bytes of a key's name at most */
#define FANLIGHT_LABEL_VALUE 255u /* bytes of a value at most; longer ones are cut, at a character of UTF-8 */
#define FANLIGHT_LABEL_ATTRIBUTES                                                                                      \
	612u /* bytes of all labels of a thread, two more for each: OTEP-4947 advises 640 in all */
#define FANLIGHT_NO_KEY 255u

/* A thread's record, byte for byte as OTEP-4947 has it. */
struct fanlight_thread_context {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t valid;
	uint8_t trace_flags;
	uint16_t attributes_bytes;
	uint8_t attributes[FANLIGHT_LABEL_ATTRIBUTES]; /* key, length, bytes of the value; again */
};

/* Null until the thread's first label. Read by profilers, from outside. */
extern __thread struct fanlight_thread_context *otel_thread_ctx_v1
	__attribute__((tls_model("initial-exec"), visibility("default")));

/* The key of that name, the same each time; FANLIGHT_NO_KEY when the name is empty, too long, or past the last key.
 * Cost: 5 ns for a name that was given from the same place before; the first time some 20 us, to publish it. */
unsigned fanlight_label_key(const char *name);

/* Where a record stood before a label was put on it. */
typedef struct fanlight_label_mark {
	uint16_t bytes; /* that a reader sees */
	uint16_t top;	/* that are taken */
} fanlight_label_mark;

/* Puts a label on the calling thread; a label of the same key below it is hidden until this one goes. Returns what
 * takes it off again. Labels go in the reverse order of their coming, in the thread they were put on (or in the one
 * that the whole record was moved to, see fanlight_context_install). Cost: at most 15 ns. */
fanlight_label_mark fanlight_label_push(unsigned key, const char *value, size_t bytes);
void fanlight_label_pop(fanlight_label_mark mark);

/* A W3C trace context. All zero: none. */
struct fanlight_trace {
	uint8_t trace_id[16];
	uint8_t span_id[8];
	uint8_t flags;
};

/* Sets the trace of the calling thread, returns the one before. An id without the other counts as none. Cost: at most
 * 15 ns. */
struct fanlight_trace fanlight_trace_set(struct fanlight_trace trace);
struct fanlight_trace fanlight_trace_current(void);

/* Reads a `traceparent` header. Returns 1, or 0 when it is none: then `trace` is all zero.
 * Source: www.w3.org/TR/trace-context, 3.2 */
int fanlight_trace_parse(const char *traceparent, size_t bytes, struct fanlight_trace *trace);

/* Labels and trace of the calling thread into `into`, which has room for a whole record; returns the bytes that are
 * used. */
size_t fanlight_context_save(struct fanlight_thread_context *into);
/* Makes what was saved, by any thread, the calling thread's own. `bytes` 0: nothing at all. */
void fanlight_context_install(const struct fanlight_thread_context *from, size_t bytes);

/* What found no room since the program began. */
struct fanlight_label_losses {
	uint64_t keys;
	uint64_t values;
	uint64_t cut; /* shown, but not to the end */
};
struct fanlight_label_losses fanlight_label_lost(void);

#ifdef __cplusplus
}
#endif

#endif
