/*
 * res_coach: the module's task processor, for work that must not be done while a lock of Asterisk's is held.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "sync_queue.h"

#include "asterisk/taskprocessor.h"
#include "asterisk/utils.h"

static struct ast_taskprocessor *queue;
static sync_fn *sync_channel_of, *close_channel;

int sync_queue_start(sync_fn *sync, sync_fn *close)
{
	sync_channel_of = sync;
	close_channel = close;
	queue = ast_taskprocessor_get("coach", TPS_REF_DEFAULT);
	return queue ? 0 : -1;
}

void sync_queue_stop(void)
{
	queue = ast_taskprocessor_unreference(queue);
}

int sync_queue_push(int (*task)(void *data), void *data)
{
	return queue ? ast_taskprocessor_push(queue, task, data) : -1;
}

static void push_channel(int (*task)(void *data), const char *uniqueid)
{
	char *copy = queue ? ast_strdup(uniqueid) : NULL;

	if (copy && sync_queue_push(task, copy)) {
		ast_free(copy);
	}
}

static int sync_task(void *data)
{
	sync_channel_of(data);
	ast_free(data);
	return 0;
}

void sync_soon(const char *uniqueid)
{
	push_channel(sync_task, uniqueid);
}

static int close_task(void *data)
{
	close_channel(data);
	ast_free(data);
	return 0;
}

void close_soon(const char *uniqueid)
{
	push_channel(close_task, uniqueid);
}
