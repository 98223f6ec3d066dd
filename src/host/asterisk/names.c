/*
 * res_coach: what Asterisk calls the engine's members and rooms, for the events.
 *
 * Each has one unique id for all its life. The engine may tell the last of them when they have gone, from any thread, so each name is
 * memory of its own, which the engine holds as long as it may tell of it.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "names.h"

#include "asterisk/utils.h"

struct name *name_make(const char *uniqueid)
{
	struct name *name = ast_calloc(1, sizeof(*name) + strlen(uniqueid) + 1);

	if (name) {
		strcpy(name->uniqueid, uniqueid); /* there is room for it */
	}
	return name;
}

void name_free(void *name)
{
	ast_free(name);
}

const char *name_uniqueid(const struct name *name)
{
	return name ? name->uniqueid : "";
}

void name_set_last(struct name *room, coach_member_t member)
{
	if (room) {
		__atomic_store_n(&room->last, member, __ATOMIC_RELEASE);
	}
}

int name_is_last(const struct name *room, coach_member_t member)
{
	return room && __atomic_load_n(&room->last, __ATOMIC_ACQUIRE) == member;
}
