/*
 * res_coach: the one task processor: what is done soon, in a thread that holds no lock.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#ifndef COACH_ASTERISK_SYNC_QUEUE_H
#define COACH_ASTERISK_SYNC_QUEUE_H

#include "res_coach.h"

/* What the queue does with a channel, by its unique id. */
typedef void sync_fn(const char *uniqueid);

/* `sync` is what `sync_soon` comes to, and `close` what `close_soon` does. */
int sync_queue_start(sync_fn *sync, sync_fn *close);
void sync_queue_stop(void);
/* Runs a task in the queue's thread. Nonzero: it will not, and `data` is the caller's. */
int sync_queue_push(int (*task)(void *data), void *data);
/* Brings the channel's leg in line with where the channel is, soon; "": the legs that were displaced. */
void sync_soon(const char *uniqueid);
/* Makes it private to nobody, soon. */
void close_soon(const char *uniqueid);

#endif /* COACH_ASTERISK_SYNC_QUEUE_H */
