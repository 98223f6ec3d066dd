/*
 * res_coach: the settings of a leg, as the engine gets them and the function COACH reads them.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "record.h"

#include "asterisk/astobj2.h"
#include "asterisk/utils.h"

/* What the engine does and what is on record of it change together, one change at a time. No media thread takes this. */
AST_MUTEX_DEFINE_STATIC(command_lock);

/* What COACH() reads, as it was set last. `value` is the record's from now on. */
static void record(struct leg *leg, char **field, char *value)
{
	char *before;

	ao2_lock(leg);
	before = *field;
	*field = value;
	ao2_unlock(leg);
	if (before != leg_private_to_nobody) {
		ast_free(before);
	}
}

void record_tags(struct leg *leg, const char *tags)
{
	record(leg, &leg->tags, tags ? ast_strdup(tags) : NULL);
}

/* When somebody began to speak openly. `command_lock` */
static struct timeval opened;

void record_mode(struct leg *leg, const char *speak_only_to)
{
	char *copy = speak_only_to ? ast_strdup(speak_only_to) : NULL;

	if (!speak_only_to) {
		/* First: who finds nobody private any more waits from then on. */
		opened = ast_tvnow();
	}
	record(leg, &leg->speak_only_to, speak_only_to && !copy ? leg_private_to_nobody : copy);
}

void record_begins(void)
{
	ast_mutex_lock(&command_lock);
}

void record_ends(void)
{
	ast_mutex_unlock(&command_lock);
}

void record_bypass(struct leg *leg, int on)
{
	if (leg->bypassed != on) {
		leg->bypassed = on;
		coach_member_bypass(leg->member, on);
	}
}

void record_apply(coach_member_t member, const char *tags, const char *speak_only_to)
{
	if (!tags || coach_tag(member, tags)) {
		coach_untag(member);
	}
	if (speak_only_to) {
		/* Without memory for its voice it is private to nobody. */
		coach_coach(member, speak_only_to);
	}
}

void record_both(struct leg *leg, const char *tags, const char *speak_only_to)
{
	record_tags(leg, tags);
	record_mode(leg, speak_only_to);
}

int64_t record_opened_ms_ago(void)
{
	int64_t since;

	ast_mutex_lock(&command_lock);
	since = ast_tvdiff_ms(ast_tvnow(), opened);
	ast_mutex_unlock(&command_lock);
	return since;
}
