/* A C program with labels, an event and a trace. Prints what its own record holds. */
#include <fanlight/events.h>
#include <fanlight/labels.h>
#include <stdio.h>
#include <string.h>

int main(void)
{
	struct fanlight_trace trace;
	const char *header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
	fanlight_label_mark topic = fanlight_label_push(fanlight_label_key("topic"), "news", 4);

	if (!fanlight_trace_parse(header, strlen(header), &trace))
		return 1;
	fanlight_trace_set(trace);
	fanlight_listen(1);
	FANLIGHT_EVENT(plain, 1, 2);
	printf("labels of %d bytes, trace begins with %02x\n", otel_thread_ctx_v1->attributes_bytes,
	       otel_thread_ctx_v1->trace_id[0]);
	fanlight_label_pop(topic);
	return otel_thread_ctx_v1->attributes_bytes;
}
