/* A C program that links the writer, counts and is sampled: the link fails when any of it needs the C++ runtime. */
#include <stdio.h>
#include <unistd.h>

#include "fanlight/labels.h"
#include "fanlight/metrics.h"
#include "fanlight/sampler.h"

static volatile unsigned work;

/* Works when a line comes in, so that whoever reads it from outside is there, and ends with its input. */
int main(void)
{
	const int error = fanlight_start(250, 2);
	char byte;
	fanlight_metric orders = fanlight_counter("orders"), open = fanlight_gauge("open"), took = fanlight_histogram("took");
	fanlight_thread thread, again;

	if (error) {
		printf("start: errno %d\n", error);
		return 1;
	}
	puts("ready when you are");
	fflush(stdout);
	if (read(0, &byte, 1) != 1)
		return 1;
	const int sampled = fanlight_thread_begin(&thread, "plain");
	const int twice = fanlight_thread_begin(&again, NULL);
	fanlight_label_mark mark = fanlight_label_push(fanlight_label_key("customer"), "alice", 5);

	for (unsigned i = 0; i < 200000000; i++)
		work = work + i;
	fanlight_label_pop(mark);
	fanlight_counter_add(orders, 3);
	fanlight_counter_add(fanlight_counter("orders"), 4);
	fanlight_gauge_set(open, 10);
	fanlight_gauge_add(open, -12);
	fanlight_histogram_record(took, 1000);
	fanlight_thread_end(&again);
	printf("sampled %d, twice %d\n", sampled, twice);
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	fanlight_thread_end(&thread);
	return 0;
}
