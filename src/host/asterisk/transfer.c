/*
 * res_coach: a leg whose place another call has taken.
 *
 * INVITE with Replaces, REFER with Replaces, call pick-up and everything else that Asterisk does by a masquerade puts another call onto
 * the channel of a leg, with the leg's hook still there. Who comes inherits the leg's mode, which keeps it private, or keeps its own where the leg
 * had none. The leg's tags
 * were given to somebody else, and would let it hear what was said to that one: it has only those that its own call brought along.
 *
 * SPDX-License-Identifier: GPL-2.0-only
 */
#include "transfer.h"

#include "conference.h"
#include "framehook.h"
#include "record.h"
#include "settings.h"

#include "asterisk/astobj2.h"
#include "asterisk/strings.h"

/* What is on record of a leg, for as long as the caller's function runs. */
#define ON_RECORD(leg, field) ({ \
	char *copy; \
	ao2_lock(leg); \
	copy = (leg)->field ? ast_strdupa((leg)->field) : NULL; \
	ao2_unlock(leg); \
	copy; \
})

/* The leg, and the engine's member that is to be its from now on. */
static void take(struct leg *leg, coach_member_t member, const char *call_id)
{
	ao2_lock(leg);
	leg->member = member;
	leg->bypassed = 1; /* it may be that one that does */
	ast_copy_string(leg->call_id, call_id, sizeof(leg->call_id));
	ao2_unlock(leg);
}

/* The hooks of the leg, and of the one that the newcomer brought, serve their new members, and private speech is heard again, unless
 * yet another call has come. */
static void serve(struct leg *leg, struct leg *own, struct ast_channel *chan, const char *uniqueid, int private)
{
	ast_channel_lock(chan);
	if (own && own->hook) {
		hook_serve(own->hook, own->member);
	}
	hook_serve(leg->hook, leg->member);
	if (private) {
		hook_listen(leg->hook);
	}
	ao2_lock(leg);
	leg->replaced = strcmp(ast_channel_uniqueid(chan), uniqueid) != 0;
	if (leg->replaced) {
		hook_replaced(leg->hook);
	}
	ao2_unlock(leg);
	ast_channel_unlock(chan);
}

static void tell(const char *now, const char *before, const char *tags, const char *mode, int tags_pass)
{
	if (tags || mode) {
		ast_log(LOG_NOTICE, "%s has taken the place of %s: it %s%s%s%s%s\n", now, before,
			mode ? "has speakOnlyTo=" : "speaks openly", S_OR(mode, ""),
			!tags ? "" : tags_pass ? ", and memberTag=" : ", and does not inherit memberTag=", S_OR(tags, ""),
			tags && !tags_pass ? "; `coach tag` gives it tags" : "");
	}
}

void transfer_hand_over(struct leg *leg, struct ast_channel *chan)
{
	/* The newcomer's own leg, if Coach knew it. Its member has its name, and its tags. */
	RAII_VAR(struct leg *, own, leg_displaced_at(leg), ao2_cleanup);
	char name[AST_CHANNEL_NAME], uniqueid[AST_MAX_UNIQUEID], call_id[AST_CHANNEL_NAME], call_id_before[AST_CHANNEL_NAME];
	const char *tags_before, *tags, *mode;
	coach_member_t before, member;

	ast_channel_lock(chan);
	ast_copy_string(name, ast_channel_name(chan), sizeof(name));
	ast_copy_string(uniqueid, ast_channel_uniqueid(chan), sizeof(uniqueid));
	ast_channel_unlock(chan);
	leg_call_id(leg, call_id_before);

	record_begins();
	before = leg->member;
	tags_before = ON_RECORD(leg, tags);
	mode = ON_RECORD(leg, speak_only_to);
	tags = settings.tags_pass && tags_before ? tags_before : own ? ON_RECORD(own, tags) : NULL;
	if (own && own->speak_only_to) {
		/* By two modes it is private to nobody, which is within both. */
		mode = mode ? "-" : ON_RECORD(own, speak_only_to);
	}
	if (own) {
		conference_leave(own);
		member = own->member;
		leg_call_id(own, call_id);
	} else {
		member = leg_attach(name, uniqueid, tags, mode, call_id);
	}
	if (!member) {
		/* The member that was there stays, with what may pass. */
		member = before;
		strcpy(call_id, call_id_before);
	}
	take(leg, member, call_id);
	record_bypass(leg, 0);
	if (own) {
		take(own, before, call_id_before);
		record_both(own, NULL, NULL);
		/* Before it joins, so that nobody hears it for a moment whom the mode keeps out. */
		record_apply(member, tags, mode);
	}
	if (member != before) {
		conference_admit(leg);
	}
	serve(leg, own, chan, uniqueid, mode != NULL);
	if (member != before) {
		coach_member_leave(before);
		if (!own) {
			coach_member_detach(before);
		}
	}
	/* Nothing changes by this for a member that was there, or has joined: it has the events told, and who replaced whom is known. */
	record_apply(member, tags, mode);
	record_both(leg, tags, mode);
	record_ends();
	tell(name, call_id_before, tags_before, mode, settings.tags_pass);
}
