/* A C program that links the writer and the tables of its signal handler: the link fails when they need the C++ runtime. */
#include <stdio.h>

/* fanlight::inprocess::StartOptions */
struct start_options {
	unsigned hz, max_threads, ring_records;
	_Bool unwind_tables;
};
int start(const struct start_options *options) __asm__("_ZN8fanlight9inprocess5startERKNS0_12StartOptionsE");
unsigned long table_bytes(void) __asm__("_ZN8fanlight9inprocess15own_table_bytesEv");

int main(void)
{
	const struct start_options options = {.hz = 99, .max_threads = 2, .ring_records = 4, .unwind_tables = 1};
	const int error = start(&options);

	printf("start %d, %lu bytes of tables\n", error, table_bytes());
	return error != 0 || table_bytes() < 4096;
}
